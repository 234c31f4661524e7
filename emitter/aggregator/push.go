package aggregator

import (
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Push is a push of a job to its group.
type Push struct {
	// Grouping are the labels that identify the group: job, which must not be empty,
	// and others, in any order, each name once.
	Grouping []Label

	// Families are the metrics, each name once. The labels of a metric are those that
	// the job sent; a label that the group also has gets the group's value. The
	// Aggregator owns the families afterwards and may change them.
	Families []*dto.MetricFamily

	// Replace determines whether the push replaces all families of the group, or only
	// those with the same names.
	Replace bool

	// TTL, if not nil, is how long the group lives after this push, instead of
	// Options.GroupTTL. 0 means that it never expires.
	TTL *time.Duration
}

// A Group is a group of pushed metrics at the time of a call. It must not be changed.
type Group struct {
	// Labels are the grouping labels, sorted by name.
	Labels []Label

	// Pushed is the time of the last push to the group, and Failed the time when a push
	// to it was last refused. They are zero if there was none.
	Pushed, Failed time.Time

	// Expires is when the group expires without another push. It is zero if the group
	// never expires.
	Expires time.Time

	// TTL is how long the group lives after a push. 0 means that it never expires.
	TTL time.Duration

	// Families are sorted by name, without those for the times of pushes. The labels of
	// their metrics are sorted by name and include those of the group.
	Families []GroupFamily
}

// A GroupFamily is a family of a Group.
type GroupFamily struct {
	*dto.MetricFamily

	// Pushed is when the family was last pushed.
	Pushed time.Time
}

// A Refusal is the kind of a PushError.
type Refusal uint8

// The refusals.
const (
	// Invalid means that the grouping labels or the TTL are invalid. No group records
	// the failure.
	Invalid Refusal = iota + 1

	// Inconsistent means that the metrics are invalid, or contradict each other or
	// other metrics.
	Inconsistent

	// LimitReached means that the push would exceed the maximum number of groups or
	// series.
	LimitReached

	// NotStored means that the change is served, but could not be written to disk.
	NotStored
)

// A PushError is returned by a push that was refused, or by a change of groups that
// could not be stored.
type PushError struct {
	Refusal Refusal
	Err     error // the cause
}

// Error implements error.
func (e *PushError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PushError) Unwrap() error { return e.Err }
