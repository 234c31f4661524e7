package gitlab_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// The secrets of the fixtures.
const (
	token        = "signalbox-fixture-secret"
	signingToken = "whsec_c2lnbmFsYm94LWZpeHR1cmUtc2lnbmluZy1rZXktMzI="
	otherSigning = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// signed is when the fixtures are signed.
var signed = time.Unix(1772618400, 0)

func newVerifier(t testing.TB, texts ...string) *gitlab.Verifier {
	t.Helper()
	var secrets []signature.Secret
	for _, text := range texts {
		secret, err := signature.New(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	v, err := gitlab.NewVerifier(secrets, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFixturesAreSigned(t *testing.T) {
	v := newVerifier(t, otherSigning, signingToken)
	for _, f := range payloadtest.Load(t, "testdata") {
		payloadtest.FlipBits(t, f, []string{"webhook-id", "webhook-timestamp", "webhook-signature"}, func(header http.Header, body []byte) error {
			return v.Verify(&http.Request{Header: header}, body, signed)
		})
	}
}

func TestFixturesHaveToken(t *testing.T) {
	v := newVerifier(t, "next-secret", token)
	for _, f := range payloadtest.Load(t, "testdata") {
		if err := v.Verify(&http.Request{Header: f.Header}, f.Body, time.Now()); err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
}

func TestVerify(t *testing.T) {
	f := payloadtest.Load(t, "testdata")[0]
	without := func(names ...string) http.Header {
		header := f.Header.Clone()
		for _, name := range names {
			header.Del(name)
		}
		return header
	}
	with := func(name string, values ...string) http.Header {
		header := f.Header.Clone()
		header[http.CanonicalHeaderKey(name)] = values
		return header
	}
	onlyToken := without("webhook-id", "webhook-timestamp", "webhook-signature")
	for _, c := range []struct {
		name    string
		secrets []string
		header  http.Header
		at      time.Time
		want    error
	}{
		{"no secret", nil, f.Header, signed, signature.ErrMismatch},
		{"both secrets", []string{token, signingToken}, f.Header, signed, nil},
		{"both secrets, no signature", []string{token, signingToken}, onlyToken, signed, nil},
		{"both secrets, no token", []string{token, signingToken}, without("X-Gitlab-Token"), signed, nil},
		{"both secrets, neither header", []string{token, signingToken}, http.Header{}, signed, signature.ErrMissing},
		{"both secrets, wrong signing token, valid token", []string{token, otherSigning}, f.Header, signed, nil},
		{"both secrets, wrong token, valid signature", []string{"next", signingToken}, f.Header, signed, nil},
		{"both secrets, old signature, no token", []string{token, signingToken}, without("X-Gitlab-Token"), signed.Add(time.Hour), signature.ErrStale},
		{"both secrets, old signature, wrong token", []string{"next", signingToken}, f.Header, signed.Add(time.Hour), signature.ErrMismatch},
		{"signing token, no signature", []string{signingToken}, onlyToken, signed, signature.ErrMissing},
		{"signing token sent as token", []string{signingToken}, with("X-Gitlab-Token", signingToken), signed.Add(time.Hour), signature.ErrStale},
		{"signing token, old signature", []string{signingToken}, f.Header, signed.Add(5*time.Minute + time.Second), signature.ErrStale},
		{"signing token, two signature headers", []string{signingToken}, with("webhook-signature", f.Header.Get("webhook-signature"), "v1,x"), signed, signature.ErrMalformed},
		{"token, no token", []string{token}, without("X-Gitlab-Token"), signed, signature.ErrMissing},
		{"token, two tokens", []string{token}, with("X-Gitlab-Token", token, token), signed, signature.ErrMalformed},
		{"token with another case", []string{token}, with("X-Gitlab-Token", "Signalbox-fixture-secret"), signed, signature.ErrMismatch},
		{"token, old", []string{token}, f.Header, signed.Add(1000 * time.Hour), nil},
	} {
		r := &http.Request{Header: c.header}
		if err := newVerifier(t, c.secrets...).Verify(r, f.Body, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, expected %v", c.name, err, c.want)
		}
		// Each of these errors is in the headers, whatever the body is.
		if err := newVerifier(t, c.secrets...).CheckHeader(r, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: the header: got %v, expected %v", c.name, err, c.want)
		}
	}
	v := newVerifier(t, otherSigning)
	if err := v.CheckHeader(&http.Request{Header: f.Header}, signed); err != nil {
		t.Errorf("a signature with another key, without the body: got %v", err)
	}
	if err := v.Verify(&http.Request{Header: f.Header}, f.Body, signed); !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("a signature with another key: got %v", err)
	}
}

func TestNewVerifierRefusesDamagedSigningToken(t *testing.T) {
	secret, err := signature.New("whsec_c2lnbmFsYm94")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gitlab.NewVerifier([]signature.Secret{secret}, 0); err == nil {
		t.Error("a signing token of 9 bytes is accepted")
	}
}

// FuzzVerify checks arbitrary headers. Only those of the fixture may be accepted.
func FuzzVerify(f *testing.F) {
	fixture := payloadtest.Load(f, "testdata")[0]
	valid := fixture.Header.Get("webhook-signature")
	for _, seed := range []string{valid, "", "v1", "v1,", "a,b", "v1a,x " + valid} {
		f.Add("", fixture.Header.Get("webhook-id"), fixture.Header.Get("webhook-timestamp"), seed)
	}
	f.Add(token, "", "", "")
	f.Add(token+" ", "id", "-1", "v1,"+valid)
	v := newVerifier(f, token, signingToken)
	f.Fuzz(func(t *testing.T, sentToken, id, timestamp, signatures string) {
		header := http.Header{}
		header.Set("X-Gitlab-Token", sentToken)
		header.Set("webhook-id", id)
		header.Set("webhook-timestamp", timestamp)
		header.Set("webhook-signature", signatures)
		err := v.Verify(&http.Request{Header: header}, fixture.Body, signed)
		isSigned := id == fixture.Header.Get("webhook-id") && timestamp == fixture.Header.Get("webhook-timestamp")
		if err == nil && sentToken != token && !isSigned {
			t.Errorf("%q, %q, %q, %q are accepted", sentToken, id, timestamp, signatures)
		}
		if err != nil && sentToken == token {
			t.Errorf("the token is refused: %v", err)
		}
	})
}
