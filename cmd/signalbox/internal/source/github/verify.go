package github

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier contains the secrets of webhooks, and checks that requests are signed with
// one of them. Its errors are those of package signature.
type Verifier []signature.Secret

const signatureHeader, signaturePrefix = "X-Hub-Signature-256", "sha256="

// CheckHeader implements webhook.Verifier.
func (Verifier) CheckHeader(r *http.Request, _ time.Time) error {
	return signature.HMACHeader(r.Header, signatureHeader, signaturePrefix)
}

// Verify implements webhook.Verifier. GitHub's signatures contain no time.
func (v Verifier) Verify(r *http.Request, body []byte, _ time.Time) error {
	return signature.HMAC(v, r.Header, signatureHeader, signaturePrefix, body)
}
