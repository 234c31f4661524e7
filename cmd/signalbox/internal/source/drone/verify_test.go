package drone_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/drone"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// signed is when the fixtures are signed.
var signed = time.Unix(1772618400, 0)

func newVerifier(t testing.TB, texts ...string) *drone.Verifier {
	var secrets []signature.Secret
	for _, text := range texts {
		secret, err := signature.New(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return drone.NewVerifier(secrets, 5*time.Minute)
}

func TestFixturesAreSigned(t *testing.T) {
	v := newVerifier(t, "next-secret", "signalbox-fixture-secret")
	for _, f := range payloadtest.Load(t, "testdata") {
		payloadtest.FlipBits(t, f, []string{"Signature", "Digest", "Date"}, func(header http.Header, body []byte) error {
			return v.Verify(&http.Request{Header: header}, body, signed)
		})
		if err := newVerifier(t, "next-secret").CheckHeader(&http.Request{Header: f.Header}, signed); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%s: without its secret: got %v", f.Path, err)
		}
	}
}

func TestOldSignatureIsRejected(t *testing.T) {
	v, f := newVerifier(t, "signalbox-fixture-secret"), payloadtest.Load(t, "testdata")[0]
	r := &http.Request{Header: f.Header}
	for _, check := range []func(time.Time) error{
		func(now time.Time) error { return v.CheckHeader(r, now) },
		func(now time.Time) error { return v.Verify(r, f.Body, now) },
	} {
		if err := check(signed.Add(5 * time.Minute)); err != nil {
			t.Error(err)
		}
		if err := check(signed.Add(5*time.Minute + time.Second)); !errors.Is(err, signature.ErrStale) {
			t.Errorf("got %v", err)
		}
	}
}
