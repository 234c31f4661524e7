package metric

import (
	"cmp"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Result is how a run, a job or a deployment ended. The values are those of
// OpenTelemetry, and ResultOther.
type Result string

// The results.
const (
	ResultSuccess      Result = "success"
	ResultFailure      Result = "failure"
	ResultError        Result = "error" // the CI system failed, not what it ran
	ResultTimeout      Result = "timeout"
	ResultCancellation Result = "cancellation"
	ResultSkip         Result = "skip"
	ResultOther        Result = "other"
)

// A Run describes one execution of a pipeline, for the events of any CI system, which
// the catalog "ci" turns into metrics. System must not be empty; all other fields can
// be. By default, only System, Repository, Pipeline and RefKind become labels.
type Run struct {
	System     string // kind of CI system, such as "concourse"
	Instance   string // host of the server, if there are several
	Owner      string // organization, group or user
	Repository string // with its owner, such as "octo-org/api"
	Pipeline   string // name of the pipeline or workflow
	Branch     string
	RefKind    string // default, branch, tag or pull_request
	Trigger    string // push, schedule, manual and others
	Retry      bool   // another attempt, not the first one
	Commit     string // full hash
	URL        string // page of the run
	ID         string // with Attempt, unique among the runs of the System
	Attempt    string
}

// The attributes of runs. Those of runAttributes are in the order of Run.values.
var (
	runAttributes = []string{
		"system", "instance", "owner", "repository", "pipeline", "branch", "ref_kind", "trigger", "retry", "commit", "url", "run_id", "attempt",
	}

	runQueued    = define("ci run queued", runAttributes...)
	runStarted   = define("ci run started", runAttributes...)
	runQueueTime = define("ci run queue time", runAttributes...)
	runFinished  = define("ci run finished", ended(runAttributes)...)
	runTime      = define("ci run time", ended(runAttributes)...)
	runsActive   = define("ci runs active", "system", "instance", "state")
)

// ended returns the attributes of objects that have ended.
func ended(attributes []string) []string {
	return append(attributes[:len(attributes):len(attributes)], "result", "error_type")
}

func (r *Run) values() [13]string {
	return [...]string{
		r.System, r.Instance, r.Owner, r.Repository, r.Pipeline, r.Branch, r.RefKind, r.Trigger, formatBool(r.Retry), r.Commit, r.URL, r.ID, r.Attempt,
	}
}

func (r *Run) endValues(result Result, errorType string) [15]string {
	var values [15]string
	of := r.values()
	copy(values[:], of[:])
	values[13], values[14] = string(result), result.errorType(errorType)
	return values
}

// errorType returns the type of the error, if the result is one: "_OTHER", as in
// OpenTelemetry, if it is unknown.
func (r Result) errorType(known string) string {
	switch r {
	case ResultFailure, ResultError, ResultTimeout:
		return cmp.Or(known, "_OTHER")
	}
	return ""
}

func formatBool(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// A RunQueued event reports that a run was created. Its value is 1.
type RunQueued struct{ Run Run }

// Emit emits the event to Metrics.
func (e RunQueued) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e RunQueued) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Run.values()
	m.emit(logger, runQueued, 1, values[:]...)
}

// A RunStarted event reports that a run started. Its value is 1. If both times are
// known, a second event reports the time between them, in seconds.
type RunStarted struct {
	Run             Run
	Queued, Started time.Time // zero if unknown
}

// Emit emits the events to Metrics.
func (e RunStarted) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e RunStarted) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Run.values()
	m.emit(logger, runStarted, 1, values[:]...)
	m.emitBetween(logger, runQueueTime, e.Queued, e.Started, values[:]...)
}

// A RunFinished event reports that a run ended. Its value is 1. If both times are
// known, a second event reports the time between them, in seconds. A run that was
// skipped or canceled in the queue has a zero Started.
type RunFinished struct {
	Run            Run
	Result         Result
	ErrorType      string    // of a failure, error or timeout, such as "runner_lost"; few different values
	Started, Ended time.Time // zero if unknown
}

// Emit emits the events to Metrics.
func (e RunFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e RunFinished) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Run.endValues(e.Result, e.ErrorType)
	m.emit(logger, runFinished, 1, values[:]...)
	m.emitBetween(logger, runTime, e.Started, e.Ended, values[:]...)
}

// emitBetween emits an event whose value is the time between two times, in seconds. It
// emits none if one of them is zero, or if they are not in this order.
func (m *Monitor) emitBetween(logger lager.Logger, t eventTypeID, from, to time.Time, values ...string) {
	if !from.IsZero() && !to.IsZero() && !to.Before(from) {
		m.emit(logger, t, to.Sub(from).Seconds(), values...)
	}
}

// RunsActive reports the current numbers of runs that have not ended. It emits one
// event for each state, whose value is the number of runs in that state. The caller
// should emit it every few seconds or when a number changes, and at least every half
// hour unless it is 0: a series that is not set for an hour expires.
type RunsActive struct {
	System, Instance string // as in Run

	Pending   int // wait for a worker, or to be scheduled
	Blocked   int // wait for something else, such as an approval
	Executing int
}

// Emit emits the events to Metrics.
func (e RunsActive) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e RunsActive) EmitTo(logger lager.Logger, m *Monitor) {
	for i, n := range [...]int{e.Pending, e.Blocked, e.Executing} {
		m.emit(logger, runsActive, float64(n), e.System, e.Instance, activeStates[i])
	}
}

// activeStates are the states of runs and jobs that have not ended.
var activeStates = [...]string{"pending", "blocked", "executing"}
