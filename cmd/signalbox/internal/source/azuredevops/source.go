package azuredevops

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives the service hooks of Azure DevOps. It implements webhook.Source.
type Source struct{ signature.TokenFlags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "Azure DevOps" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "the events Run state changed, Run job state changed and Build completed"
}

// NewVerifier implements webhook.Source. Azure DevOps sends a token, but no signature.
func (s *Source) NewVerifier(time.Duration) (webhook.Verifier, error) {
	return webhook.NewTokenVerifier(&s.TokenFlags, s.Name())
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
