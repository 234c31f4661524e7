package buildkite

import (
	"cmp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeAgent(d *payload.Delivery, event string) {
	a := p.Agent
	if a == nil {
		d.Ignore("agent is missing")
		return
	}
	c := tracker.Change{System: system, Kind: tracker.Worker, ID: string(cmp.Or(a.ID, a.UUID))}
	c.Attributes.Owner = p.organization(a.URL)
	c.Attributes.Worker = a.Name
	c.Attributes.Queue, _ = queue(append([]string{"queue=" + a.Queue}, a.MetaData...))
	var since string
	switch event {
	case "agent.connected":
		c.State, since = tracker.Available, a.ConnectedAt
	case "agent.stopping":
		// The agent finishes its job and takes no other one. The time at which it was
		// told to stop is unknown. With the time of the connection, this change is
		// never later than the end of the agent, which can be reported immediately
		// afterwards.
		c.State, since = tracker.Busy, a.ConnectedAt
	case "agent.disconnected", "agent.stopped":
		c.State, since = tracker.Offline, cmp.Or(a.DisconnectedAt, a.StoppedAt)
	case "agent.lost":
		c.State, since = tracker.Lost, a.LostAt
	}
	c.Time = c.ParseTime(since)
	d.Add(c)
}
