package drone

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier checks that requests are signed with one of the secrets. Its errors are
// those of package signature.
type Verifier struct {
	Secrets []signature.Secret

	// Window is the maximum difference between the clock and the time of a signature; 0
	// turns this check off.
	Window time.Duration
}

// CheckHeader implements webhook.Verifier.
func (v *Verifier) CheckHeader(r *http.Request, now time.Time) error {
	return signature.HTTPHeader(v.Secrets, r.Header, now, v.Window)
}

// Verify implements webhook.Verifier.
func (v *Verifier) Verify(r *http.Request, body []byte, now time.Time) error {
	return signature.HTTP(v.Secrets, r.Header, body, now, v.Window)
}
