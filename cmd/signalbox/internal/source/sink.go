package source

import "github.com/signalbox-ci/signalbox/metric"

// A Sink receives well-formed events. It is safe for concurrent use.
type Sink interface {
	// Emit emits an event and fills in the outcome. It does not retain the event's
	// attributes.
	Emit(metric.Event, *metric.Outcome)

	// Prepare returns a function that emits events of the type. values[i] is the value
	// of the type's Attributes[i]; the function ignores the Attributes of the event. It
	// retains neither the event nor the values. It fills in the outcome.
	//
	// It also returns a function that prepares for emitting a few events with the given
	// values, so that emitting them waits less often for the computer's memory. That
	// function does not retain the values, and may be nil.
	Prepare(metric.EventType) (emit func(event *metric.Event, values []string, outcome *metric.Outcome), prefetch func(batch [][]string))

	// Malformed counts input that is not an event, for the given reason.
	Malformed(reason error)
}
