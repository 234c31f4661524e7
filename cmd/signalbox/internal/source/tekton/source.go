package tekton

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives the events of Tekton Pipelines. It implements webhook.Source.
type Source struct{ signature.TokenFlags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "Tekton Pipelines" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "CloudEvents about pipeline runs and task runs"
}

// NewVerifier implements webhook.Source. Tekton does not sign.
func (s *Source) NewVerifier(time.Duration) (webhook.Verifier, error) {
	return webhook.NewTokenVerifier(&s.TokenFlags, s.Name())
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
