package pushgateway

import (
	"io"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// maxReason is how many bytes of a reason are answered and logged. A reason can repeat
// a whole body.
const maxReason = 4 << 10

// A refusal is why a request was refused, and the status that goes with it.
type refusal struct {
	status int
	reason string
}

// refuse returns a refusal of one of the statuses.
func refuse(status int, reason string) *refusal { return &refusal{status, shorten(reason)} }

// badRequest is the refusal of what the client got wrong.
func badRequest(err error) *refusal { return refuse(http.StatusBadRequest, err.Error()) }

// answer tells the client about it.
func (r *refusal) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(r.status)
	io.WriteString(w, r.reason+"\n") //nolint:errcheck // the client is gone
}

// shorten truncates a text that is too long, and makes it UTF-8.
func shorten(text string) string {
	return strings.ToValidUTF8(excerpt.Cut(text, maxReason), "\ufffd")
}
