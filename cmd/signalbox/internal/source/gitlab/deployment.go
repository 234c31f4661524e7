package gitlab

import (
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// deploymentStates are the states for the statuses of deployments.
var deploymentStates = map[string]tracker.State{
	"created":  tracker.Queued,
	"blocked":  tracker.Blocked,
	"running":  tracker.Started,
	"success":  tracker.Ended,
	"failed":   tracker.Ended,
	"canceled": tracker.Ended,
	"skipped":  tracker.Ended,
}

func (p *delivery) decodeDeployment(d *payload.Delivery) {
	d.Describe("deployment", p.Status)
	c := p.change(tracker.Deployment, p.DeploymentID)
	c.State = deploymentStates[p.Status]
	c.Time = c.ParseTime(p.StatusChangedAt)
	c.Attributes.Branch = p.Ref
	if p.Ref != "" && p.Ref == p.Project.DefaultBranch { // otherwise it can be a tag
		c.Attributes.RefKind = "default"
	}
	c.Attributes.Commit = p.commit()
	c.Attributes.URL = p.DeployableURL
	c.Attributes.Environment = p.Environment
	c.Attributes.Tier = p.EnvironmentTier
	switch c.State {
	case tracker.Queued:
		c.Queued = c.Time
	case tracker.Blocked:
	case tracker.Started:
		c.Started = c.Time
	case tracker.Ended:
		c.Ended = c.Time
		c.Result = results[p.Status]
		c.Attributes.RawResult = p.Status
		c.NeverStarted = c.Result == tracker.ResultSkip
	default:
		d.Unmap("deployment status", p.Status)
		return
	}
	d.Add(c)
}

// commit returns the full hash of the deployed commit. The payload has its first
// digits, and the URL of its page, which ends with the hash.
func (p *delivery) commit() string {
	hash := p.CommitURL[strings.LastIndexByte(p.CommitURL, '/')+1:]
	if p.ShortSHA == "" || !strings.HasPrefix(hash, p.ShortSHA) || strings.Trim(hash, "0123456789abcdef") != "" {
		return ""
	}
	return hash
}
