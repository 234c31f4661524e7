package source

import "github.com/signalbox-ci/signalbox/metric"

// A Sink receives well-formed events. It is safe for concurrent use.
type Sink interface {
	// Emit emits an event. It does not retain the event's attributes.
	Emit(metric.Event)

	// Prepare returns a function that emits events of the type. values[i] is the value
	// of the type's Attributes[i]; the function ignores the Attributes of the event. It
	// retains neither the event nor the values.
	Prepare(metric.EventType) (emit func(event *metric.Event, values []string))

	// Knows reports whether events with the name are known: whether a rule uses them or
	// they are listed as silent.
	Knows(name string) bool

	// Malformed counts input that is not an event, for the given reason.
	Malformed(reason error)
}
