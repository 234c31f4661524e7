package gitea

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier contains the secrets of webhooks, and checks that requests are signed with
// one of them. Its errors are those of package signature.
type Verifier []signature.Secret

// signatureHeaders are the headers with signatures, and the prefixes of their values.
// All are signatures of the same text, so the first one in a request is checked. They
// are present, but empty, if the webhook has no secret.
var signatureHeaders = [...]struct{ name, prefix string }{
	{"X-Gitea-Signature", ""},
	{"X-Forgejo-Signature", ""},
	{"X-Hub-Signature-256", "sha256="},
}

// CheckHeader implements webhook.Verifier.
func (Verifier) CheckHeader(r *http.Request, _ time.Time) error {
	name, prefix := signatureHeader(r.Header)
	return signature.HMACHeader(r.Header, name, prefix)
}

// Verify implements webhook.Verifier. Unlike GitHub, Gitea signs the JSON in a form, not
// the form. Its signatures contain no time.
func (v Verifier) Verify(r *http.Request, body []byte, _ time.Time) error {
	name, prefix := signatureHeader(r.Header)
	signed, err := payload.FormJSON(body)
	if err != nil {
		signed = body // which is not signed
	}
	return signature.HMAC(v, r.Header, name, prefix, signed)
}

// signatureHeader returns the header to check, and the prefix of its value.
func signatureHeader(header http.Header) (name, prefix string) {
	for _, h := range signatureHeaders {
		if len(header.Values(h.name)) > 0 {
			return h.name, h.prefix
		}
	}
	return signatureHeaders[0].name, signatureHeaders[0].prefix
}
