package gitea

import (
	"cmp"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// forgejoStates are the states for the statuses of Forgejo's runs and jobs in which they
// have not ended. Unlike Gitea's "waiting", that of Forgejo means waiting for a runner.
var forgejoStates = map[string]tracker.State{
	"waiting": tracker.Queued,
	"blocked": tracker.Blocked,
	"running": tracker.Started,
}

func (p *delivery) decodeForgejoRun(d *payload.Delivery) {
	run := p.Run
	c := change(tracker.Run, run.Repository, run.ID, "")
	c.Reopens = true // a run has the same ID when it runs again
	p.describeForgejoRun(&c)
	c.Attributes.URL = run.HTMLURL
	c.Queued = c.ParseTime(run.Created)
	c.Started = c.ParseTime(run.Started)
	if !forgejoState(d, &c, run.Status) {
		return
	}
	if c.State == tracker.Ended {
		c.Ended = c.ParseTime(run.Stopped)
		c.Time = c.Ended
		c.NeverStarted = c.Started.IsZero()
	}
	d.Add(c)
}

// decodeForgejoJob decodes a job. It has no times.
func (p *delivery) decodeForgejoJob(d *payload.Delivery) {
	job := p.Job
	c := change(tracker.Job, p.Repository, job.ID, first(job.Attempt))
	if p.Run != nil {
		c.RunID = string(p.Run.ID)
		p.describeForgejoRun(&c)
	}
	c.Attributes.URL = job.HTMLURL
	c.Attributes.Job = payload.WithoutMatrix(job.Name)
	c.Attributes.RunnerClass = payload.RunnerClass(job.RunsOn)
	if forgejoState(d, &c, job.Status) {
		d.Add(c)
	}
}

// describeForgejoRun sets the attributes that runs and their jobs have in common.
func (p *delivery) describeForgejoRun(c *tracker.Change) {
	run := p.Run
	event := cmp.Or(run.TriggerEvent, run.Event)
	c.Attributes.Pipeline = run.WorkflowID
	c.Attributes.Trigger = trigger(event)
	c.Attributes.Commit = run.CommitSHA
	if strings.HasPrefix(run.PrettyRef, "#") {
		c.Attributes.RefKind = "pull_request"
		return
	}
	// Forgejo does not say whether it is a branch or a tag, except for releases.
	c.Attributes.Branch = run.PrettyRef
	c.Attributes.RefKind = cmp.Or(run.Repository, p.Repository).refKind(run.PrettyRef, event)
	if event == "release" {
		c.Attributes.RefKind = "tag"
	}
}

// forgejoState sets the state, and the result of an end. It reports whether the status
// is known.
func forgejoState(d *payload.Delivery, c *tracker.Change, status string) bool {
	if c.State = forgejoStates[status]; c.State != 0 {
		return true
	}
	if results[status] == "" {
		d.Unmap("status", status)
		return false
	}
	d.End(c, results, "status", status)
	return true
}
