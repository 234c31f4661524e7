package aggregator

import (
	"time"

	dto "github.com/prometheus/client_model/go"
)

// PushOptions say what becomes of what jobs push.
type PushOptions struct {
	// TTL is how long a group lives after the last push to it, unless that push
	// said otherwise. 0 is for ever.
	TTL time.Duration

	// AggregateBy are grouping labels. If there are any, groups that agree in them
	// are shown as one, without their other grouping labels. Counters, histograms,
	// and the counts and sums of summaries, are the sum of all that was counted: it
	// does not go down when a group goes, or counts again from zero.
	AggregateBy []string

	// AggregateGauges is what becomes of gauges and untyped metrics then: sum, last, max, min or mean of
	// the groups that live. Empty is sum.
	AggregateGauges string

	// MaxGroups is how many groups there may be, and MaxSeries how many series they
	// may have together, with the sums of them if they are aggregated. 0 means the
	// defaults, 100,000 and a million.
	MaxGroups, MaxSeries int

	// StoragePath is the file that keeps the groups over a restart. Empty means that
	// nothing touches the disk.
	StoragePath string
}

// A Push is what a job pushes for its group.
type Push struct {
	// Grouping are the labels that make the group: job, which must not be empty,
	// and any others, in any order, each name once.
	Grouping []Label

	// Families are the metrics. Their names are distinct; each metric's labels are
	// as the job sent them, without those of the group. Push keeps them, and may
	// change them.
	Families []*dto.MetricFamily

	// Replace says whether the push takes the place of all that the group had, or
	// only of the families that it names.
	Replace bool

	// TTL, if not nil, is how long the group lives after this push, in place of the
	// configured time; 0 is for ever.
	TTL *time.Duration
}

// A Group is what is held of a group of pushed metrics. It must not be changed.
type Group struct {
	// Labels are the grouping labels, sorted by name.
	Labels []Label

	// Pushed is when the group was last pushed to, and Failed when a push to it was
	// last refused; zero if never.
	Pushed, Failed time.Time

	// Expires is when the group goes, unless it is pushed to again; zero if never.
	Expires time.Time

	// TTL is how long the group lives after a push; 0 is for ever.
	TTL time.Duration

	// Families are sorted by name, without the times of pushes. The labels of their
	// metrics are sorted by name, those of the group included.
	Families []GroupFamily
}

// A GroupFamily is a family of a Group, and when it was last pushed.
type GroupFamily struct {
	*dto.MetricFamily
	Pushed time.Time
}

// A Refusal is why a push was refused.
type Refusal uint8

// The refusals.
const (
	// Invalid: its grouping labels or its TTL cannot be. No group's failure is noted.
	Invalid Refusal = iota + 1
	// Inconsistent: its metrics cannot be, or contradict each other or what is there.
	Inconsistent
	// LimitReached: there would be more groups or series than may be.
	LimitReached
	// NotStored: it is served, but the disk did not take it.
	NotStored
)

// A PushError is the error of a push that was refused, or not stored.
type PushError struct {
	Refusal Refusal
	Err     error
}

// Error implements error.
func (e *PushError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *PushError) Unwrap() error { return e.Err }
