package pushgateway

import (
	"io"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// maxReason is the maximum number of bytes of a reason in answers and logs. A reason
// can contain a whole body.
const maxReason = 4 << 10

// A refusal is the reason why a request was refused, and the status of the answer.
type refusal struct {
	status int
	reason string
}

// refuse returns a refusal with the status, one of the statuses of the method.
func refuse(status int, reason string) *refusal { return &refusal{status, shorten(reason)} }

// badRequest returns the refusal for an error of the client.
func badRequest(err error) *refusal { return refuse(http.StatusBadRequest, err.Error()) }

// answer sends the refusal to the client.
func (r *refusal) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(r.status)
	io.WriteString(w, r.reason+"\n") //nolint:errcheck // the client is gone
}

// shorten truncates a text that is too long, and replaces invalid UTF-8.
func shorten(text string) string {
	return strings.ToValidUTF8(excerpt.Cut(text, maxReason), "\ufffd")
}
