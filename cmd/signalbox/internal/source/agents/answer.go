package agents

// An answer reports what became of the metrics of a body.
type answer struct {
	Accepted int `json:"accepted"`

	// Rejected counts metrics. An update that is refused as a whole counts all of its
	// metrics, at least one; a piece of input that is not JSON counts as one.
	//
	// Rejected and Errors are left out if everything was accepted.
	Rejected int     `json:"rejected,omitempty"`
	Errors   []fault `json:"errors,omitempty"`
}

// A fault is an error in a metric, or in an update as a whole.
type fault struct {
	// Line is the line on which the update begins or, if it is not JSON, the line of
	// the syntax error. It is counted from 1; Update and Metric are counted from 0.
	Line   int `json:"line"`
	Update int `json:"update"`

	// Metric and Name are left out for an update as a whole. Name is also left out for
	// a metric whose name could not be read.
	Metric *int   `json:"metric,omitempty"`
	Name   string `json:"name,omitempty"`

	Reason string `json:"reason"`
}
