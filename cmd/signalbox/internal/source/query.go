package source

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// Query returns the query parameters of a request. It returns an error if the query is
// malformed, has a parameter that is not one of the known ones, or repeats one.
func Query(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("got a malformed query: %w", err)
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			hint := spelling.Hint(name, known)
			if hint == "" {
				hint = ", expected " + strings.Join(known, " or ")
			}
			return nil, fmt.Errorf("unknown query parameter %s%s", excerpt.Quote(name), hint)
		}
		if len(given) > 1 {
			return nil, fmt.Errorf("query parameter %s is duplicated", name)
		}
	}
	return values, nil
}
