package azuredevops

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the service hooks of Azure DevOps.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Azure DevOps",
		Expects:     "the events Run state changed, Run job state changed and Build completed",
		Decode:      Decode,
	})
}
