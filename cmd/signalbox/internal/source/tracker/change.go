package tracker

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A Change is what a delivery says about one object, such as a run, a job or a worker.
//
// Decoders fill in the times as they find them in the payload, with ParseTime, Unix or
// UnixMilli. Apply removes and counts times that cannot be right.
type Change struct {
	// System is the kind of CI system, such as "github". Instance is the host of a
	// self-hosted server; empty if there is only one.
	System, Instance string

	// ID and Attempt identify the object and its attempt within System, Instance and
	// Kind. Attempt is empty if the system gives each attempt its own ID, or has no
	// attempts.
	Kind        Kind
	ID, Attempt string

	// RunID is the ID of the run that a job belongs to; empty if unknown. The run has
	// the same Attempt as the job. A job with Attributes.Retry "true" that ran before
	// its run was queued is ignored: it did not run again in this attempt.
	RunID string

	// State is the state that the object is in after the change. Workers have states of
	// their own.
	State State

	// Time is when the change happened, by the clock of the CI system. The zero Time
	// means unknown; for a worker, it means the time of the delivery. If Reopens is set
	// and the system does not report when the change happened, Time is the newest time
	// in the payload.
	Time time.Time

	// Queued, Started and Ended are when the attempt entered these states. The zero
	// Time means unknown. If the time of the state that State names is unknown, Time is
	// used, unless Reopens is set; if a job is queued at an unknown time, also after it
	// was blocked, the time of the delivery is used. Times of later states are ignored:
	// some systems fill them with placeholders.
	Queued, Started, Ended time.Time

	// QueueTime and RunTime are durations that the CI system measured. If they are nil,
	// the tracker uses the differences Started - Queued and Ended - Started.
	QueueTime, RunTime *time.Duration

	// QueuedUntilJob means that the CI system reports no start of the run itself. The
	// run's queue time lasts from Queued to the start of the first of its jobs. It has
	// none if that job was blocked before.
	QueuedUntilJob bool

	// NeverStarted means that an ended object never ran. It was skipped, for example,
	// or canceled while it was queued.
	NeverStarted bool

	// Dequeued means that a job left the queue, and that it is unknown whether it will
	// start or was canceled. State is Queued. The job is no longer counted as active
	// until another change says that it has started.
	Dequeued bool

	// Reopens means that the object can start again after it has ended, with the same
	// ID and Attempt, as pipelines of GitLab do. An end with a later Ended than the
	// last one is another end, and counts as a retry. Other changes reopen the object
	// if their Time is later than its end. If Time is unknown, a change to Started
	// reopens the object if the previous start was delivered too.
	Reopens bool

	// Result is one of the Result constants if State is Ended, else empty.
	Result string

	Attributes Attributes

	// CommitTime is the time of the commit with the hash Attributes.Commit. The zero
	// Time means unknown. The tracker remembers it for the lead time of deployments of
	// the same commit.
	CommitTime time.Time

	// Tests are the results of the tests that the object ran. They count once the object
	// has ended.
	Tests []TestCount

	// Anomalies are times that the decoder could not use.
	Anomalies []Anomaly
}

// Latest returns the newest time in the change at which the object changed, or the zero
// Time if all are unknown.
func (c *Change) Latest() time.Time {
	latest := c.Time
	for _, t := range [...]time.Time{c.Queued, c.Started, c.Ended} {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}

// complete reports whether the change has what every change must have.
func (c *Change) complete() bool {
	first, last := Queued, Ended
	if c.Kind == Worker {
		first, last = Available, Lost
	}
	return c.Kind >= Run && c.Kind <= Worker && c.State >= first && c.State <= last && c.System != "" && c.ID != ""
}

// isBefore reports whether the change is known to have happened before an object was
// reopened that ended at that time.
func (c *Change) isBefore(end int64) bool {
	t := c.Time
	if c.State == Ended {
		t = c.Ended
	}
	return !t.IsZero() && nanoseconds(t) <= end
}

// startsJob reports whether the change says when a job of a run has started.
func (c *Change) startsJob() bool {
	return c.Kind == Job && c.RunID != "" && c.State >= Started && !c.NeverStarted && !c.Started.IsZero()
}

// A Kind is a kind of object.
type Kind uint8

// The kinds of objects. A run is one execution of a pipeline, a job is a part of it
// that runs on one worker. An incident lasts from Started to Ended, and a test case is
// only counted when it has ended, by Change.Tests.
const (
	Run Kind = iota + 1
	Job
	Deployment
	Incident
	TestCase
	Worker
)

// A State is a state of an object. An object other than a worker goes through the states
// in ascending order. It can skip some, and go from Blocked back to Queued.
type State uint8

// The states of objects other than workers.
const (
	// Queued objects wait for a worker, or to be scheduled.
	Queued State = iota + 1

	// Blocked objects wait for something other than a worker, such as an approval.
	Blocked

	Started
	Ended
)

// The states of workers. A worker changes between them in any order, so a change counts
// if its Time is not before that of the previous one.
const (
	Available State = iota + Ended + 1
	Busy
	Offline
	Lost // offline without signing off
)

// A TestCount is how many tests of a suite had an outcome: passed, failed, skipped or
// error. Suite can be empty.
type TestCount struct {
	Outcome, Suite string
	Count          uint64
}

// The values of Change.Result.
const (
	ResultSuccess      = string(metric.ResultSuccess)
	ResultFailure      = string(metric.ResultFailure)
	ResultError        = string(metric.ResultError)
	ResultTimeout      = string(metric.ResultTimeout)
	ResultCancellation = string(metric.ResultCancellation)
	ResultSkip         = string(metric.ResultSkip)
	ResultOther        = string(metric.ResultOther) // a result that the decoder does not know
)

// Attributes describe an object. Empty fields are unknown. Events have the non-empty
// ones as attributes, together with system, instance, run_id, job_id, attempt and
// result, which come from the Change.
//
// An empty Pipeline, Branch, RefKind or Trigger of a job is taken from its run, if the
// tracker knows the run.
type Attributes struct {
	Owner      string // organization, group or user
	Repository string // with its owner, such as "octo-org/api"
	Pipeline   string // name of the workflow or pipeline
	Branch     string
	RefKind    string // default, branch, tag or pull_request
	Trigger    string // push, schedule, manual and others
	Retry      string // true or false
	Commit     string // full hash
	URL        string // page of the object

	// Of jobs.
	Job         string // name, without the parameters of a matrix
	RunnerClass string // sorted labels of the runner that the job asks for
	RunnerGroup string
	Worker      string // name of the runner; also of workers

	Queue string // of workers: the queue that the worker takes jobs from

	// Of objects that have ended. ErrorType is only used if the result is a failure,
	// an error or a timeout; if it is empty then, the attribute is "_OTHER".
	ErrorType string
	RawResult string // the CI system's own word

	// Of deployments.
	Environment string
	Tier        string // production, staging and others
	Service     string
}

// An Outcome is what Apply did with a change.
type Outcome uint8

// The outcomes. Only an accepted change has an effect.
const (
	Accepted  Outcome = iota + 1
	Duplicate         // the object is already in this state
	Stale             // the object is already in a later state, or the change is too old
	Ignored           // the change does not concern an object of its own, or is incomplete
)

// String returns the outcome as a label value.
func (o Outcome) String() string {
	return [...]string{"", "accepted", "duplicate", "stale", "ignored"}[o]
}
