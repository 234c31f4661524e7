package github_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

const signatureHeader = "X-Hub-Signature-256"

// secrets are those of the fixtures, and the one that replaces them.
func secrets(t testing.TB) []signature.Secret {
	var secrets []signature.Secret
	for _, text := range []string{"next-secret", "signalbox-fixture-secret"} {
		secret, err := signature.New(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func TestFixturesAreSigned(t *testing.T) {
	known := secrets(t)
	for _, f := range payloadtest.Load(t, "testdata") {
		payloadtest.FlipBits(t, f, []string{signatureHeader}, func(header http.Header, body []byte) error {
			return github.Verifier(known).Verify(&http.Request{Header: header}, body, time.Time{})
		})
		r := &http.Request{Header: f.Header}
		if github.Verifier(known[:1]).Verify(r, f.Body, time.Time{}) == nil || github.Verifier(nil).Verify(r, f.Body, time.Time{}) == nil {
			t.Errorf("%s is accepted without its secret", f.Path)
		}
	}
}

// FuzzVerify checks arbitrary headers and bodies. Only the fixture may be accepted.
func FuzzVerify(f *testing.F) {
	fixture := payloadtest.Load(f, "testdata")[0]
	valid := fixture.Header.Get(signatureHeader)
	for _, seed := range []string{valid, "", "a,b", "sha256", "sha256=", "sha1=" + valid, valid[:20]} {
		f.Add(seed, fixture.Body)
	}
	known := secrets(f)
	f.Fuzz(func(t *testing.T, value string, body []byte) {
		v := github.Verifier(known)
		r := &http.Request{Header: http.Header{http.CanonicalHeaderKey(signatureHeader): {value}}}
		err := v.Verify(r, body, time.Time{})
		// The header is malformed if and only if it cannot be valid for any body.
		if headerErr := v.CheckHeader(r, time.Time{}); (headerErr != nil) != (err != nil && !errors.Is(err, signature.ErrMismatch)) {
			t.Errorf("%q: the header: got %v", value, headerErr)
		}
		if (err == nil) != (value == valid && string(body) == string(fixture.Body)) {
			t.Errorf("%q: got %v", value, err)
		}
	})
}
