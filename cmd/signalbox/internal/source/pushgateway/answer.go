package pushgateway

import (
	"io"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// maxReason is the maximum number of bytes of a reason in responses and logs. Without
// it, a reason could contain a whole body.
const maxReason = 4 << 10

// A rejection is the reason why a request was rejected, and the status of the response.
type rejection struct {
	status int
	reason string
}

// reject returns a rejection with the status. It shortens the reason.
func reject(status int, reason string) *rejection { return &rejection{status, shorten(reason)} }

// badRequest returns the rejection for an error of the client.
func badRequest(err error) *rejection { return reject(http.StatusBadRequest, err.Error()) }

// writeTo responds with the rejection.
func (r *rejection) writeTo(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	source.SuggestRetry(w.Header(), r.status)
	if r.status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", source.Encodings)
	}
	w.WriteHeader(r.status)
	io.WriteString(w, r.reason+"\n") //nolint:errcheck // the client is gone
}

// shorten truncates a text that is too long, and escapes invisible characters and bytes
// that are not UTF-8. Errors of the protobuf package contain, at random, a space or a
// no-break space.
func shorten(text string) string {
	return excerpt.EscapeLines(strings.ReplaceAll(excerpt.Cut(text, maxReason), "proto:\u00a0", "proto: "))
}
