package gitea

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the webhooks of Gitea Actions and Forgejo
// Actions.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Gitea and Forgejo Actions",
		Expects:     "the events Workflow Run and Workflow Jobs (in Forgejo, those about runs and jobs)",
		NewVerifier: func(secrets []signature.Secret, _ time.Duration) (webhook.Verifier, error) {
			return Verifier(secrets), nil // signatures contain no time
		},
		Decode: Decode,
	})
}
