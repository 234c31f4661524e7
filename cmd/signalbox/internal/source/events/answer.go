package events

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"

// A response reports the results for the events of a body. Each event is counted in one
// of Accepted, Refused, Duplicate and Rejected.
type response struct {
	Accepted  int `json:"accepted"`  // including unknown ones and those rejected for some metrics
	Unknown   int `json:"unknown"`   // accepted events whose names no rule knows
	Refused   int `json:"refused"`   // events that rules rejected for all metrics
	Duplicate int `json:"duplicate"` // events whose ID was received before

	// Rejected is the number of malformed events, and Errors has the first errors. They
	// are omitted if they are empty.
	Rejected int          `json:"rejected,omitempty"`
	Errors   []eventError `json:"errors,omitempty"`
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
