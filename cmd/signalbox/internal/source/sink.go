package source

import "github.com/signalbox-ci/signalbox/metric"

// A Sink takes well-formed events. It is safe for concurrent use.
type Sink interface {
	// Emit takes an event, whose attributes are valid until it returns.
	Emit(metric.Event)

	// Prepare returns a function that takes the events of a type: values[i] is the
	// value of the type's Attributes[i], and the event's Attributes are ignored. Both
	// are valid until the function returns.
	Prepare(metric.EventType) (emit func(event *metric.Event, values []string))

	// Knows reports whether any rule uses events of this name.
	Knows(name string) bool

	// Malformed counts a piece of input that is not an event, for the reason.
	Malformed(why error)
}
