package methods_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/methods"
)

func TestNotAllowed(t *testing.T) {
	header := http.Header{}
	if got := methods.NotAllowed(header, "PATCH", "GET", "HEAD", "POST"); got != "method PATCH not allowed, expected GET, HEAD or POST" {
		t.Errorf("got %q", got)
	}
	if got := header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
	if got := methods.NotAllowed(header, "GET", "POST"); got != "method GET not allowed, expected POST" {
		t.Errorf("got %q", got)
	}
}
