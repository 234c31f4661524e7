package tekton

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives the events of Tekton Pipelines.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Tekton Pipelines",
		Expects:     "CloudEvents about pipeline runs and task runs",
		Decode:      Decode,
	})
}
