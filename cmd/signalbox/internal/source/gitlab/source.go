package gitlab

import (
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

// A Factory configures the webhook for GitLab. It implements webhook.Factory. A secret
// that begins with "whsec_" is a signing token, and any other one a secret token.
type Factory struct{ signature.Flags }

// Name implements webhook.Factory.
func (*Factory) Name() string { return system }

// Description implements webhook.Factory.
func (*Factory) Description() string { return "GitLab CI/CD" }

// Expects implements webhook.Factory.
func (*Factory) Expects() string {
	return "the triggers Job events, Pipeline events and Deployment events"
}

// NewSource implements webhook.Factory.
func (f *Factory) NewSource(replayWindow time.Duration) (webhook.Source, error) {
	secrets, err := f.Secrets(f.Name())
	if err != nil || len(secrets) == 0 {
		return source{}, err
	}
	verifier, err := NewVerifier(secrets, replayWindow)
	if err != nil {
		return nil, fmt.Errorf("--%s-secret-file: %w", f.Name(), err)
	}
	return source{verifier}, nil
}

// A source implements webhook.Source.
type source struct{ verifier *Verifier } // nil if deliveries are not authenticated

func (s source) Verify(r *http.Request, body []byte, now time.Time) error {
	if s.verifier == nil {
		return nil
	}
	return s.verifier.Verify(r.Header, body, now)
}

func (source) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return Decode(header, body)
}
