package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Job describes a job, which is the part of a run that one worker executes, for the
// events of any CI system. All fields but Run.System can be empty. By default, only
// RunnerClass, Run.Retry and the fields of Run that are labels of runs become labels.
type Job struct {
	Run         Run
	ID          string // unique among the jobs of the System
	Name        string
	URL         string // page of the job
	RunnerClass string // what the job asks for, such as the sorted labels of a runner
	RunnerGroup string
	Worker      string // name of the worker
}

// The attributes of jobs. Those of jobAttributes are in the order of Job.values.
var (
	jobAttributes = append(runAttributes[:len(runAttributes):len(runAttributes)], "job_id", "job", "runner_class", "runner_group", "worker")

	jobQueued        = define("ci job queued", jobAttributes...)
	jobStarted       = define("ci job started", jobAttributes...)
	jobQueueTime     = define("ci job queue time", jobAttributes...)
	jobFinished      = define("ci job finished", ended(jobAttributes)...)
	jobRunTime       = define("ci job run time", ended(jobAttributes)...)
	jobsActive       = define("ci jobs active", "system", "instance", "runner_class", "state")
	oldestJobWaiting = define("ci oldest job waiting", jobAttributes...)
)

func (j *Job) values() [18]string {
	var values [18]string
	of := j.Run.values()
	copy(values[:], of[:])
	values[urlAttribute] = j.URL
	values[13], values[14], values[15], values[16], values[17] = j.ID, j.Name, j.RunnerClass, j.RunnerGroup, j.Worker
	return values
}

// urlAttribute is the index of "url" in runAttributes. The URL of a job's event is that
// of the job.
const urlAttribute = 10

func (j *Job) endValues(result Result, errorType string) [20]string {
	var values [20]string
	of := j.values()
	copy(values[:], of[:])
	values[18], values[19] = string(result), result.errorType(errorType)
	return values
}

// A JobQueued event reports that a job was created. Its value is 1.
type JobQueued struct{ Job Job }

// Emit emits the event to Metrics.
func (e JobQueued) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e JobQueued) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Job.values()
	m.emit(logger, jobQueued, 1, values[:]...)
}

// A JobStarted event reports that a job started. Its value is 1. If both times are
// known, a second event reports the time between them, in seconds.
type JobStarted struct {
	Job Job

	// Queued is when the job began to wait for a worker: not before all other jobs that
	// it needs have ended. Zero times are unknown.
	Queued, Started time.Time
}

// Emit emits the events to Metrics.
func (e JobStarted) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e JobStarted) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Job.values()
	m.emit(logger, jobStarted, 1, values[:]...)
	m.emitBetween(logger, jobQueueTime, e.Queued, e.Started, values[:]...)
}

// A JobFinished event reports that a job ended. Its value is 1. If both times are
// known, a second event reports the time between them, in seconds. A job that was
// skipped or canceled in the queue has a zero Started.
type JobFinished struct {
	Job            Job
	Result         Result
	ErrorType      string    // as in RunFinished
	Started, Ended time.Time // zero if unknown
}

// Emit emits the events to Metrics.
func (e JobFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e JobFinished) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Job.endValues(e.Result, e.ErrorType)
	m.emit(logger, jobFinished, 1, values[:]...)
	m.emitBetween(logger, jobRunTime, e.Started, e.Ended, values[:]...)
}

// JobsActive reports the current numbers of jobs of a runner class that have not ended.
// It emits one event for each state, whose value is the number of jobs in that state.
// The caller should emit it like RunsActive.
type JobsActive struct {
	System, Instance string // as in Run
	RunnerClass      string // as in Job

	Pending, Blocked, Executing int // as in RunsActive
}

// Emit emits the events to Metrics.
func (e JobsActive) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e JobsActive) EmitTo(logger lager.Logger, m *Monitor) {
	for i, n := range [...]int{e.Pending, e.Blocked, e.Executing} {
		m.emit(logger, jobsActive, float64(n), e.System, e.Instance, e.RunnerClass, activeStates[i])
	}
}

// An OldestJobWaiting event reports the waiting time of the oldest waiting job of a
// runner class: the job that has waited for a worker for the longest time. Its value is
// the time in seconds. If no job is waiting, the caller should emit it with the
// duration 0, and a Job that has only a System, an Instance and a RunnerClass.
type OldestJobWaiting struct {
	Job      Job
	Duration time.Duration
}

// Emit emits the event to Metrics.
func (e OldestJobWaiting) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e OldestJobWaiting) EmitTo(logger lager.Logger, m *Monitor) {
	values := e.Job.values()
	m.emit(logger, oldestJobWaiting, e.Duration.Seconds(), values[:]...)
}
