package aggregator

import (
	"iter"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Push contains the metrics that a job pushes to a group.
type Push struct {
	// Grouping are the labels that identify the group, in any order. There must be a
	// label job with a non-empty value. A duplicated name is an error, as are more than
	// MaxGroupingLabels labels.
	Grouping []Label

	// Families are the pushed metrics. A duplicated name is an error. If a metric has a
	// label with the name of a grouping label, it gets the value of the grouping label.
	// Groups.Push takes ownership of the families and may change them.
	Families []*dto.MetricFamily

	// Invalid, if not nil, is the reason why the pushed metrics are invalid.
	// Groups.Push then rejects the push like one whose Families are invalid.
	Invalid error

	// Replace determines what the push replaces: all families of the group if it is
	// true, and otherwise only families with the same names.
	Replace bool

	// TTL sets the TTL of the group, unless it is nil: the group expires when the TTL
	// has passed since its last push. 0 means that the group never expires. If TTL is
	// nil, the group keeps the TTL that an earlier push has set. A group for which no
	// push has set a TTL has Options.GroupTTL.
	TTL *time.Duration
}

// A Group describes a group of pushed metrics at the time of a call to Groups.List. It
// must not be changed.
type Group struct {
	// Labels are the grouping labels, sorted by name.
	Labels []Label

	// Pushed is the time of the last successful push to the group, and Failed that of
	// the last rejected push. They are zero if there was none.
	Pushed, Failed time.Time

	// Expires is the time at which the group expires if there are no further pushes. It
	// is zero if the group never expires.
	Expires time.Time

	// TTL is the time from the last push until the group expires. 0 means that the
	// group never expires.
	TTL time.Duration

	// Families are sorted by name. They do not include push_time_seconds and
	// push_failure_time_seconds. The labels of the metrics are sorted by name and
	// include the grouping labels.
	Families []GroupFamily
}

// A GroupFamily is a metric family of a Group.
type GroupFamily struct {
	Name, Help string
	Type       dto.MetricType
	Pushed     time.Time // time of the last push of the family

	// Metrics are created during the iteration, because all of them together can take
	// several times the memory of the group.
	Metrics iter.Seq[*dto.Metric]
}

// A Refusal is the reason for a PushError. The zero value is not valid.
type Refusal uint8

// The reasons for a PushError.
const (
	// Invalid means that the grouping labels or the TTL are invalid. The push does not
	// count as a failed push of any group.
	Invalid Refusal = iota + 1

	// Inconsistent means that the metrics are invalid, contradict each other, or
	// contradict other metrics.
	Inconsistent

	// LimitReached means that the push would exceed the maximum number of groups or
	// series, or the memory for them.
	LimitReached

	// NotStored means that the change was applied, but could not be written to disk.
	NotStored
)

// A PushError means that a push was rejected, or that a change of groups could not be
// written to disk.
type PushError struct {
	Refusal Refusal
	Err     error // never nil
}

// Error returns the text of Err.
func (e *PushError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *PushError) Unwrap() error { return e.Err }
