package gitlab

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the webhooks of GitLab CI/CD. A secret
// that begins with "whsec_" is a signing token, and any other one a secret token.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "GitLab CI/CD",
		Expects:     "the triggers Job events, Pipeline events and Deployment events",
		NewVerifier: func(secrets []signature.Secret, replayWindow time.Duration) (webhook.Verifier, error) {
			return NewVerifier(secrets, replayWindow)
		},
		Decode: Decode,
	})
}
