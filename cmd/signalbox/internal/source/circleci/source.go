package circleci

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the webhooks of CircleCI.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "CircleCI",
		Expects:     "the events Workflow Completed and Job Completed",
		NewVerifier: func(secrets []signature.Secret, _ time.Duration) (webhook.Verifier, error) {
			return Verifier(secrets), nil // signatures contain no time
		},
		Decode: Decode,
	})
}
