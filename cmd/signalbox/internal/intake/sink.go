package intake

import "github.com/signalbox-ci/signalbox/metric"

// A Sink takes the events that were well formed. It is safe for concurrent use.
type Sink interface {
	// Emit hands an event on. The event's attributes are good until it returns.
	Emit(metric.Event)

	// Knows tells whether events of this name mean anything to anybody.
	Knows(name string) bool

	// Malformed counts a piece of input that is not an event.
	Malformed()
}

// A Tally counts what became of one input while its events go to the Sink.
type Tally struct {
	Sink Sink

	// Accepted counts the well-formed events, Unknown those among them whose
	// names the Sink does not know, Rejected what was not an event.
	Accepted, Unknown, Rejected int
}

// Reject counts a piece of input that is not an event.
func (t *Tally) Reject() {
	t.Rejected++
	t.Sink.Malformed()
}

// Accept counts an event and hands it to the Sink.
func (t *Tally) Accept(event metric.Event) {
	t.Accepted++
	if !t.Sink.Knows(event.Name) {
		t.Unknown++
	}
	t.Sink.Emit(event)
}
