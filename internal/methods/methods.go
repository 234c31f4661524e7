// Package methods helps handlers to reject requests with an unsupported method.
package methods

import (
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// NotAllowed sets the Allow header of a response with status 405, and returns the text
// of the response. There must be at least one allowed method.
func NotAllowed(header http.Header, method string, allowed ...string) string {
	header.Set("Allow", strings.Join(allowed, ", "))
	last := len(allowed) - 1
	list := allowed[last]
	if last > 0 {
		list = strings.Join(allowed[:last], ", ") + " or " + list
	}
	return "method " + excerpt.Short(method) + " not allowed, expected " + list
}
