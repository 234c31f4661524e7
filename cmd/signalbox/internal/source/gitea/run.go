package gitea

import (
	"cmp"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeRun(d *payload.Delivery) {
	run := p.WorkflowRun
	attempt := first(run.RunAttempt)
	c := change(tracker.Run, p.Repository, run.ID, attempt)
	// Before Gitea 1.27, runs have no attempts, and have the same ID when they run again.
	c.Reopens = attempt != run.RunAttempt
	file, ref, _ := strings.Cut(run.Path, "@")
	c.Attributes.Pipeline = cmp.Or(p.Workflow.Name, file)
	c.Attributes.Branch, c.Attributes.RefKind = p.Repository.parseRef(ref, run.Event)
	c.Attributes.Trigger = trigger(run.Event)
	c.Attributes.Commit = run.HeadSHA
	c.Attributes.URL = run.HTMLURL
	started := c.ParseTime(run.StartedAt)

	switch p.Action {
	case "requested":
		// Nothing in the payload says when the run was created.
		c.State = tracker.Queued
		if run.Status == "waiting" {
			c.State = tracker.Blocked
		}
	case "in_progress":
		c.State, c.Started, c.Time = tracker.Started, started, started
	case "completed":
		if run.Conclusion == "" {
			d.Ignore("the completed run has no conclusion")
			return
		}
		d.End(&c, results, "conclusion", run.Conclusion)
		c.Started, c.Ended = started, c.ParseTime(run.CompletedAt)
		c.Time = c.Ended
		c.NeverStarted = started.IsZero()
	default:
		d.Ignore("unknown action %.40q", p.Action)
		return
	}
	d.Add(c)
}

// parseRef returns the name and the kind of a full ref, such as "refs/heads/main".
func (r repository) parseRef(ref, event string) (name, kind string) {
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return branch, r.refKind(branch, event)
	}
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return tag, "tag"
	}
	if strings.HasPrefix(ref, "refs/pull/") {
		return "", "pull_request"
	}
	return "", r.refKind("", event)
}
