package signature

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// keyPrefix marks the secrets that are keys of Standard Webhooks.
const keyPrefix = "whsec_"

// The headers of Standard Webhooks. The signature is over id, timestamp and body.
const (
	idHeader        = "webhook-id"
	timestampHeader = "webhook-timestamp"
	signatureHeader = "webhook-signature"
)

// A Key signs webhooks as Standard Webhooks (www.standardwebhooks.com) specifies, with
// HMAC-SHA256.
type Key struct{ secret Secret }

// IsKey reports whether the secret is written as a key of Standard Webhooks, so that
// ParseKey can be called.
func (s Secret) IsKey() bool { return bytes.HasPrefix(s.text(), []byte(keyPrefix)) }

// ParseKey returns the key that is written as "whsec_" and 24 to 64 bytes in base64.
func ParseKey(s Secret) (Key, error) {
	encoded, ok := strings.CutPrefix(string(s.text()), keyPrefix)
	if !ok {
		return Key{}, errors.New("got a secret without whsec_, expected a signing key such as whsec_…")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Key{}, errors.New("got a signing key that is not base64 after whsec_, expected the key as the CI system shows it")
	}
	if len(key) < 24 || len(key) > 64 {
		return Key{}, fmt.Errorf("got a signing key of %d bytes, expected 24 to 64", len(key))
	}
	return Key{newSecret(key)}, nil
}

// Format writes a placeholder instead of the key.
func (k Key) Format(f fmt.State, verb rune) { k.secret.Format(f, verb) }

// HasStandard reports whether a request is signed as Standard Webhooks specifies.
func HasStandard(header http.Header) bool { return header.Get(signatureHeader) != "" }

// Standard checks the signature of Standard Webhooks with any of the keys. It also
// checks that the signed timestamp differs from now by at most window; a window of 0
// turns this off.
func Standard(keys []Key, header http.Header, body []byte, now time.Time, window time.Duration) error {
	prefix, sums, err := parseStandard(header, now, window)
	if err != nil {
		return err
	}
	matched := 0
	for _, key := range keys {
		expected := base64.StdEncoding.AppendEncode(nil, sum(key.secret.text(), prefix, body))
		for _, s := range sums {
			matched |= subtle.ConstantTimeCompare(expected, s)
		}
	}
	return matchedAny(matched, signatureHeader, len(keys))
}

// StandardHeader returns the error that Standard would return for every body, or nil.
func StandardHeader(header http.Header, now time.Time, window time.Duration) error {
	_, _, err := parseStandard(header, now, window)
	return err
}

// parseStandard returns what is signed in front of the body, and the signatures in
// base64.
func parseStandard(header http.Header, now time.Time, window time.Duration) (prefix []byte, sums [][]byte, err error) {
	id, err := only(header, idHeader)
	if err != nil {
		return nil, nil, err
	}
	timestamp, err := only(header, timestampHeader)
	if err != nil {
		return nil, nil, err
	}
	signatures, err := only(header, signatureHeader)
	if err != nil {
		return nil, nil, err
	}
	sent, err := parseTimestamp(timestamp, timestampHeader)
	if err != nil {
		return nil, nil, err
	}
	// Other versions than v1, such as v1a, are signatures with other algorithms.
	for entry := range strings.SplitSeq(signatures, " ") {
		if encoded, ok := strings.CutPrefix(entry, "v1,"); ok && len(encoded) == base64.StdEncoding.EncodedLen(sha256.Size) {
			sums = append(sums, []byte(encoded))
		}
	}
	if sums == nil {
		return nil, nil, fmt.Errorf("%s is %w, expected \"v1,\" and a signature in base64", signatureHeader, ErrMalformed)
	}
	if err := checkAge(sent, timestampHeader, now, window); err != nil {
		return nil, nil, err
	}
	return []byte(id + "." + timestamp + "."), sums, nil
}
