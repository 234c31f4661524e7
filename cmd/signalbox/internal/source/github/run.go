package github

import (
	"cmp"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeRun(d *payload.Delivery) {
	run := p.WorkflowRun
	if run == nil {
		d.Ignore("workflow_run is missing")
		return
	}
	run.RunAttempt = attempt(run.RunAttempt)
	c := p.change(tracker.Run, run.ID, run.RunAttempt)
	c.QueuedUntilJob = true
	c.Queued = c.ParseTime(cmp.Or(run.RunStartedAt, run.CreatedAt))
	c.Time = c.ParseTime(run.UpdatedAt)
	c.Attributes.Pipeline = p.pipeline()
	c.Attributes.Branch = run.HeadBranch
	c.Attributes.RefKind = p.refKind(run.HeadBranch, run.Event)
	c.Attributes.Trigger = trigger(run.Event)
	c.Attributes.Retry = retry(run.RunAttempt)
	c.Attributes.Commit = run.HeadSHA
	c.Attributes.URL = run.HTMLURL
	if run.HeadCommit.ID == run.HeadSHA {
		c.CommitTime = c.ParseTime(run.HeadCommit.Timestamp)
	}

	switch p.Action {
	case "requested":
		c.State = tracker.Queued
		// A run of a first-time contributor has already "completed" when it waits for
		// an approval.
		if run.Conclusion == actionRequired || run.Status == "waiting" {
			c.State = tracker.Blocked
		}
	case "in_progress":
		c.State = tracker.Started
	case "completed":
		switch run.Conclusion {
		case "":
			d.Ignore("the completed run has no conclusion")
			return
		case actionRequired:
			c.State = tracker.Blocked
		default:
			end(d, &c, run.Conclusion)
			c.Ended = c.Time
			c.NeverStarted = run.Conclusion == "skipped" || run.Conclusion == "startup_failure"
			if !c.NeverStarted {
				// The run time counts from here, whenever the first job started.
				c.Started = c.Queued
			}
		}
	default:
		d.Ignore("unknown action %.40q", p.Action)
		return
	}
	d.Add(c)
}

// pipeline returns the name of the run's workflow. GitHub names a workflow without a
// name after its file.
func (p *delivery) pipeline() string {
	path, _, _ := strings.Cut(cmp.Or(p.Workflow.Path, p.WorkflowRun.Path), "@")
	return cmp.Or(p.Workflow.Name, p.WorkflowRun.Name, path)
}

// retry reports whether an attempt is not the first one.
func retry(attempt payload.ID) string {
	if attempt == "1" {
		return "false"
	}
	return "true"
}
