package aggregator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Label is a name and a value. A label with an empty value is equivalent to no label.
type Label struct{ Name, Value string }

// A Type is the type of a metric that an agent pushes. The zero value is not valid.
type Type uint8

// The types of metrics. For both, a pushed value replaces the value of the series. The
// type determines how series are aggregated (see Options).
const (
	Counter Type = iota + 1
	Gauge
)

// A Metric is one sample that an agent pushes.
type Metric struct {
	Name   string
	Type   Type
	Value  float64 // of a counter, finite and not negative
	Labels []Label // the metric's own, in any order, each name once
}

// Labels are the default base labels, which identify an agent. An empty label is
// equivalent to no label.
type Labels struct {
	Username, WorkspaceName, AgentName, TemplateName string
}

// A Rejection is the reason why a metric of an update was rejected.
type Rejection struct {
	Index int    // of the metric in the update
	Name  string // of the metric

	// Reason is the value of the label reason under which
	// signalbox_agent_metrics_rejected_total counts the rejection: invalid_name,
	// invalid_label, invalid_type, negative, not_finite, clash or series_limit.
	Reason string

	Err error // the error
}

// A RejectedError is returned by an update of which some metrics were rejected and the
// others applied.
type RejectedError struct {
	Rejections []Rejection // in the order of their index
}

// Error returns the number of rejected metrics, and the first error.
func (e *RejectedError) Error() string {
	switch n := len(e.Rejections); n {
	case 0:
		return "metrics were rejected"
	case 1:
		return e.Rejections[0].Err.Error()
	default:
		return fmt.Sprintf("%d metrics were rejected, the first: %v", n, e.Rejections[0].Err)
	}
}

func sortLabels(labels []Label) {
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

func hasName(labels []Label, name string) bool {
	return slices.ContainsFunc(labels, func(l Label) bool { return l.Name == name })
}

// labelText returns the text of labels as the page shows it between the braces, sorted
// by name.
func labelText(labels []Label, more ...Label) string {
	var array [16]series.Label
	all := array[:0]
	for _, l := range labels {
		all = append(all, series.Label(l))
	}
	for _, l := range more {
		all = append(all, series.Label(l))
	}
	slices.SortFunc(all, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
	return series.LabelText(all)
}
