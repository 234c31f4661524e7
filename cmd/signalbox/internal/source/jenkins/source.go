package jenkins

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// NewSource returns a Source that receives what two plugins of Jenkins send.
func NewSource() webhook.Source {
	return webhook.NewSource(webhook.System{
		Name:        system,
		Description: "Jenkins",
		Expects:     "the notification plugin (JSON, all events) or the CloudEvents plugin",
		Decode:      Decode,
	})
}
