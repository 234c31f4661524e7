// Package methods refuses requests whose HTTP method a resource does not have.
package methods

import (
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// NotAllowed sets the header Allow for an answer with status 405, and returns the
// text of that answer. The allowed methods are at least one.
func NotAllowed(header http.Header, method string, allowed ...string) string {
	header.Set("Allow", strings.Join(allowed, ", "))
	last := len(allowed) - 1
	list := allowed[last]
	if last > 0 {
		list = strings.Join(allowed[:last], ", ") + " or " + list
	}
	return "method " + excerpt.Short(method) + " not allowed, expected " + list
}
