package gitea_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitea"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

var signatureHeaders = []string{"X-Gitea-Signature", "X-Forgejo-Signature", "X-Hub-Signature-256"}

// secrets are those of the fixtures, and the one that replaces them.
func secrets(t testing.TB) gitea.Verifier {
	var secrets gitea.Verifier
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
	v := secrets(t)
	for _, f := range payloadtest.Load(t, "testdata") {
		payloadtest.FlipBits(t, f, signatureHeaders[:1], func(header http.Header, body []byte) error {
			return v.Verify(&http.Request{Header: header}, body, time.Time{})
		})
		if v[:1].Verify(&http.Request{Header: f.Header}, f.Body, time.Time{}) == nil || gitea.Verifier(nil).Verify(&http.Request{Header: f.Header}, f.Body, time.Time{}) == nil {
			t.Errorf("%s is accepted without its secret", f.Path)
		}
	}
}

func TestEachSignatureIsEnough(t *testing.T) {
	v, f := secrets(t), payloadtest.One(t, "testdata/action_run_success")
	for _, name := range signatureHeaders {
		f.Header = http.Header{http.CanonicalHeaderKey(name): f.Header.Values(name)}
		payloadtest.FlipBits(t, f, []string{name}, func(header http.Header, body []byte) error {
			return v.Verify(&http.Request{Header: header}, body, time.Time{})
		})
		f.Header = payloadtest.One(t, f.Path).Header
	}
}

func TestVerify(t *testing.T) {
	f := payloadtest.One(t, "testdata/action_run_success")
	with := func(name string, values ...string) http.Header {
		header := f.Header.Clone()
		header[http.CanonicalHeaderKey(name)] = values
		return header
	}
	for _, c := range []struct {
		name   string
		header http.Header
		want   error
	}{
		{"no signature", http.Header{}, signature.ErrMissing},
		// Without a secret, all are present.
		{"an empty signature", with("X-Gitea-Signature", ""), signature.ErrMissing},
		{"only an empty signature of GitHub's kind", http.Header{"X-Hub-Signature-256": {"sha256="}}, signature.ErrMalformed},
		{"two signatures", with("X-Gitea-Signature", f.Header.Get("X-Gitea-Signature"), "x"), signature.ErrMalformed},
		{"a prefix", with("X-Gitea-Signature", f.Header.Get("X-Hub-Signature-256")), signature.ErrMalformed},
		{"only SHA-1", http.Header{"X-Hub-Signature": f.Header["X-Hub-Signature"]}, signature.ErrMissing},
	} {
		if err := secrets(t).Verify(&http.Request{Header: c.header}, f.Body, time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, expected %v", c.name, err, c.want)
		}
		if err := secrets(t).CheckHeader(&http.Request{Header: c.header}, time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%s: the header: got %v, expected %v", c.name, err, c.want)
		}
	}
}

func TestFormIsSignedWithoutItsEncoding(t *testing.T) {
	v, f := secrets(t), payloadtest.One(t, "testdata/workflow_job-life_a-2-queued")
	form := "payload=" + url.QueryEscape(string(f.Body))
	if err := v.Verify(&http.Request{Header: f.Header}, []byte(form), time.Time{}); err != nil {
		t.Error(err)
	}
	for _, body := range []string{form + "x", "payload=%zz", "payload=", "payload=x&" + form} {
		if err := v.Verify(&http.Request{Header: f.Header}, []byte(body), time.Time{}); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%.20q: got %v", body, err)
		}
	}
}

// FuzzVerify checks arbitrary headers and bodies. Only the fixture may be accepted.
func FuzzVerify(f *testing.F) {
	fixture := payloadtest.Load(f, "testdata")[0]
	valid := fixture.Header.Get("X-Gitea-Signature")
	for _, seed := range []string{valid, "", "a,b", "sha256", "sha256=", "sha256=" + valid, valid[:20]} {
		f.Add(seed, "", fixture.Body)
		f.Add("", seed, []byte("payload="+url.QueryEscape(string(fixture.Body))))
	}
	v := secrets(f)
	f.Fuzz(func(t *testing.T, gitea, hub string, body []byte) {
		header := http.Header{}
		if gitea != "" {
			header.Set("X-Gitea-Signature", gitea)
		}
		header.Set("X-Hub-Signature-256", hub)
		err := v.Verify(&http.Request{Header: header}, body, time.Time{})
		if headerErr := v.CheckHeader(&http.Request{Header: header}, time.Time{}); (headerErr != nil) != (err != nil && !errors.Is(err, signature.ErrMismatch)) {
			t.Errorf("%q, %q: the header: got %v", gitea, hub, headerErr)
		}
		form, _ := url.ParseQuery(string(body))
		isFixture := string(body) == string(fixture.Body) || form.Get("payload") == string(fixture.Body)
		if isSigned := gitea == valid || gitea == "" && hub == "sha256="+valid; err == nil && !(isSigned && isFixture) {
			t.Errorf("%q, %q, %q are accepted", gitea, hub, body)
		}
	})
}
