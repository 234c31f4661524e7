package gitea

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives the webhooks of Gitea Actions and Forgejo Actions. It implements
// webhook.Source.
type Source struct{ signature.Flags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "Gitea and Forgejo Actions" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "the events Workflow Run and Workflow Jobs (in Forgejo, those about runs and jobs)"
}

// NewVerifier implements webhook.Source. The signatures contain no time.
func (s *Source) NewVerifier(time.Duration) (webhook.Verifier, error) {
	return webhook.NewVerifier(&s.Flags, s.Name(), func(secrets []signature.Secret) (webhook.Verifier, error) {
		return Verifier(secrets), nil
	})
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
