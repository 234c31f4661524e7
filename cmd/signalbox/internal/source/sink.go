package source

import "github.com/signalbox-ci/signalbox/metric"

// A Sink takes well-formed events. It is safe for concurrent use.
type Sink interface {
	// Emit takes an event. Its attributes are valid until Emit returns.
	Emit(metric.Event)

	// Prepare returns a function that takes the events of a type: values[i] is the
	// value of the type's Attributes[i]; the event's Attributes are ignored. The event
	// and the values are valid until the function returns.
	Prepare(metric.EventType) (emit func(event *metric.Event, values []string))

	// Knows reports whether a rule uses events with the name.
	Knows(name string) bool

	// Malformed counts a piece of input that is not an event. The error is the reason.
	Malformed(why error)
}
