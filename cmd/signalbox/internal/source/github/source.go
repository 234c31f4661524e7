package github

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Factory configures the webhook for GitHub Actions. It implements webhook.Factory.
type Factory struct{ signature.Flags }

// Name implements webhook.Factory.
func (*Factory) Name() string { return system }

// Description implements webhook.Factory.
func (*Factory) Description() string { return "GitHub Actions" }

// Expects implements webhook.Factory.
func (*Factory) Expects() string {
	return "the events Workflow jobs, Workflow runs and Deployment statuses"
}

// NewSource implements webhook.Factory. GitHub's signatures contain no time.
func (f *Factory) NewSource(time.Duration) (webhook.Source, error) {
	secrets, err := f.Secrets(f.Name())
	return source{secrets}, err
}

// A source implements webhook.Source.
type source struct{ secrets []signature.Secret } // empty if deliveries are not authenticated

func (s source) Verify(r *http.Request, body []byte, _ time.Time) error {
	if len(s.secrets) == 0 {
		return nil
	}
	return Verify(s.secrets, r.Header, body)
}

func (source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
