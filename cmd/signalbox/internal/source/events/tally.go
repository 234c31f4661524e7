package events

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"

// A Tally passes the events of one input to the Sink, and counts the results. All
// Tallies of one Decoder must have the same Sink.
type Tally struct {
	Sink source.Sink

	// Accepted counts the well-formed events, Unknown those among them whose names the
	// Sink does not know, and Rejected the pieces of input that are not events.
	Accepted, Unknown, Rejected int

	attributes map[string]string // the map of each event that needs one; reused
}

// Reject counts a piece of input that is not an event. The error is the reason.
func (t *Tally) Reject(why error) {
	t.Rejected++
	t.Sink.Malformed(why)
}

// Accept counts an event and passes it to the Sink.
func (t *Tally) Accept(event *Event) {
	t.Accepted++
	if !event.expected {
		t.acceptFirst(event)
		return
	}
	s := event.Shape
	if s.emit == nil {
		s.emit, s.known = t.Sink.Prepare(s.EventType), t.Sink.Knows(s.Name)
	}
	if !s.known {
		t.Unknown++
	}
	s.emit(&event.Event, event.Values)
}

// acceptFirst passes on the first event of a shape. It prepares nothing, because
// another event may never follow.
func (t *Tally) acceptFirst(event *Event) {
	if t.attributes == nil {
		t.attributes = make(map[string]string)
	}
	clear(t.attributes)
	for i, name := range event.Shape.Attributes {
		t.attributes[name] = event.Values[i]
	}
	plain := event.Event
	plain.Attributes = t.attributes
	if !t.Sink.Knows(plain.Name) {
		t.Unknown++
	}
	t.Sink.Emit(plain)
}
