package events

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"

// A Tally passes the events of one input to the Sink and counts the results. All
// Tallies for events of one Decoder must have the same Sink, because the Decoder's
// shapes retain functions that the Sink prepared.
type Tally struct {
	Sink source.Sink

	// Accepted is the number of well-formed events, Unknown is the number of those
	// whose names the Sink does not know, and Rejected is the number of malformed ones.
	Accepted, Unknown, Rejected int

	attributes map[string]string // for events that need a map; reused
}

// Reject counts input that is not an event, for the given reason.
func (t *Tally) Reject(reason error) {
	t.Rejected++
	t.Sink.Malformed(reason)
}

// Accept counts an event and passes it to the Sink.
func (t *Tally) Accept(event *Event) {
	t.Accepted++
	if !event.repeated {
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

// acceptFirst passes the first event of a shape to the Sink. It does not call Prepare,
// because the shape may never occur again.
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
