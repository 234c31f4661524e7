package pushgateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/duration"
)

// maxSeconds is the maximum time.Duration in seconds.
const maxSeconds = float64(1<<63-1) / float64(time.Second)

// ttlParameter is the only query parameter of requests for groups.
const ttlParameter = "ttl"

// parseTTL returns the parameter ttl of a query, or nil if it is missing. The value is
// a duration in Go's syntax or a number of seconds. Other parameters are an error.
func parseTTL(query string) (*time.Duration, error) {
	parameters, err := source.Query(query, ttlParameter)
	if err != nil {
		return nil, err
	}

	if !parameters.Has(ttlParameter) {
		return nil, nil
	}
	text := parameters.Get(ttlParameter)
	ttl, err := time.ParseDuration(text)
	if err != nil {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(-maxSeconds < seconds && seconds < maxSeconds) {
			return nil, fmt.Errorf("parameter ttl: got %q, expected a duration like 90s or 1h30m, or a number of seconds%s", text, duration.Hint(text))
		}
		ttl = time.Duration(seconds * float64(time.Second))
	}
	switch {
	case ttl < 0:
		return nil, fmt.Errorf("parameter ttl: got %q, expected a non-negative duration", text)
	case ttl == 0 && strings.ContainsAny(text, "123456789"):
		// Rounding it to 0 would mean that the group never expires.
		return nil, fmt.Errorf("parameter ttl: got %q, expected at least 1ns, or 0", text)
	}
	return &ttl, nil
}
