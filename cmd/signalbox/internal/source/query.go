package source

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// Query returns the parameters of a query. It returns an error if the query is invalid,
// repeats a parameter, or contains a parameter that is not one of the names: without
// the error, a misspelled parameter would have no effect.
func Query(query string, names ...string) (url.Values, error) {
	if query == "" {
		return nil, nil
	}
	parameters, err := url.ParseQuery(query)
	if err != nil {
		// This is an error even if all names are valid: the invalid part may be another
		// value.
		return nil, fmt.Errorf("invalid query: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if !slices.Contains(names, name) {
			hint := spelling.Hint(name, names)
			if hint == "" {
				hint = ", expected " + cmp.Or(strings.Join(names, " or "), "none")
			}
			return nil, fmt.Errorf("unknown query parameter %s%s", excerpt.Quote(name), hint)
		}
		if n := len(parameters[name]); n > 1 {
			return nil, fmt.Errorf("query parameter %s: got %d values, expected one", name, n)
		}
	}
	return parameters, nil
}
