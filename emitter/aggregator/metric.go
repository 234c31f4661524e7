package aggregator

import (
	"fmt"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Label is a name and a value: Label{Name: "path", Value: "/tmp"}. One with an
// empty value is the same as none.
type Label = series.Label

// A Type is what kind of metric an agent pushes. Its zero value is none.
type Type uint8

// The types. What an agent pushes replaces what the same series held, whatever the
// type; the types differ in how series are summed (see New).
const (
	Counter Type = iota + 1
	Gauge
)

// A Metric is one sample of what an agent pushes.
type Metric struct {
	Name   string
	Type   Type
	Value  float64 // of a counter: finite and not negative
	Labels []Label // the metric's own, in any order, each name once
}

// Labels are the base labels of agents in the default set: who it is that pushes.
// An empty one is the same as none.
type Labels struct {
	Username, WorkspaceName, AgentName, TemplateName string
}

// A Rejection says which metric of an update was rejected, and why.
type Rejection struct {
	Index  int    // in the update's metrics
	Name   string // the metric's
	Reason string // a word or two, of a fixed few: the label value of the self-metric
	Err    error  // in full
}

// A RejectedError is the error of an update of which some metrics were rejected.
// The others were applied.
type RejectedError struct {
	Rejections []Rejection // in the order of their index
}

// Error says how many metrics were rejected, and why the first was.
func (e *RejectedError) Error() string {
	switch n := len(e.Rejections); n {
	case 0:
		return "metrics were rejected"
	case 1:
		return e.Rejections[0].Err.Error()
	default:
		return fmt.Sprintf("%d metrics were rejected, the first since %v", n, e.Rejections[0].Err)
	}
}
