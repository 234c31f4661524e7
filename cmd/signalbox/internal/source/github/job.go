package github

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeJob(d *payload.Delivery) {
	job := p.WorkflowJob
	if job == nil { // GitHub has delivered workflow_job: null
		d.Ignore("workflow_job is missing")
		return
	}
	if job.isCheckRun() {
		d.Ignore("the job is a check run, which has no runner")
		return
	}
	job.RunAttempt = attempt(job.RunAttempt)
	c := p.change(tracker.Job, job.ID, job.RunAttempt)
	c.RunID = string(job.RunID)
	c.Queued = c.ParseTime(job.CreatedAt)
	started := c.ParseTime(job.StartedAt)
	c.Attributes.Pipeline = job.WorkflowName
	c.Attributes.Branch = job.HeadBranch
	c.Attributes.Retry = retry(job.RunAttempt)
	c.Attributes.Commit = job.HeadSHA
	c.Attributes.URL = job.HTMLURL
	c.Attributes.Job = payload.WithoutMatrix(job.Name)
	c.Attributes.RunnerClass = payload.RunnerClass(job.Labels)

	// The action says what happened; the status can be another one.
	switch p.Action {
	case "queued", "waiting":
		c.State = tracker.Queued
		if p.Action == "waiting" || job.Status == "waiting" {
			c.State = tracker.Blocked
		}
		// Before the start, started_at is the time of the creation. Old payloads have
		// nothing else.
		c.Time = started
		if c.Queued.IsZero() {
			c.Queued = started
		}
	case "in_progress":
		c.State = tracker.Started
		c.Started, c.Time = started, started
	case "completed":
		if job.Conclusion == "" {
			d.Ignore("the completed job has no conclusion")
			return
		}
		if job.Conclusion == actionRequired {
			c.State = tracker.Blocked
			break
		}
		end(d, &c, job.Conclusion)
		c.Started, c.Ended = started, c.ParseTime(job.CompletedAt)
		c.Time = c.Ended
		c.NeverStarted = job.neverStarted()
	default:
		d.Ignore("unknown action %.40q", p.Action)
		return
	}
	if c.State >= tracker.Started {
		c.Attributes.Worker = job.RunnerName
		c.Attributes.RunnerGroup = job.RunnerGroupName
	}
	d.Add(c)
}

// isCheckRun reports whether the job is a check run that an action created through the
// API. Such a job never has labels, unlike the jobs that a runner executes. Jobs can
// also lack labels if they are skipped or cancelled before their labels are known.
func (job *workflowJob) isCheckRun() bool {
	return job.Labels != nil && len(job.Labels) == 0 && job.RunnerName == "" &&
		job.Conclusion != "skipped" && job.Conclusion != "cancelled"
}

// neverStarted reports whether a completed job ran on no runner.
func (job *workflowJob) neverStarted() bool {
	if job.Conclusion == "skipped" {
		return true
	}
	if job.RunnerName != "" {
		return false
	}
	steps, started := 0, false
	for step := range payload.Elements[step](job.Steps) {
		steps++
		started = started || step.StartedAt != ""
	}
	// A job that is cancelled in the queue can have one step.
	return !started || job.Conclusion == "cancelled" && steps <= 1
}
