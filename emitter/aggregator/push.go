package aggregator

import (
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Push is what a job pushes to its group.
type Push struct {
	// Grouping are the labels that identify the group: job, which must not be empty,
	// and any others, in any order, each name once.
	Grouping []Label

	// Families are the metrics, each name once. The labels of a metric are those that
	// the job sent; a label that the group has too is replaced by that of the group.
	// The families belong to the Aggregator from then on, which may change them.
	Families []*dto.MetricFamily

	// Replace is whether the push replaces everything that the group had, or only the
	// families that it names.
	Replace bool

	// TTL, if not nil, is how long the group lives after this push, in the place of
	// Options.GroupTTL. 0 means that it never expires.
	TTL *time.Duration
}

// A Group is a group of pushed metrics at the time of a call. It must not be changed.
type Group struct {
	// Labels are the grouping labels, sorted by name.
	Labels []Label

	// Pushed is when the group was last pushed to, and Failed when a push to it was
	// last refused. They are zero if that has not happened.
	Pushed, Failed time.Time

	// Expires is when the group expires, unless it is pushed to again. It is zero if
	// the group never expires.
	Expires time.Time

	// TTL is how long the group lives after a push. 0 means that it never expires.
	TTL time.Duration

	// Families are sorted by name, without the times of pushes. The labels of their
	// metrics are sorted by name, and have those of the group.
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
	// Invalid means that the grouping labels or the TTL are not valid. There is no
	// group of which the failure could be noted.
	Invalid Refusal = iota + 1

	// Inconsistent means that the metrics are not valid, or contradict each other or
	// other metrics.
	Inconsistent

	// LimitReached means that there would be more groups or series than allowed.
	LimitReached

	// NotStored means that the change is served, but could not be written to disk.
	NotStored
)

// A PushError is the error of a push that was refused, or of a change of groups that
// could not be stored.
type PushError struct {
	Refusal Refusal
	Err     error // the cause
}

// Error implements error.
func (e *PushError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PushError) Unwrap() error { return e.Err }
