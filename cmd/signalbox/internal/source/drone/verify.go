package drone

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier checks that requests are signed with one of the secrets of webhooks. Its
// errors are those of package signature. Create it with NewVerifier. It is safe for
// concurrent use.
type Verifier struct {
	secrets []signature.Secret
	window  time.Duration
}

// NewVerifier returns a verifier for the secrets. The window is the maximum difference
// between the clock and the time of a signature; 0 turns this check off.
func NewVerifier(secrets []signature.Secret, window time.Duration) *Verifier {
	return &Verifier{secrets, window}
}

// CheckHeader implements webhook.Verifier.
func (v *Verifier) CheckHeader(r *http.Request, now time.Time) error {
	return signature.HTTPHeader(v.secrets, r.Header, now, v.window)
}

// Verify implements webhook.Verifier.
func (v *Verifier) Verify(r *http.Request, body []byte, now time.Time) error {
	return signature.HTTP(v.secrets, r.Header, body, now, v.window)
}
