package gitlab

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// jobStates are the states for the statuses of jobs. A job that is created or manual
// does not wait for a runner yet, and perhaps it never will; it has state 0.
var jobStates = map[string]tracker.State{
	"created":              0,
	"manual":               0,
	"pending":              tracker.Queued,
	"preparing":            tracker.Blocked,
	"scheduled":            tracker.Blocked,
	"waiting_for_resource": tracker.Blocked,
	"waiting_for_callback": tracker.Blocked,
	"running":              tracker.Started,
	"canceling":            tracker.Started,
	"success":              tracker.Ended,
	"failed":               tracker.Ended,
	"canceled":             tracker.Ended,
	"skipped":              tracker.Ended,
}

func (p *delivery) decodeJob(d *payload.Delivery) {
	d.Describe("job", p.BuildStatus)
	state, known := jobStates[p.BuildStatus]
	switch {
	case !known:
		d.Unmap("job status", p.BuildStatus)
		return
	case state == 0:
		d.Ignore("a job with the status %s does not wait for a runner yet", p.BuildStatus)
		return
	}
	c := p.change(tracker.Job, p.BuildID)
	c.RunID = string(cmp.Or(p.PipelineID, p.Commit.ID))
	c.State = state
	c.Attributes.Branch = p.Ref
	c.Attributes.RefKind = p.refKind(p.Ref, p.Tag, false)
	c.Attributes.Retry = strconv.FormatBool(p.RetriesCount > 0)
	c.Attributes.Commit = p.SHA
	c.Attributes.URL = p.page("/-/jobs/", p.BuildID)
	c.Attributes.Job = normalizeJob(p.BuildName)
	c.Attributes.RunnerClass = payload.RunnerClass(p.Runner.Tags)
	if state >= tracker.Started {
		p.addTimes(&c)
		c.Attributes.Worker = p.Runner.Description
		c.Attributes.RunnerGroup = p.Runner.RunnerType
	}
	if state == tracker.Ended {
		c.Attributes.RawResult = p.BuildStatus
		c.Result = results[p.BuildStatus]
		if p.BuildStatus == "failed" {
			c.Result = failureResult(p.BuildFailureReason, c.NeverStarted)
			c.Attributes.ErrorType = errorType(p.BuildFailureReason)
		}
	}
	d.Add(c)
}

// addTimes adds the times of a job that has started or ended. There is no time at which
// a job was queued: it is created when its pipeline is, and can be queued much later.
func (p *delivery) addTimes(c *tracker.Change) {
	c.Started = c.ParseTime(p.BuildStartedAt)
	c.Time = c.Started
	if c.State == tracker.Ended {
		c.Ended = c.ParseTime(p.BuildFinishedAt)
		c.Time = c.Ended
		if c.Started.IsZero() {
			c.NeverStarted = true
			return
		}
		c.RunTime = p.BuildDuration.Duration()
	}
	if queued := p.BuildQueuedDuration.Duration(); queued != nil && !c.Started.IsZero() {
		c.QueueTime, c.Queued = queued, c.Started.Add(-*queued)
	}
}

// failureResult returns the result of a failed job: whether the job failed, or GitLab.
func failureResult(reason string, neverStarted bool) string {
	switch reason {
	case "runner_system_failure", "scheduler_failure", "api_failure", "data_integrity_failure",
		"runner_unsupported", "stale_schedule", "archived_failure":
		return tracker.ResultError
	case "stuck_or_timeout_failure":
		if neverStarted {
			return tracker.ResultError
		}
	case "job_execution_timeout":
		return tracker.ResultTimeout
	}
	return tracker.ResultFailure
}

// errorType returns the reason of a failure if it is one of GitLab's words. They
// consist of lower-case letters and underscores.
func errorType(reason string) string {
	if len(reason) > 64 || strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return reason
}

// parallel matches what GitLab appends to the names of parallel jobs: "rspec 3/8" and
// "deploy: [aws, eu]".
var parallel = regexp.MustCompile(`(?:\s+\d+/\d+|:\s+\[[^\]]*\])+$`)

// normalizeJob removes what distinguishes parallel jobs from the name of a job.
func normalizeJob(name string) string {
	if at := parallel.FindStringIndex(name); at != nil && at[0] > 0 {
		return name[:at[0]]
	}
	return name
}
