package webhook

import (
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// A Source authenticates and decodes the deliveries of one kind of CI system. It keeps
// no state. It is safe for concurrent use.
type Source interface {
	// Verify returns an error if the request does not come from someone who knows a
	// secret. body is the raw body, and now is when the request was received. The error
	// must not contain a secret; the sender sees it.
	Verify(r *http.Request, body []byte, now time.Time) error

	// Decode decodes an authentic delivery. It returns an error if the body is not in
	// the format of the CI system, so that no delivery of this webhook can be used.
	Decode(header http.Header, body []byte) (payload.Delivery, error)
}

// A Factory configures and creates a Source. Its fields are go-flags flags.
type Factory interface {
	// Name is the name of the source: in the path of the webhook, in labels of metrics,
	// and at the beginning of the names of flags. It never changes.
	Name() string

	// Description is the name of the CI system, such as "GitHub Actions".
	Description() string

	// Expects describes the deliveries to choose in the CI system, as in "workflow_job
	// and workflow_run".
	Expects() string

	// IsConfigured reports whether the flags enable the source.
	IsConfigured() bool

	// NewSource returns the source. replayWindow is the maximum age of signatures that
	// contain a time; 0 means any age. NewSource reads the files that the flags name.
	NewSource(replayWindow time.Duration) (Source, error)
}

// Path returns the path that receives the deliveries of the source with the name.
func Path(name string) string { return "/webhooks/" + name }
