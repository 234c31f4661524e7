package jenkins_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
)

// The notification plugin turns a user and a password in the URL into basic
// authentication. Package signature tests other ways to send a token.
func TestVerifyAcceptsTheTokenInTheURL(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("signalbox-fixture-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := jenkins.NewSource()
	if _, err := flags.NewParser(s, flags.None).ParseArgs([]string{"--token-file", file}); err != nil {
		t.Fatal(err)
	}
	v, err := s.NewVerifier(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, password string
		want           bool
	}{{"jenkins", "signalbox-fixture-secret", true}, {"", "signalbox-fixture-secret", true}, {"signalbox-fixture-secret", "", false}, {"jenkins", "wrong", false}} {
		r := httptest.NewRequest("POST", "/webhooks/jenkins", nil)
		r.SetBasicAuth(c.user, c.password)
		if err := v.Verify(r, nil, time.Time{}); (err == nil) != c.want {
			t.Errorf("%s:%s: got %v", c.user, c.password, err)
		}
	}
	if v.CheckHeader(httptest.NewRequest("POST", "/webhooks/jenkins", nil), time.Time{}) == nil {
		t.Error("a request without a token is accepted")
	}
}
