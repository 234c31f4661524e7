package buildkite_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/buildkite"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

const (
	secret          = "signalbox-fixture-secret" // of the fixtures
	signatureHeader = "X-Buildkite-Signature"
	tokenHeader     = "X-Buildkite-Token"
)

// signed is when the fixtures are signed.
var signed = time.Unix(1772618400, 0)

func newVerifier(t testing.TB, texts ...string) *buildkite.Verifier {
	t.Helper()
	var secrets []signature.Secret
	for _, text := range texts {
		s, err := signature.New(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, s)
	}
	return buildkite.NewVerifier(secrets, 5*time.Minute)
}

// verify verifies a request.
func verify(v *buildkite.Verifier, header http.Header, body []byte, at time.Time) error {
	return v.Verify(&http.Request{Header: header}, body, at)
}

func TestFixturesAreAuthentic(t *testing.T) {
	v := newVerifier(t, "next-secret", secret)
	for _, f := range payloadtest.Load(t, "testdata") {
		if f.Header.Get(signatureHeader) == "" {
			if err := verify(v, f.Header, f.Body, time.Now()); err != nil {
				t.Errorf("%s: %v", f.Path, err)
			}
		} else {
			payloadtest.FlipBits(t, f, []string{signatureHeader}, func(header http.Header, body []byte) error {
				return verify(v, header, body, signed)
			})
		}
		if verify(newVerifier(t, "next-secret"), f.Header, f.Body, signed) == nil || verify(newVerifier(t), f.Header, f.Body, signed) == nil {
			t.Errorf("%s is accepted without its secret", f.Path)
		}
	}
}

func TestVerify(t *testing.T) {
	f := payloadtest.One(t, "testdata/job.started")
	valid := f.Header.Get(signatureHeader)
	for _, c := range []struct {
		name              string
		signatures, token []string
		at                time.Time
		want              error
	}{
		{"neither", nil, nil, signed, signature.ErrMissing},
		{"signature", []string{valid}, nil, signed, nil},
		{"signature at the end of the window", []string{valid}, nil, signed.Add(5 * time.Minute), nil},
		{"old signature", []string{valid}, nil, signed.Add(5*time.Minute + time.Second), signature.ErrStale},
		{"signature of the future", []string{valid}, nil, signed.Add(-time.Hour), signature.ErrStale},
		{"two signatures", []string{valid, valid}, nil, signed, signature.ErrMalformed},
		{"token", nil, []string{secret}, signed.Add(1000 * time.Hour), nil},
		{"wrong token", nil, []string{"x"}, signed, signature.ErrMismatch},
		{"empty token", nil, []string{""}, signed, signature.ErrMissing},
		{"two tokens", nil, []string{secret, secret}, signed, signature.ErrMalformed},
		{"signature sent as token", nil, []string{valid}, signed, signature.ErrMismatch},
		{"token sent as signature", []string{secret}, nil, signed, signature.ErrMalformed},

		{"both", []string{valid}, []string{secret}, signed, nil},
		{"old signature, valid token", []string{valid}, []string{secret}, signed.Add(time.Hour), signature.ErrStale},
		{"malformed signature, valid token", []string{"a,b"}, []string{secret}, signed, signature.ErrMalformed},
		{"empty signature, valid token", []string{""}, []string{secret}, signed, signature.ErrMissing},
		{"valid signature, wrong token", []string{valid}, []string{"x"}, signed, signature.ErrMismatch},
		{"valid signature, empty token", []string{valid}, []string{""}, signed, signature.ErrMissing},
		{"old signature, wrong token", []string{valid}, []string{"x"}, signed.Add(time.Hour), signature.ErrStale},

		{"garbage", []string{"a,b"}, nil, signed, signature.ErrMalformed},
		{"no value", []string{"timestamp"}, nil, signed, signature.ErrMalformed},
		{"empty values", []string{"timestamp=,signature="}, nil, signed, signature.ErrMalformed},
		{"another scheme", []string{"sha256="}, nil, signed, signature.ErrMalformed},
		{"only a signature", []string{valid[strings.Index(valid, ",")+1:]}, nil, signed, signature.ErrMalformed},
	} {
		header := http.Header{signatureHeader: c.signatures, tokenHeader: c.token}
		if err := verify(newVerifier(t, "next-secret", secret), header, f.Body, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, expected %v", c.name, err, c.want)
		}
		// Each of these errors is in the headers, whatever the body is.
		if err := newVerifier(t, "next-secret", secret).CheckHeader(&http.Request{Header: header}, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: the header: got %v, expected %v", c.name, err, c.want)
		}
	}
	v := newVerifier(t, "next-secret")
	if err := v.CheckHeader(&http.Request{Header: f.Header}, signed); err != nil {
		t.Errorf("a signature with another secret, without the body: got %v", err)
	}
	both := http.Header{signatureHeader: {valid}, tokenHeader: {"next-secret"}}
	if err := verify(v, both, f.Body, signed); !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("a signature with another secret, and a valid token: got %v", err)
	}
}

func TestWindowOfZeroAcceptsOldSignatures(t *testing.T) {
	f := payloadtest.One(t, "testdata/job.started")
	s, err := signature.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(buildkite.NewVerifier([]signature.Secret{s}, 0), f.Header, f.Body, signed.Add(10_000*time.Hour)); err != nil {
		t.Errorf("got %v", err)
	}
}

// FuzzVerify checks arbitrary headers. Only the signature and the token may be accepted.
func FuzzVerify(f *testing.F) {
	fixture := payloadtest.One(f, "testdata/job.started")
	valid := fixture.Header.Get(signatureHeader)
	for _, seed := range []string{valid, "a,b", "timestamp=", "timestamp=1,signature=", "sha256=" + valid, valid[:20]} {
		f.Add(seed, "")
		f.Add(seed, secret)
	}
	f.Add("", secret)
	f.Add("", secret+" ")
	v := newVerifier(f, "next-secret", secret)
	f.Fuzz(func(t *testing.T, signatures, token string) {
		header := http.Header{}
		if signatures != "" {
			header.Set(signatureHeader, signatures)
		}
		if token != "" {
			header.Set(tokenHeader, token)
		}
		err := verify(v, header, fixture.Body, signed)
		isToken := token == secret || token == "next-secret"
		authentic := (signatures == valid || signatures == "" && isToken) && (isToken || token == "")
		if (err == nil) != authentic {
			t.Errorf("%q and %q: got %v", signatures, token, err)
		}
	})
}
