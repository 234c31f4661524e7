package buildkite

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Source receives the webhooks of Buildkite. It implements webhook.Source.
type Source struct{ signature.Flags }

// Name implements webhook.Source.
func (*Source) Name() string { return system }

// Description implements webhook.Source.
func (*Source) Description() string { return "Buildkite" }

// Expects implements webhook.Source.
func (*Source) Expects() string {
	return "the events build.*, job.* and agent.*"
}

// NewVerifier implements webhook.Source.
func (s *Source) NewVerifier(replayWindow time.Duration) (webhook.Verifier, error) {
	return webhook.NewVerifier(&s.Flags, s.Name(), func(secrets []signature.Secret) (webhook.Verifier, error) {
		return NewVerifier(secrets, replayWindow), nil
	})
}

// Decode implements webhook.Source.
func (*Source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
