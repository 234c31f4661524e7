package events_test

import (
	"maps"
	"sync"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

func TestEvents(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Events")
}

// A recorder is a Sink that keeps the events that it receives. It knows all names
// except for "unknown" and "misspeled". It rejects events with the name "refused" for
// their only metric, and those with the name "partial" for one of two.
type recorder struct {
	dryRunBytes int64 // memory that each event reserves in a dry run

	mu        sync.Mutex
	events    []metric.Event
	malformed int
}

func (r *recorder) Emit(event metric.Event, outcome *metric.Outcome) {
	event.Attributes = maps.Clone(event.Attributes) // only valid until Emit returns

	r.mu.Lock()
	defer r.mu.Unlock()
	var e metric.Explanation
	outcome.Known = true
	switch event.Name {
	case "unknown", "misspeled":
		outcome.Known, outcome.Unknown = false, true
		e.Reason = "no rule knows the event"
		if event.Name == "misspeled" {
			e.Hint = `did you mean "misspelled"?`
		}
	case "partial":
		outcome.Updated++
		fallthrough
	case "refused":
		outcome.Rejected++
		e = metric.Explanation{Metric: "m", Reason: "wrong", Hint: "do it right"}
	default:
		outcome.Updated++
	}
	if outcome.Unknown && outcome.ExplainUnknown || !outcome.Unknown && outcome.Explain {
		outcome.Explanation = e
	}
	if outcome.DryRun != nil {
		outcome.DryRun.Reserve(r.dryRunBytes)
	} else {
		r.events = append(r.events, event)
	}
}

// Prepare returns a function that records events of the type, with an additional
// attribute "prepared".
func (r *recorder) Prepare(t metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return func(read *metric.Event, values []string, outcome *metric.Outcome) {
		event := *read
		event.Attributes = map[string]string{"prepared": "yes"}
		for i, name := range t.Attributes {
			event.Attributes[name] = values[i]
		}
		r.Emit(event, outcome)
	}, nil
}

// record records an event from a Decoder.
func (r *recorder) record(event *events.Event) { r.Emit(plain(event), new(metric.Outcome)) }

// plain returns the event with its attributes in a map, which is nil if it has none.
func plain(read *events.Event) metric.Event {
	event := read.Event
	for i, name := range read.Shape.Attributes {
		if event.Attributes == nil {
			event.Attributes = make(map[string]string)
		}
		event.Attributes[name] = read.Values[i]
	}
	return event
}

func (r *recorder) Malformed(error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.malformed++
}

func (r *recorder) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()

	names := []string{}
	for _, event := range r.events {
		names = append(names, event.Name)
	}
	return names
}
