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

// jobStatusValues maps the statuses to the numbers that dashboards expect.
var jobStatusValues = map[BuildStatus]float64{
	BuildSucceeded: 0,
	BuildFailed:    1,
	BuildAborted:   2,
	BuildErrored:   3,
}

// A JobStatus event reports the status of a job's last completed build. Its value is 0
// for succeeded, 1 for failed, 2 for aborted and 3 for errored. Any other status is
// logged as an error and not emitted.
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
		return // without logging an invalid status
	}
	value, ok := jobStatusValues[e.Status]
	if !ok {
		orDiscard(logger).Error("unknown-build-status", fmt.Errorf("%w: job %q has build status %q, expected succeeded, failed, aborted or errored",
			ErrFailedToEmit, e.JobName, e.Status))
		return
	}
	m.emit(logger, jobStatus, value, e.JobName, e.PipelineName, e.TeamName)
}

// A SchedulingJobDuration event reports how long it took to schedule a job. Its value
// is the duration in milliseconds.
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
		return // before formatting the ID
	}
	m.emit(logger, schedulingJobDuration, milliseconds(e.Duration),
		e.JobName, formatInt(e.JobID), e.PipelineName)
}
