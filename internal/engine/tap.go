package engine

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A Tap observes the events with one name, in addition to the rules for the event. It
// is called in the goroutine that emits the event, for every event except those of dry
// runs, even if rules reject the event. It must be safe for concurrent use and must not
// block.
type Tap func(TappedEvent)

// A TappedEvent is an event that a Tap observes. It is only valid during the call, and
// its texts can be parts of a large request, so the Tap must copy what it keeps.
type TappedEvent struct {
	Value float64
	Now   time.Time // time of the engine's clock
	Time  time.Time // when the event happened; zero if unknown

	attributes    map[string]string // or, if nil:
	names, values []string

	// The first attributes that the rules for the event use have been looked up.
	resolved       []string // their names
	resolvedValues [maxResolved]string
}

// maxResolved is the maximum number of attributes that Attribute finds without a lookup
// in the map.
const maxResolved = 6

// NewTappedEvent returns an event with the time now, for tests of Taps.
func NewTappedEvent(event metric.Event, now time.Time) TappedEvent {
	return TappedEvent{Value: event.Value, Now: now, Time: event.Time, attributes: event.Attributes}
}

// Attribute returns the value of an attribute, or an empty string if the event does not
// have it.
func (t *TappedEvent) Attribute(name string) string {
	for i, n := range t.resolved {
		if n == name {
			return t.resolvedValues[i]
		}
	}
	for i, n := range slices.Backward(t.names) { // as in prepare, the last one counts
		if n == name {
			return t.values[i]
		}
	}
	return t.attributes[name]
}

// Attributes yields the names and values of all attributes, in no particular order.
func (t *TappedEvent) Attributes(yield func(name, value string) bool) {
	for i, n := range t.names {
		if !yield(n, t.values[i]) {
			return
		}
	}
	for n, v := range t.attributes {
		if !yield(n, v) {
			return
		}
	}
}

// tap calls the tap of a plan, which must not be nil. event contains the attributes,
// and the time if it is known. outcome may be nil.
func (e *Engine) tap(tap Tap, value float64, event TappedEvent, outcome *metric.Outcome) {
	if outcome != nil && outcome.DryRun != nil {
		return
	}
	event.Value, event.Now = value, e.clock.Wall().Time(e.clock.Now())
	tap(event)
}
