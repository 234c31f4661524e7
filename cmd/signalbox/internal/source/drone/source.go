package drone

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the webhooks of Drone.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Drone",
		Expects:     "the events build:*",
		NewVerifier: func(secrets []signature.Secret, replayWindow time.Duration) (webhook.Verifier, error) {
			return NewVerifier(secrets, replayWindow), nil
		},
		Decode: Decode,
	})
}
