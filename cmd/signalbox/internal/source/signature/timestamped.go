package signature

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Timestamped checks a header whose only value is "timestamp=T,signature=S": S is the
// HMAC-SHA256 of T, a period and the body with one of the secrets, as lower-case
// hexadecimal digits. It also checks that T, in seconds since 1970, differs from now by at
// most window; a window of 0 turns this off.
func Timestamped(secrets []Secret, header http.Header, name string, body []byte, now time.Time, window time.Duration) error {
	timestamp, digits, err := parseTimestamped(header, name, now, window)
	if err != nil {
		return err
	}
	return matchHMAC(secrets, name, digits, []byte(timestamp+"."), body)
}

// TimestampedHeader returns the error that Timestamped would return for every body, or
// nil.
func TimestampedHeader(header http.Header, name string, now time.Time, window time.Duration) error {
	_, _, err := parseTimestamped(header, name, now, window)
	return err
}

func parseTimestamped(header http.Header, name string, now time.Time, window time.Duration) (timestamp, digits string, err error) {
	value, err := only(header, name)
	if err != nil {
		return "", "", err
	}
	value, hasTimestamp := strings.CutPrefix(value, "timestamp=")
	timestamp, digits, hasSignature := strings.Cut(value, ",signature=")
	if !hasTimestamp || !hasSignature || !isHMAC(digits) {
		return "", "", fmt.Errorf("%s is %w, expected timestamp=SECONDS,signature=DIGITS with 64 lower-case hexadecimal digits", name, ErrMalformed)
	}
	sent, err := parseTimestamp(timestamp, name)
	if err != nil {
		return "", "", err
	}
	return timestamp, digits, checkAge(sent, name, now, window)
}

// maxTimestamp is the end of the year 9999.
const maxTimestamp = 253402300799

// parseTimestamp returns the time that is written as seconds since 1970 in the header with
// the name.
func parseTimestamp(text, name string) (time.Time, error) {
	sent, err := strconv.ParseInt(text, 10, 64)
	if err != nil || sent < 0 || sent > maxTimestamp {
		return time.Time{}, fmt.Errorf("%s is %w, expected seconds since 1970", name, ErrMalformed)
	}
	return time.Unix(sent, 0).UTC(), nil
}

// checkAge checks that a time in the header with the name differs from now by at most
// window; a window of 0 turns this off.
func checkAge(sent time.Time, name string, now time.Time, window time.Duration) error {
	if age := now.Sub(sent); window > 0 && age.Abs() > window {
		return fmt.Errorf("%s is %w of %s: got %s, expected about %s; are both clocks right?",
			name, ErrStale, window, sent.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}
