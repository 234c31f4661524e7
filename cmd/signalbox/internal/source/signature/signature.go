package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The reasons why a request is not authentic.
var (
	ErrMissing   = errors.New("missing")
	ErrMalformed = errors.New("malformed")
	ErrMismatch  = errors.New("does not match")
	ErrStale     = errors.New("outside the replay window")
)

// HMAC checks a header whose only value is prefix and the HMAC-SHA256 of the body with
// one of the secrets, as lower-case hexadecimal digits.
func HMAC(secrets []Secret, header http.Header, name, prefix string, body []byte) error {
	digits, err := parseHMAC(header, name, prefix)
	if err != nil {
		return err
	}
	return matchHMAC(secrets, name, digits, body)
}

// matchHMAC checks that the digits are the HMAC-SHA256 of the concatenated parts with one
// of the secrets. name is the name of the header with the digits.
func matchHMAC(secrets []Secret, name, digits string, parts ...[]byte) error {
	// The digits are compared, not the bytes that they stand for, so that there is only
	// one valid value of the header.
	var expected [2 * sha256.Size]byte
	matched := 0
	for _, secret := range secrets {
		hex.Encode(expected[:], sum(secret.text(), parts...))
		matched |= subtle.ConstantTimeCompare(expected[:], []byte(digits))
	}
	return matchedAny(matched, name, len(secrets))
}

// isHMAC reports whether the text has the form of a HMAC-SHA256 in lower-case hexadecimal
// digits.
func isHMAC(digits string) bool {
	return len(digits) == 2*sha256.Size && strings.Trim(digits, "0123456789abcdef") == ""
}

// HMACHeader returns the error that HMAC would return for every body, or nil.
func HMACHeader(header http.Header, name, prefix string) error {
	_, err := parseHMAC(header, name, prefix)
	return err
}

func parseHMAC(header http.Header, name, prefix string) (digits string, err error) {
	value, err := only(header, name)
	if err != nil {
		return "", err
	}
	digits, ok := strings.CutPrefix(value, prefix)
	if !ok || !isHMAC(digits) {
		return "", fmt.Errorf("%s is %w, expected %s and %d lower-case hexadecimal digits", name, ErrMalformed, orNothing(prefix), 2*sha256.Size)
	}
	return digits, nil
}

// Token checks a header whose only value is one of the secrets.
func Token(secrets []Secret, header http.Header, name string) error {
	value, err := only(header, name)
	if err != nil {
		return err
	}
	return matchToken(secrets, value, name)
}

// matchToken checks that the value is one of the secrets. name is its name in errors.
func matchToken(secrets []Secret, value, name string) error {
	// Comparing hashes hides the lengths of the secrets.
	got := sha256.Sum256([]byte(value))
	matched := 0
	for _, secret := range secrets {
		expected := sha256.Sum256(secret.text())
		matched |= subtle.ConstantTimeCompare(expected[:], got[:])
	}
	return matchedAny(matched, name, len(secrets))
}

// only returns the only value of a header. Several values are an error: a proxy in
// front of this program might have checked another one.
func only(header http.Header, name string) (string, error) {
	switch values := header.Values(name); {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", fmt.Errorf("%s is %w: is the secret set in the settings of the webhook?", name, ErrMissing)
	case len(values) > 1:
		return "", fmt.Errorf("%s is %w: got %d values, expected one", name, ErrMalformed, len(values))
	default:
		return values[0], nil
	}
}

func matchedAny(matched int, name string, secrets int) error {
	switch {
	case matched == 1:
		return nil
	case secrets == 1:
		return fmt.Errorf("%s %w the configured secret", name, ErrMismatch)
	default:
		return fmt.Errorf("%s %w any of the %d configured secrets", name, ErrMismatch, secrets)
	}
}

// sum returns the HMAC-SHA256 of the concatenated parts.
func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

func orNothing(prefix string) string {
	if prefix == "" {
		return "no prefix"
	}
	return prefix
}
