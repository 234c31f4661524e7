package events

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"

// A Tally counts what became of one input while its events go to the Sink. All that one
// Decoder reads must go to the same Sink.
type Tally struct {
	Sink source.Sink

	// Accepted counts the well-formed events, Unknown those among them whose names the
	// Sink does not know, Rejected what was not an event.
	Accepted, Unknown, Rejected int

	attributes map[string]string // lent to each event that has to have a map
}

// Reject counts a piece of input that is not an event, for the reason.
func (t *Tally) Reject(why error) {
	t.Rejected++
	t.Sink.Malformed(why)
}

// Accept counts an event and hands it to the Sink.
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

// acceptFirst hands on the first event of a shape: there may never be another, so
// nothing is prepared.
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
