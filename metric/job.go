package metric

import (
	"fmt"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

var (
	jobStatus             = define("latest completed build status", "jobName", "pipelineName", "teamName")
	schedulingJobDuration = define("scheduling: job duration (ms)", "job", "job_id", "pipeline")
)

// jobStatusValues are the numbers that dashboards know the statuses by.
var jobStatusValues = map[BuildStatus]float64{
	BuildSucceeded: 0,
	BuildFailed:    1,
	BuildAborted:   2,
	BuildErrored:   3,
}

// JobStatus tells how the last build of a job that ended, ended. The event's
// value is 0 for succeeded, 1 for failed, 2 for aborted, 3 for errored; any
// other status is not emitted, but logged.
type JobStatus struct {
	Status       BuildStatus
	JobName      string
	PipelineName string
	TeamName     string
}

// Emit emits the event to Metrics.
func (e JobStatus) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e JobStatus) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // nobody wants to hear of a bad status
	}
	value, ok := jobStatusValues[e.Status]
	if !ok {
		logger.Error("unknown-build-status", fmt.Errorf("%w: job %q has build status %q, expected succeeded, failed, aborted or errored",
			ErrFailedToEmit, e.JobName, e.Status))
		return
	}
	m.emit(logger, jobStatus, value, e.JobName, e.PipelineName, e.TeamName)
}

// SchedulingJobDuration tells how long it took to schedule a job. The event's
// value is in milliseconds.
type SchedulingJobDuration struct {
	PipelineName string
	JobName      string
	JobID        int
	Duration     time.Duration
}

// Emit emits the event to Metrics.
func (e SchedulingJobDuration) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e SchedulingJobDuration) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // before the work on the ID
	}
	m.emit(logger, schedulingJobDuration, milliseconds(e.Duration),
		e.JobName, formatInt(e.JobID), e.PipelineName)
}
