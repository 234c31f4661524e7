package jenkins

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives what the notification plugin of Jenkins sends. It implements
// webhook.Source.
type Source struct{ signature.TokenFlags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "Jenkins" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "the notification plugin, as JSON and for all events"
}

// NewVerifier implements webhook.Source. Requests contain no time.
func (s *Source) NewVerifier(time.Duration) (webhook.Verifier, error) {
	return webhook.NewTokenVerifier(&s.TokenFlags, s.Name())
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
