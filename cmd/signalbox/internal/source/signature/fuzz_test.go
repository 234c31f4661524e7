package signature_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// FuzzHMAC checks arbitrary headers. Only the signature of the body may be accepted.
func FuzzHMAC(f *testing.F) {
	const valid = "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"
	for _, seed := range []string{"", "a,b", "v1", "v1=", "sha256=", valid, valid + "0", strings.ToUpper(valid), "v1=" + strings.Repeat("0", 64)} {
		f.Add(seed)
	}
	known := secrets("other", "secret")
	f.Fuzz(func(t *testing.T, value string) {
		err := signature.HMAC(known, http.Header{"X-Signature": {value}}, "X-Signature", "v1=", []byte("hello world"))
		if (err == nil) != (value == valid) {
			t.Errorf("%q: got %v", value, err)
		}
	})
}

// FuzzToken checks arbitrary tokens. Only the secret may be accepted.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "secret", "secret ", "\x00secret", "whsec_"} {
		f.Add(seed)
	}
	known := secrets("other", "secret")
	f.Fuzz(func(t *testing.T, value string) {
		err := signature.Token(known, http.Header{"X-Token": {value}}, "X-Token")
		if (err == nil) != (value == "secret" || value == "other") {
			t.Errorf("%q: got %v", value, err)
		}
	})
}

// FuzzTimestamped checks arbitrary headers. Only the signature of the body may be accepted.
func FuzzTimestamped(f *testing.F) {
	for _, seed := range []string{"", "a,b", "timestamp=", "timestamp=1,signature=", "signature=,timestamp=", timestamped, timestamped + "," + timestamped,
		"timestamp=1e9,signature=" + timestampedDigits, "timestamp=,signature=" + timestampedDigits} {
		f.Add(seed)
	}
	known := secrets("other", "secret")
	f.Fuzz(func(t *testing.T, value string) {
		err := signature.Timestamped(known, http.Header{"X-Signature": {value}}, "X-Signature", []byte(timestampedBody), time.Unix(1772618400, 0), time.Minute)
		if (err == nil) != (value == timestamped) {
			t.Errorf("%q: got %v", value, err)
		}
	})
}

// FuzzRequestToken checks arbitrary values of Authorization and queries. Only the secret,
// in one place, may be accepted, and errors must not contain what was sent.
func FuzzRequestToken(f *testing.F) {
	const basic = "Basic c2lnbmFsYm94OnNlY3JldA=="
	for _, seed := range [][2]string{{"", ""}, {"Bearer secret", ""}, {basic, ""}, {"", "token=secret"}, {"", "x=y&token=s%65cret&token"}, {"Bearer secret", "token=secret"}, {"Basic", "token=%"}, {"Bearer ", ";token=secret"}} {
		f.Add(seed[0], seed[1])
	}
	known := secrets("other", "secret")
	errs := map[string]bool{}
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: query}}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		err := signature.RequestToken(known, r)
		values, queryErr := url.ParseQuery(query)
		queried := values["token"]
		scheme, token, _ := strings.Cut(authorization, " ")
		_, password, _ := r.BasicAuth()
		isSecret := func(s string) bool { return s == "secret" || s == "other" }
		want := queryErr == nil && (len(queried) == 0 && (strings.EqualFold(scheme, "bearer") && isSecret(token) || isSecret(password)) ||
			authorization == "" && len(queried) == 1 && isSecret(queried[0]))
		if (err == nil) != want {
			t.Errorf("%q, %q: got %v", authorization, query, err)
		}
		if err != nil {
			errs[regexp.MustCompile(`got \d+,`).ReplaceAllString(err.Error(), "")] = true
		}
		if len(errs) > 5 {
			t.Errorf("got too many different errors: %q", slices.Sorted(maps.Keys(errs)))
		}
	})
}

// FuzzStandard checks arbitrary headers. Only the signature of the body, in a list, may
// be accepted.
func FuzzStandard(f *testing.F) {
	const id, timestamp, valid = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, seed := range []string{"", "v1", "v1,", "a,b", "v1a,x " + valid, valid + " " + valid, "v1,v1,", " "} {
		f.Add(id, timestamp, seed)
	}
	for _, seed := range []string{"", "-1", "+1614265330", "1e9", "9223372036854775808", "01614265330"} {
		f.Add(id, seed, valid)
	}
	f.Add("", timestamp, valid)
	key, err := signature.ParseKey(secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id2, timestamp2, signatures string) {
		header := http.Header{"Webhook-Id": {id2}, "Webhook-Timestamp": {timestamp2}, "Webhook-Signature": {signatures}}
		err := signature.Standard([]signature.Key{key}, header, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0), time.Minute)
		listed := false
		for entry := range strings.SplitSeq(signatures, " ") {
			listed = listed || entry == valid
		}
		if (err == nil) != (id2 == id && timestamp2 == timestamp && listed) {
			t.Errorf("%q %q %q: got %v", id2, timestamp2, signatures, err)
		}
	})
}

// FuzzHTTP checks arbitrary headers and bodies. Only the signed ones may be accepted.
func FuzzHTTP(f *testing.F) {
	const (
		date   = "Wed, 04 Mar 2026 10:00:00 GMT"
		digest = "SHA-256=uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="
		start  = `keyId="hmac-key",algorithm="hmac-sha256",headers="date digest",signature="`
		valid  = start + `JPZK2JctIjXWEwHbtJZ/ogiQc2/GkoX/R0UYDi+LJ/s="`
		body   = "hello world"
	)
	for _, seed := range []string{valid, "", "a,b", "keyId=", start, start + `"`, valid + "x", valid + "," + valid} {
		f.Add(date, digest, seed, body)
	}
	for _, seed := range []string{"", "0", "Wed, 04 Mar 2026 10:00:01 GMT", "wed, 04 Mar 2026 10:00:00 GMT", "Wed, 4 Mar 2026 10:00:00 GMT"} {
		f.Add(seed, digest, valid, body)
	}
	f.Add(date, "SHA-256=", valid, "")
	known := secrets("other", "secret")
	f.Fuzz(func(t *testing.T, date2, digest2, signature2, body2 string) {
		header := http.Header{"Date": {date2}, "Digest": {digest2}, "Signature": {signature2}}
		err := signature.HTTP(known, header, []byte(body2), time.Unix(1772618400, 0), time.Minute)
		headerErr := signature.HTTPHeader(known, header, time.Unix(1772618400, 0), time.Minute)
		isSigned := date2 == date && digest2 == digest && signature2 == valid
		if (headerErr == nil) != isSigned || (err == nil) != (isSigned && body2 == body) {
			t.Errorf("%q %q %q %q: got %v, and %v for the headers", date2, digest2, signature2, body2, err, headerErr)
		}
	})
}

// FuzzParseKey parses arbitrary keys. A key must be accepted with the prefix only.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_=", "whsec_A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := signature.New(text)
		if err != nil {
			return
		}
		if _, err := signature.ParseKey(secret); err == nil && (!secret.IsKey() || !strings.HasPrefix(text, "whsec_")) {
			t.Errorf("%q is accepted", text)
		}
	})
}
