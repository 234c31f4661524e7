package agents

// An answer says what became of the metrics of a body.
type answer struct {
	Accepted int `json:"accepted"`

	// Rejected counts metrics. Of an update that is refused as a whole it counts all,
	// at least one; what is not JSON counts as one.
	//
	// It and Errors are left out when everything was accepted.
	Rejected int     `json:"rejected,omitempty"`
	Errors   []fault `json:"errors,omitempty"`
}

// A fault is what is wrong with a metric, or with an update as a whole.
type fault struct {
	// Line is where the update begins or, if that is not JSON, where it breaks. It is
	// counted from 1, Update and Metric from 0.
	Line   int `json:"line"`
	Update int `json:"update"`

	// Metric and Name are left out for an update as a whole, Name also for a metric
	// of which it could not be read.
	Metric *int   `json:"metric,omitempty"`
	Name   string `json:"name,omitempty"`

	Reason string `json:"reason"`
}
