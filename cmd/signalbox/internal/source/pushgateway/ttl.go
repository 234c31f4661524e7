package pushgateway

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/duration"
)

// maxSeconds is how many seconds fit into a time.Duration.
const maxSeconds = float64(1<<63-1) / float64(time.Second)

// parseTTL returns what the parameter ttl of a query says, nil if there is none: a
// duration as Go writes it, or seconds.
func parseTTL(query string) (*time.Duration, error) {
	if query == "" {
		return nil, nil
	}
	parameters, err := url.ParseQuery(query)
	if err != nil {
		// It is an error even if ttl can be read: it may be what cannot.
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}

	texts := parameters["ttl"]
	switch {
	case len(texts) == 0:
		return nil, nil
	case len(texts) > 1:
		return nil, fmt.Errorf("the parameter ttl is there %d times", len(texts))
	}

	text := texts[0]
	ttl, err := time.ParseDuration(text)
	if err != nil {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(-maxSeconds < seconds && seconds < maxSeconds) {
			return nil, fmt.Errorf("the parameter ttl is %q, neither a duration like 90s or 1h30m nor a number of seconds%s", text, duration.Hint(text))
		}
		ttl = time.Duration(seconds * float64(time.Second))
	}
	switch {
	case ttl < 0:
		return nil, fmt.Errorf("the parameter ttl is %q, which is negative", text)
	case ttl == 0 && strings.ContainsAny(text, "123456789"):
		// Rounded to 0 the group would never expire.
		return nil, fmt.Errorf("the parameter ttl is %q, which is less than a nanosecond", text)
	}
	return &ttl, nil
}
