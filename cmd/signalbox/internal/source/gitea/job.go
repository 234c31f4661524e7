package gitea

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeJob(d *payload.Delivery) {
	job := p.WorkflowJob
	if job.callsWorkflow() {
		d.Ignore("the job has no runner: it calls another workflow, whose jobs are counted")
		return
	}
	// Before Gitea 1.27, a job is in attempt 0 until it starts for the first time.
	attempt := first(job.RunAttempt)
	c := change(tracker.Job, p.Repository, job.ID, attempt)
	c.RunID = string(job.RunID)
	c.Queued = c.ParseTime(job.CreatedAt)
	started := c.ParseTime(job.StartedAt)
	// The name of the workflow is only known from the run.
	c.Attributes.Branch = job.HeadBranch
	c.Attributes.Commit = job.HeadSHA
	c.Attributes.URL = job.HTMLURL
	c.Attributes.Job = payload.WithoutMatrix(job.Name)
	c.Attributes.RunnerClass = payload.RunnerClass(job.Labels)

	switch p.Action {
	case "waiting": // for other jobs, not for a runner
		c.State, c.Time = tracker.Blocked, c.Queued
	case "queued":
		// Nothing in the payload says when the jobs that it waited for ended.
		c.State = tracker.Queued
	case "in_progress":
		c.State, c.Started, c.Time = tracker.Started, started, started
	case "completed":
		if job.Conclusion == "" {
			d.Ignore("the completed job has no conclusion")
			return
		}
		d.End(&c, results, "conclusion", job.Conclusion)
		c.Started, c.Ended = started, c.ParseTime(job.CompletedAt)
		c.Time = c.Ended
		c.NeverStarted = started.IsZero()
	default:
		d.Ignore("unknown action %.40q", p.Action)
		return
	}
	if c.State >= tracker.Started {
		c.Attributes.Worker = job.RunnerName
		if attempt != "1" {
			// Before Gitea 1.27, this is when the first attempt was created.
			c.Queued = time.Time{}
		}
	}
	d.Add(c)
}

// callsWorkflow reports whether the job calls a reusable workflow. Such a job asks for
// no runner, and starts and ends with the jobs of that workflow.
func (job *workflowJob) callsWorkflow() bool {
	return len(job.Labels) == 0 && (job.RunnerID == "" || job.RunnerID == "0") &&
		job.Conclusion != "skipped" && job.Conclusion != "cancelled"
}
