package events

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A response reports the results for the events of a body. Each event is counted in one
// of Accepted, Refused, Duplicate and Rejected.
type response struct {
	Accepted  int `json:"accepted"`  // including unknown ones and those rejected for some metrics
	Unknown   int `json:"unknown"`   // accepted events whose names no rule knows
	Refused   int `json:"refused"`   // events that rules rejected for all metrics
	Duplicate int `json:"duplicate"` // events whose ID was received before

	// Rejected is the number of malformed events, and Errors has the first errors. They
	// are omitted if they are empty.
	Rejected int       `json:"rejected,omitempty"`
	Errors   errorList `json:"errors,omitempty"`
}

// An eventError is the reason why an event is malformed, why rules rejected it, or why
// its name is probably misspelled.
type eventError struct {
	Line int `json:"line"` // on which the event begins, or of the syntax error

	// Event is the event's name, and Metric the first metric for which it was rejected.
	// Both are omitted for a malformed event, and Metric for an unknown one.
	Event  string `json:"event,omitempty"`
	Metric string `json:"metric,omitempty"`

	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// errorList collects the first source.MaxErrors errors.
type errorList []eventError

func (l *errorList) add(e eventError) {
	if !l.full() {
		*l = append(*l, e)
	}
}

func (l *errorList) full() bool { return len(*l) >= source.MaxErrors }

// makeRoom ensures that another error can be added, by removing the last one if
// necessary.
func (l *errorList) makeRoom() { *l = (*l)[:min(len(*l), source.MaxErrors-1)] }

// A decoding collects the results for the events of a body.
type decoding struct {
	tally Tally
	errs  errorList
}

func (h *handler) newDecoding() *decoding {
	return &decoding{tally: Tally{Sink: h.Sink, IDs: h.IDs}}
}

// accept passes an event to the Sink.
func (d *decoding) accept(event *Event) {
	outcome := &d.tally.Outcome
	outcome.Explain = !d.errs.full()
	outcome.ExplainUnknown = outcome.Explain && d.tally.Unknown < maxExplained
	d.tally.Accept(event)
	e := &outcome.Explanation
	if e.Reason == "" || e.Metric == "" && e.Hint == "" {
		return // without a hint, an unknown event is not an error
	}
	reason := e.Reason
	if event.Element > 0 {
		reason = inElement(event.Element, reason)
	}
	d.errs.add(eventError{Line: event.Line, Event: excerpt.Short(event.Name), Metric: e.Metric, Reason: reason, Hint: e.Hint})
}

// reject counts input that is not an event.
func (d *decoding) reject(line int, err error) {
	d.tally.Reject(err)
	d.errs.add(eventError{Line: line, Reason: err.Error()})
}

// failed returns the number of malformed events and of those that were rejected for any
// metric.
func (d *decoding) failed() int { return d.tally.Rejected + d.tally.Refused + d.tally.Partial }

func (d *decoding) response() response {
	t := &d.tally
	return response{t.Accepted, t.Unknown, t.Refused, t.Duplicate, t.Rejected, d.errs}
}
