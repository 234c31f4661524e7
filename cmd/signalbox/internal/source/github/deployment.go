package github

import (
	"cmp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeDeployment(d *payload.Delivery) {
	status := p.DeploymentStatus
	if status == nil {
		d.Ignore("deployment_status is missing")
		return
	}
	if p.Action != "created" {
		d.Ignore("unknown action %.40q", p.Action)
		return
	}
	c := p.change(tracker.Deployment, p.Deployment.ID, "")
	c.Queued = c.ParseTime(p.Deployment.CreatedAt)
	c.Time = c.ParseTime(status.CreatedAt)
	c.Attributes.Environment = cmp.Or(status.Environment, p.Deployment.Environment)
	c.Attributes.Tier = p.Deployment.tier()
	c.Attributes.Commit = p.Deployment.SHA
	c.Attributes.URL = status.TargetURL
	// A ref is a branch, a tag or a hash, and GitHub does not say which.
	if ref := p.Deployment.Ref; ref != p.Deployment.SHA {
		c.Attributes.Branch = ref
		if ref != "" && ref == p.Repository.DefaultBranch {
			c.Attributes.RefKind = "default"
		}
	}
	if p.WorkflowRun != nil {
		c.Attributes.Pipeline = p.pipeline()
		c.Attributes.Trigger = trigger(p.WorkflowRun.Event)
	}

	switch status.State {
	case "queued", "pending":
		c.State = tracker.Queued
	case "waiting":
		c.State = tracker.Blocked
	case "in_progress":
		c.State, c.Started = tracker.Started, c.Time
	case "success", "failure", "error":
		c.State, c.Ended = tracker.Ended, c.Time
		c.Result = status.State // the same words as tracker's
		c.Attributes.RawResult = status.State
	case "inactive":
		d.Ignore("a newer deployment replaced this one")
		return
	default:
		d.Unmap("deployment state", status.State)
		return
	}
	d.Add(c)
}

// tier returns the tier of the environment. GitHub only knows production. If it does
// not say, its default is the name of the environment.
func (d *deployment) tier() string {
	const production = "production"
	if d.ProductionEnvironment != nil && *d.ProductionEnvironment ||
		d.ProductionEnvironment == nil && d.Environment == production {
		return production
	}
	return ""
}
