package gitlab

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier checks that requests come from a GitLab that knows a secret. Create it
// with NewVerifier. It is safe for concurrent use.
type Verifier struct {
	tokens []signature.Secret
	keys   []signature.Key
	window time.Duration
}

// NewVerifier returns a verifier for the secrets of webhooks. A secret that begins with
// "whsec_" is a signing token, and any other one a secret token. The window is the
// maximum difference between the clock and the time of a signature; 0 turns this check
// off. Secret tokens come without a time.
func NewVerifier(secrets []signature.Secret, window time.Duration) (*Verifier, error) {
	v := &Verifier{window: window}
	for _, secret := range secrets {
		if !secret.IsKey() {
			v.tokens = append(v.tokens, secret)
			continue
		}
		key, err := signature.ParseKey(secret)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// CheckHeader implements webhook.Verifier.
func (v *Verifier) CheckHeader(r *http.Request, now time.Time) error {
	return v.check(r.Header, func() error { return signature.StandardHeader(r.Header, now, v.window) })
}

// Verify returns an error unless the request has a valid signature or secret token. Its
// errors are those of package signature.
func (v *Verifier) Verify(r *http.Request, body []byte, now time.Time) error {
	return v.check(r.Header, func() error { return signature.Standard(v.keys, r.Header, body, now, v.window) })
}

// check checks the signature with checkSignature, or the secret token.
func (v *Verifier) check(header http.Header, checkSignature func() error) error {
	if len(v.keys) > 0 && (signature.HasStandard(header) || len(v.tokens) == 0) {
		err := checkSignature()
		if err == nil || len(v.tokens) == 0 || header.Get(tokenHeader) == "" {
			return err
		}
	}
	return signature.Token(v.tokens, header, tokenHeader)
}

const tokenHeader = "X-Gitlab-Token"
