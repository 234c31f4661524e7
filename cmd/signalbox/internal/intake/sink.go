package intake

import "github.com/signalbox-ci/signalbox/metric"

// A Sink takes the events that were well formed. It is safe for concurrent use.
type Sink interface {
	// Emit hands an event on. The event's attributes are good until it returns.
	Emit(metric.Event)

	// Prepare returns what hands on the events of a type.
	Prepare(metric.EventType) Outlet

	// Knows tells whether events of this name mean anything to anybody.
	Knows(name string) bool

	// Malformed counts a piece of input that is not an event.
	Malformed()
}

// An Outlet hands on the events of one type. It is safe for concurrent use.
type Outlet interface {
	// Emit hands an event of the type on. It is good until Emit returns.
	Emit(*Event)
}

// A Tally counts what became of one input while its events go to the Sink. All
// that one Decoder reads must go to the same Sink.
type Tally struct {
	Sink Sink

	// Accepted counts the well-formed events, Unknown those among them whose
	// names the Sink does not know, Rejected what was not an event.
	Accepted, Unknown, Rejected int

	attributes map[string]string // lent to each event that has to have a map
}

// Reject counts a piece of input that is not an event.
func (t *Tally) Reject() {
	t.Rejected++
	t.Sink.Malformed()
}

// Accept counts an event and hands it to the Sink.
func (t *Tally) Accept(event *Event) {
	t.Accepted++
	s := event.Shape
	if s.outlet == nil && s.used {
		s.outlet, s.known = t.Sink.Prepare(s.EventType), t.Sink.Knows(s.Name)
	}
	if s.outlet == nil {
		t.acceptFirst(event)
		return
	}
	if !s.known {
		t.Unknown++
	}
	s.outlet.Emit(event)
}

// acceptFirst hands on the first event of a shape: there may never be another, so
// nothing is prepared. If the shape is kept, the next one is prepared for.
func (t *Tally) acceptFirst(event *Event) {
	if event.hasAttributes {
		if t.attributes == nil {
			t.attributes = make(map[string]string)
		}
		clear(t.attributes)
		event.fill(t.attributes)
		event.Attributes = t.attributes
	}
	event.Shape.used = event.Shape.kept

	if !t.Sink.Knows(event.Name) {
		t.Unknown++
	}
	t.Sink.Emit(event.Event)
}
