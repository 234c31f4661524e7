package azuredevops

import (
	"cmp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeJob(d *payload.Delivery) {
	job, run := &p.Resource.Job, &p.Resource.Run
	d.Describe("job", job.State)
	if job.ID == "" || run.ID == "" {
		d.Ignore("no id")
		return
	}
	attempt := cmp.Or(job.Attempt, "1")
	c := p.change(tracker.Job, string(run.ID+"/"+job.ID+"/"+attempt))
	c.RunID = string(run.ID)
	p.Resource.describeRun(&c.Attributes)
	c.Attributes.Job = job.Name
	c.Attributes.URL = job.Links.Web.Href
	if attempt != "1" {
		c.Attributes.Retry = "true"
	}
	switch job.State {
	case "waiting":
		c.State, c.Queued = tracker.Queued, c.Time
	case "running", "inProgress":
		// The queue time is the time between the creations of two events, because both
		// are some seconds late. StartTime would make it too short.
		c.State, c.Started = tracker.Started, c.Time
	case "completed":
		// Started stays unknown, for the same reason.
		c.Ended = c.ParseTime(job.FinishTime)
		c.RunTime = payload.Between(c.ParseTime(job.StartTime), c.Ended)
		c.NeverStarted = job.StartTime == ""
		if !end(d, &c, job.Result) {
			return
		}
	default:
		d.Unmap("job state", job.State)
		return
	}
	d.Add(c)
}
