package agents

// A response reports the results for the metrics of a body.
type response struct {
	Accepted int `json:"accepted"`

	// Rejected is the number of rejected metrics. An update that is rejected as a whole
	// counts as the number of its metrics, but at least as one. A syntax error or an
	// incomplete body counts as one.
	//
	// Rejected and Errors are omitted if everything was accepted.
	Rejected int           `json:"rejected,omitempty"`
	Errors   []updateError `json:"errors,omitempty"`
}

// An updateError is an error in a metric, or in an update as a whole.
type updateError struct {
	// Line is the number, from 1, of the line on which the update begins or, if the
	// update is not JSON, of the line with the syntax error. Update and Metric are
	// indexes, counted from 0.
	Line   int `json:"line"`
	Update int `json:"update"`

	// Metric and Name are omitted for an update as a whole. Name is also omitted for a
	// metric whose name could not be read.
	Metric *int   `json:"metric,omitempty"`
	Name   string `json:"name,omitempty"`

	Reason string `json:"reason"`
}
