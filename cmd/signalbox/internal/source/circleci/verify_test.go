package circleci_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

const signatureHeader = "Circleci-Signature"

func secrets(t testing.TB, texts ...string) []signature.Secret {
	var secrets []signature.Secret
	for _, text := range texts {
		secret, err := signature.New(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func TestFixturesAreSigned(t *testing.T) {
	known := secrets(t, "next-secret", "signalbox-fixture-secret")
	for _, f := range payloadtest.Load(t, "testdata") {
		payloadtest.FlipBits(t, f, []string{signatureHeader}, func(header http.Header, body []byte) error {
			return circleci.Verifier(known).Verify(&http.Request{Header: header}, body, time.Time{})
		})
		r := &http.Request{Header: f.Header}
		if circleci.Verifier(known[:1]).Verify(r, f.Body, time.Time{}) == nil || circleci.Verifier(nil).Verify(r, f.Body, time.Time{}) == nil {
			t.Errorf("%s is accepted without its secret", f.Path)
		}
	}
}

// TestDocumentedSignatures checks the examples in CircleCI's documentation.
func TestDocumentedSignatures(t *testing.T) {
	for _, c := range []struct{ body, secret, sum string }{
		{"hello world", "secret", "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"},
		{"lalala", "another-secret", "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00"},
	} {
		r := &http.Request{Header: http.Header{signatureHeader: {"v1=" + c.sum}}}
		if err := circleci.Verifier(secrets(t, c.secret)).Verify(r, []byte(c.body), time.Time{}); err != nil {
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

func TestListsOfSignatures(t *testing.T) {
	const valid = "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"
	wrong := "v1=" + strings.Repeat("0", 64)
	v := circleci.Verifier(secrets(t, "secret"))
	for _, c := range []struct {
		lists []string
		want  error
	}{
		{[]string{valid}, nil},
		{[]string{valid + ",v2=0123"}, nil},
		{[]string{"v2=0123,v3=," + valid}, nil},
		{[]string{valid + ","}, nil},

		{nil, signature.ErrMissing},
		{[]string{""}, signature.ErrMissing},
		{[]string{wrong}, signature.ErrMismatch},
		{[]string{wrong + ",v2=" + valid[3:]}, signature.ErrMismatch},
		{[]string{"v2=" + valid[3:]}, signature.ErrMalformed},
		{[]string{valid[3:]}, signature.ErrMalformed},
		{[]string{wrong + "," + valid}, signature.ErrMalformed},
		{[]string{valid, valid}, signature.ErrMalformed},
		{[]string{valid[:20]}, signature.ErrMalformed},
		{[]string{"a,b"}, signature.ErrMalformed},
		{[]string{"v1"}, signature.ErrMalformed},
		{[]string{"v1="}, signature.ErrMalformed},
		{[]string{","}, signature.ErrMalformed},
	} {
		r := &http.Request{Header: http.Header{signatureHeader: c.lists}}
		if err := v.Verify(r, []byte("hello world"), time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%q: got %v, expected %v", c.lists, err, c.want)
		}
		headerErr := v.CheckHeader(r, time.Time{})
		if isWrong := c.want != nil && c.want != signature.ErrMismatch; isWrong != (headerErr != nil) {
			t.Errorf("%q: the header: got %v", c.lists, headerErr)
		}
	}
}
