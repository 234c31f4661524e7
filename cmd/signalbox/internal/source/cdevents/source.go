package cdevents

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives CDEvents.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "CDEvents",
		Expects:     "CloudEvents about pipeline runs, task runs, builds, services, incidents and test case runs",
		Decode:      Decode,
	})
}
