package events

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/metric"
)

// IDs are the IDs of recent events. It is safe for concurrent use.
type IDs interface {
	// Add adds an ID, and reports whether IDs did not contain it.
	Add(id []byte) (added bool)

	// Has reports whether IDs contains an ID.
	Has(id []byte) bool

	// Remove removes an ID.
	Remove(id []byte)
}

// A Verdict is what became of a well-formed event.
type Verdict int

// The verdicts.
const (
	Known     Verdict = iota // accepted
	Unknown                  // accepted, but the Sink does not know the name
	Refused                  // rejected by rules for all metrics
	Duplicate                // dropped: an event with this ID was received before
)

// A Tally passes the events of one input to the Sink and counts the results. All
// Tallies for events of one Decoder must have the same Sink, because the Decoder's
// shapes retain functions that the Sink prepared.
type Tally struct {
	Sink source.Sink

	// IDs contains the IDs of earlier events. Nil means that events with an ID are
	// treated like others.
	IDs IDs

	// Each event is counted in one of these numbers: accepted events, refused events,
	// which rules rejected for all metrics, events with an ID that was received before,
	// and malformed events.
	Accepted, Refused, Duplicate, Rejected int

	// Unknown is the number of accepted events whose names the Sink does not know, and
	// Partial is the number of accepted events that were rejected for some metrics.
	Unknown, Partial int

	// Outcome is the outcome of the latest event. The caller may set DryRun, Explain
	// and ExplainUnknown.
	Outcome metric.Outcome

	attributes map[string]string // for events that need a map; reused
}

// Reject counts input that is not an event, for the given reason.
func (t *Tally) Reject(reason error) {
	t.Rejected++
	t.Sink.Malformed(reason)
}

// Accept passes an event to the Sink and counts it. It drops an event whose ID was
// received before. In a dry run, it keeps no IDs.
func (t *Tally) Accept(event *Event) Verdict {
	t.Outcome.Reset()
	if len(event.ID) > 0 && t.IDs != nil && t.isDuplicate(event.ID) {
		t.Duplicate++
		return Duplicate
	}
	t.emit(event)
	switch o := &t.Outcome; {
	case o.Refused():
		t.Refused++
		if len(event.ID) > 0 && t.IDs != nil && o.DryRun == nil {
			t.IDs.Remove(event.ID) // so that the sender can correct the event
		}
		return Refused
	case o.Unknown && !o.Known:
		t.Accepted++
		t.Unknown++
		return Unknown
	case o.Rejected > 0:
		t.Partial++
	}
	t.Accepted++
	return Known
}

func (t *Tally) isDuplicate(id []byte) bool {
	if t.Outcome.DryRun != nil {
		return t.IDs.Has(id)
	}
	return !t.IDs.Add(id)
}

// emit passes an event to the Sink. It does not call Prepare for the first event of a
// shape, because the shape may never occur again.
func (t *Tally) emit(event *Event) {
	s := event.Shape
	if event.repeated {
		if s.emit == nil {
			s.emit, s.prefetch = t.Sink.Prepare(s.EventType)
		}
		s.emit(&event.Event, event.Values, &t.Outcome)
		return
	}
	if t.attributes == nil {
		t.attributes = make(map[string]string)
	}
	clear(t.attributes)
	for i, name := range s.Attributes {
		t.attributes[name] = event.Values[i]
	}
	plain := event.Event
	plain.Attributes = t.attributes
	t.Sink.Emit(plain, &t.Outcome)
}
