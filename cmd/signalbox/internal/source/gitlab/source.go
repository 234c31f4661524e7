package gitlab

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives the webhooks of GitLab CI/CD. It implements webhook.Source. A secret
// that begins with "whsec_" is a signing token, and any other one a secret token.
type Source struct{ signature.Flags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "GitLab CI/CD" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "the triggers Job events, Pipeline events and Deployment events"
}

// NewVerifier implements webhook.Source.
func (s *Source) NewVerifier(replayWindow time.Duration) (webhook.Verifier, error) {
	return webhook.NewVerifier(&s.Flags, s.Name(), func(secrets []signature.Secret) (webhook.Verifier, error) {
		return NewVerifier(secrets, replayWindow)
	})
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
