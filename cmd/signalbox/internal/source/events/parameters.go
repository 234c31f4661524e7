package events

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// parameters are the query parameters of a request.
type parameters struct {
	strict bool // apply all events or none

	// stream means that the body is a stream of lines. If acknowledge is true, the
	// response has lines of progress, at most one in each interval.
	stream, acknowledge bool
	interval            time.Duration
}

// ackEnd is the value of the query parameter ack for a response at the end only.
const ackEnd = "end"

// IsStream reports whether a request is a stream, whose body may never end.
func IsStream(r *http.Request) bool {
	return r.URL.Path == Path && r.URL.Query().Has("ack")
}

func parametersOf(r *http.Request) (p parameters, err error) {
	query, err := source.Query(r.URL.RawQuery, "ack", "strict")
	if err != nil {
		return p, err
	}
	if query.Has("strict") {
		switch value := query.Get("strict"); value {
		case "1", "true":
			p.strict = true
		case "0", "false":
		default:
			return p, fmt.Errorf("got strict=%s, expected 1, true, 0 or false", excerpt.Short(value))
		}
	}
	if query.Has("ack") {
		p.stream = true
		if value := query.Get("ack"); value != ackEnd {
			p.acknowledge = true
			if p.interval, err = time.ParseDuration(value); err != nil || p.interval < 0 {
				return p, fmt.Errorf("got ack=%s, expected %s or a duration such as 1s", excerpt.Short(value), ackEnd)
			}
		}
	}
	if p.stream && p.strict {
		return p, errors.New("ack and strict cannot be combined: the events of a stream are applied one by one")
	}
	return p, nil
}
