package gitlab

import (
	"cmp"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// pipelineStates are the states for the statuses of pipelines.
var pipelineStates = map[string]tracker.State{
	"created":              tracker.Queued,
	"preparing":            tracker.Queued,
	"pending":              tracker.Queued,
	"waiting_for_resource": tracker.Blocked,
	"waiting_for_callback": tracker.Blocked,
	"scheduled":            tracker.Blocked,
	"manual":               tracker.Blocked,
	"running":              tracker.Started,
	"canceling":            tracker.Started,
	"success":              tracker.Ended,
	"failed":               tracker.Ended,
	"canceled":             tracker.Ended,
	"skipped":              tracker.Ended,
}

func (p *delivery) decodePipeline(d *payload.Delivery) {
	pipeline := p.Pipeline
	if pipeline == nil {
		d.Describe("pipeline")
		d.Ignore("object_attributes is missing")
		return
	}
	d.Describe("pipeline", pipeline.Status)
	isMergeRequest := p.MergeRequest != nil || pipeline.Source == "merge_request_event"
	c := p.change(tracker.Run, pipeline.ID)
	c.Reopens = true // a pipeline runs again if one of its jobs is retried
	c.State = pipelineStates[pipeline.Status]
	c.Queued = c.ParseTime(pipeline.CreatedAt)
	c.Attributes.Pipeline = pipeline.Name
	c.Attributes.Branch = pipeline.Ref
	c.Attributes.RefKind = p.refKind(pipeline.Ref, pipeline.Tag, isMergeRequest)
	c.Attributes.Trigger = trigger(pipeline.Source)
	c.Attributes.Retry = "false"
	c.Attributes.Commit = pipeline.SHA
	c.Attributes.URL = cmp.Or(pipeline.URL, p.page("/-/pipelines/", pipeline.ID))
	if string(p.Commit.ID) == pipeline.SHA {
		c.CommitTime = c.ParseTime(p.Commit.Timestamp)
	}

	// GitLab reports how long a pipeline was queued, not when it started.
	queued := pipeline.QueuedDuration.Duration()
	if queued != nil && !c.Queued.IsZero() && c.State >= tracker.Started {
		c.QueueTime, c.Started = queued, c.Queued.Add(*queued)
	}
	switch c.State {
	case tracker.Queued, tracker.Blocked, tracker.Started:
		c.Time = p.activeTime()
	case tracker.Ended:
		c.Ended = c.ParseTime(pipeline.FinishedAt)
		c.Time = c.Ended
		c.Result = results[pipeline.Status]
		c.Attributes.RawResult = pipeline.Status
		ran := pipeline.Duration.Duration()
		c.NeverStarted = c.Result == tracker.ResultSkip ||
			c.Result != tracker.ResultSuccess && queued == nil && (ran == nil || *ran == 0)
		if !c.NeverStarted {
			if ran == nil {
				ran = payload.Between(cmp.Or(c.Started, c.Queued), c.Ended)
			}
			c.RunTime = ran
		}
	default:
		d.Unmap("pipeline status", pipeline.Status)
		return
	}
	d.Add(c)
}

// activeTime returns the newest time at which a job that is pending or running became
// so, as far as the payload shows, or the zero Time. If a pipeline has ended and then a
// job is retried or started manually, this time shows that the pipeline runs again.
func (p *delivery) activeTime() time.Time {
	var newest time.Time
	for build := range payload.Elements[build](p.Builds) {
		var at string
		switch {
		case build.Status == "running":
			at = build.StartedAt
		case build.Status == "pending" && !build.Manual: // a manual job can be much older
			at = build.CreatedAt
		}
		if t, err := tracker.ParseTime(at); err == nil && t.After(newest) {
			newest = t
		}
	}
	return newest
}

// trigger returns the vocabulary's word for the source of a pipeline.
func trigger(source string) string {
	switch source {
	case "web", "webide":
		return "manual"
	case "trigger":
		return "api"
	case "merge_request_event", "external_pull_request_event":
		return "pull_request"
	}
	return source
}
