package jenkins

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives what the notification plugin of Jenkins sends.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Jenkins",
		Expects:     "the notification plugin, as JSON and for all events",
		Decode:      Decode,
	})
}
