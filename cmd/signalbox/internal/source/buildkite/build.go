package buildkite

import (
	"cmp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// buildStates maps the states of builds to results. The result is empty for states in
// which a build has not ended.
var buildStates = map[string]string{
	"passed":   tracker.ResultSuccess,
	"failed":   tracker.ResultFailure,
	"canceled": tracker.ResultCancellation,
	"skipped":  tracker.ResultSkip,
	"not_run":  tracker.ResultSkip,

	"creating":  "",
	"scheduled": "",
	"started":   "",
	"running":   "",
	"failing":   "",
	"canceling": "",
	"blocked":   "",
}

func (p *delivery) decodeBuild(d *payload.Delivery, event string) {
	b := p.Build
	if b == nil {
		d.Ignore("build is missing")
		return
	}
	c := p.change(tracker.Run, cmp.Or(b.ID, b.UUID))
	c.Reopens = true // a build runs again if one of its jobs is retried
	c.Queued = c.ParseTime(cmp.Or(b.ScheduledAt, b.CreatedAt))
	started := c.ParseTime(b.StartedAt)

	// The event says what happened; the state can be a later one.
	c.State = tracker.Started
	switch event {
	case "build.scheduled":
		c.State = tracker.Queued
		if p.isBridged() {
			c.Queued = c.ParseTime(p.Time)
		}
	case "build.finished", "build.skipped":
		if b.State == "" {
			d.Ignore("the finished build has no state")
			return
		}
		result, known := buildStates[b.State]
		if known && result == "" || b.Blocked && (b.State == "passed" || b.State == "failed") {
			break // it waits to be unblocked, or is already running again
		}
		d.End(&c, buildStates, "build state", b.State)
		c.Ended = c.ParseTime(b.FinishedAt)
		c.Time = c.Ended
		c.NeverStarted = started.IsZero()
	}
	if c.State >= tracker.Started {
		c.Started = started
	}
	if c.State == tracker.Started {
		c.Time = started
	}
	d.Add(c)
}
