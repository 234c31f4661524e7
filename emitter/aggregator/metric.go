package aggregator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Label is the name and value of a label. A label with an empty value is equivalent
// to no label.
type Label struct{ Name, Value string }

// A Type is the type of a metric that an agent pushes. The zero value is not valid.
type Type uint8

// The types of metrics that agents push. For both types, a pushed value is the current
// value of the series, and not an increment. The type determines how series are
// aggregated; see Options.AgentAggregateBy.
const (
	Counter Type = iota + 1
	Gauge
)

// A Metric is a sample that an agent pushes.
type Metric struct {
	// Name is a metric name of at most Options.MaxNameBytes.
	Name string

	// Type is Counter or Gauge.
	Type Type

	// Value is the current value. That of a counter must be finite and not negative.
	Value float64

	// Labels are the labels of the metric in addition to the base labels, in any order.
	// A duplicated name is an error, as is a name or value that exceeds
	// Options.MaxNameBytes or Options.MaxLabelValueBytes.
	Labels []Label
}

// Labels contains the values of the default base labels, which identify an agent. An
// empty value is equivalent to no label.
type Labels struct {
	Username, WorkspaceName, AgentName, TemplateName string
}

// A Rejection describes a rejected metric of an update.
type Rejection struct {
	Index int    // index of the metric in the update
	Name  string // name of the metric

	// Reason is the value of the label reason with which
	// signalbox_agent_metrics_rejected_total counts the rejection: invalid_name,
	// invalid_label, invalid_type, negative, not_finite, clash, series_limit or
	// memory_limit.
	Reason string

	Err error // never nil
}

// LimitReached reports whether the metric was rejected because the maximum number of
// series, or the memory for them, is reached.
func (r *Rejection) LimitReached() bool {
	return r.Reason == reasonLabels[limitReached] || r.Reason == reasonLabels[memoryLimit]
}

// A RejectedError means that some of the metrics of an update were rejected. The others
// were applied.
type RejectedError struct {
	Rejections []Rejection // sorted by Index
}

// Error returns the text of the first error and, if there are several, their number.
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

// sortLabels sorts labels by name.
func sortLabels(labels []Label) {
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

// hasName reports whether there is a label with the name.
func hasName(labels []Label, name string) bool {
	return slices.ContainsFunc(labels, func(l Label) bool { return l.Name == name })
}

// labelText returns the text of labels, sorted by name, as it appears between the
// braces on a metrics page.
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
