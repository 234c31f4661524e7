package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The beginning and the end of the header Signature, around the signature in base64. No
// library for this draft is still maintained. Drone always sends the same parameters in
// the same order, so anything else is malformed.
const (
	httpSignatureStart = `keyId="hmac-key",algorithm="hmac-sha256",headers="date digest",signature="`
	httpSignatureEnd   = `"`
)

// HTTP checks an HTTP signature (draft-cavage-http-signatures) as Drone makes it. The
// header Signature contains the HMAC-SHA256 of the headers Date and Digest with one of
// the secrets, and Digest is the SHA-256 hash of the body. Date must differ from now by
// at most window; a window of 0 turns this off.
func HTTP(secrets []Secret, header http.Header, body []byte, now time.Time, window time.Duration) error {
	if err := HTTPHeader(secrets, header, now, window); err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	expected := "SHA-256=" + base64.StdEncoding.EncodeToString(hash[:])
	if subtle.ConstantTimeCompare([]byte(expected), []byte(header.Get("Digest"))) == 0 {
		return fmt.Errorf("%s %w the body", "Digest", ErrMismatch)
	}
	return nil
}

// HTTPHeader returns the error that HTTP would return for every body, or nil. That
// includes a signature with another secret, because only headers are signed.
func HTTPHeader(secrets []Secret, header http.Header, now time.Time, window time.Duration) error {
	signature, err := only(header, "Signature")
	if err != nil {
		return err
	}
	date, err := only(header, "Date")
	if err != nil {
		return err
	}
	digest, err := only(header, "Digest")
	if err != nil {
		return err
	}
	encoded, starts := strings.CutPrefix(signature, httpSignatureStart)
	encoded, ends := strings.CutSuffix(encoded, httpSignatureEnd)
	if !starts || !ends || len(encoded) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return fmt.Errorf("%s is %w, expected %s…%s", "Signature", ErrMalformed, httpSignatureStart, httpSignatureEnd)
	}
	sent, err := time.Parse(http.TimeFormat, date)
	if err != nil {
		return fmt.Errorf("%s is %w, expected a time such as %s", "Date", ErrMalformed, http.TimeFormat)
	}
	if err := checkAge(sent, "Date", now, window); err != nil {
		return err
	}
	matched := 0
	signed := []byte("date: " + date + "\ndigest: " + digest)
	for _, secret := range secrets {
		expected := base64.StdEncoding.EncodeToString(sum(secret.text(), signed))
		matched |= subtle.ConstantTimeCompare([]byte(expected), []byte(encoded))
	}
	return matchedAny(matched, "Signature", len(secrets))
}
