package buildkite

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier checks that requests come from a Buildkite that knows a secret: that it
// signed them, or that it sent the secret as a token. Create it with NewVerifier. It is
// safe for concurrent use.
type Verifier struct {
	secrets []signature.Secret
	window  time.Duration
}

// NewVerifier returns a verifier for the secrets of webhooks. Each of them is valid in
// signatures and as a token: a sender that has the token can also sign with it. The
// window is the maximum difference between the clock and the time of a signature; 0
// turns this check off. Tokens come without a time.
func NewVerifier(secrets []signature.Secret, window time.Duration) *Verifier {
	return &Verifier{secrets, window}
}

const (
	signatureHeader = "X-Buildkite-Signature"
	tokenHeader     = "X-Buildkite-Token"
)

// CheckHeader implements webhook.Verifier.
func (v *Verifier) CheckHeader(r *http.Request, now time.Time) error {
	return v.check(r.Header, func() error { return signature.TimestampedHeader(r.Header, signatureHeader, now, v.window) })
}

// Verify returns an error unless the request has a valid signature or token. Its errors
// are those of package signature.
func (v *Verifier) Verify(r *http.Request, body []byte, now time.Time) error {
	return v.check(r.Header, func() error {
		return signature.Timestamped(v.secrets, r.Header, signatureHeader, body, now, v.window)
	})
}

// check checks the signature with checkSignature, and the token. Buildkite sends one of
// them. If a request has both, both must be valid: a valid token must not make an old
// signature valid, and a proxy might have checked only one of them.
func (v *Verifier) check(header http.Header, checkSignature func() error) error {
	hasSignature, hasToken := len(header.Values(signatureHeader)) > 0, len(header.Values(tokenHeader)) > 0
	if hasSignature || !hasToken {
		if err := checkSignature(); err != nil {
			return err
		}
	}
	if hasToken {
		return signature.Token(v.secrets, header, tokenHeader)
	}
	return nil
}
