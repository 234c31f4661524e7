package jenkins

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// An event has the data of any event.
type event struct {
	notification
	queueItem
	node
}

// decodeEvent decodes the data of an event. Its type is the kind of an object and what
// happened to it.
func decodeEvent(d *payload.Delivery, e cloudevents.Event) error {
	var p event
	if err := payload.Unmarshal(e.Data, &p); err != nil {
		return err
	}
	kind, what, _ := strings.Cut(strings.TrimPrefix(e.Type, "org.jenkinsci."), ".")
	configures := what == "created" || what == "updated" // a job, which has no build then
	switch {
	case kind == "queue":
		p.queueItem.decode(d, what)
	case kind == "node":
		p.node.decode(d, what)
	case kind == "job" && !configures:
		p.decodeBuild(d) // whose phase says what happened: the plugin misspells a type
	default:
		d.Describe(kind, what)
		d.Ignore("the event %.60q is not about builds, the queue or nodes", e.Type)
	}
	return nil
}

// A queueItem waits for an executor, or has left the queue.
type queueItem struct {
	CIURL     string `json:"ciUrl"`
	ID        int64  `json:"jenkinsQueueId"`
	Name      string `json:"displayName"`
	EntryTime int64  `json:"entryTime"` // milliseconds
	ExitTime  int64  `json:"exitTime"`
}

// decode decodes an item as a job. Its ID is one that the build will contain too.
func (q *queueItem) decode(d *payload.Delivery, what string) {
	d.Describe("queue", what)
	if what != "entered_waiting" && what != "left" {
		d.Ignore("unknown event of the queue %.40q", what)
		return
	}
	if q.ID <= 0 {
		d.Ignore("no id")
		return
	}
	c := tracker.Change{
		System:   system,
		Instance: payload.Host(q.CIURL, ""),
		Kind:     tracker.Job,
		ID:       itoa(q.ID),
		State:    tracker.Queued,
		// An item leaves the queue when a build starts, or because it is canceled.
		Dequeued: what == "left",
	}
	c.Queued = c.UnixMilli(q.EntryTime)
	c.Time = c.Queued
	if c.Dequeued {
		c.Time = c.UnixMilli(q.ExitTime)
	}
	c.Attributes.Job = q.Name
	d.Add(c)
}

// A node is a computer with executors.
type node struct {
	Name         string       `json:"nodeName"`    // empty for the built-in node
	ConnectTime  int64        `json:"connectTime"` // milliseconds; 0 if unknown
	OfflineCause offlineCause `json:"offlineCause"`
}

type offlineCause struct {
	Timestamp int64           `json:"timestamp"` // milliseconds
	Cause     json.RawMessage `json:"cause"`     // exception that ended the connection
}

// builtIn is the name of the node that Jenkins itself runs on.
const builtIn = "built-in"

func (n *node) decode(d *payload.Delivery, what string) {
	d.Describe("node", what)
	if what != "online" && what != "offline" {
		d.Ignore("unknown event of a node %.40q", what)
		return
	}
	name := cmp.Or(n.Name, builtIn)
	// The event does not say which Jenkins it comes from.
	c := tracker.Change{System: system, Kind: tracker.Worker, ID: payload.ShortID(name), State: tracker.Available}
	c.Attributes.Worker = name
	if what == "online" {
		c.Time = c.UnixMilli(n.ConnectTime)
		d.Add(c)
		return
	}
	c.State = tracker.Offline
	if len(n.OfflineCause.Cause) > 0 && n.OfflineCause.Cause[0] == '{' {
		c.State = tracker.Lost
	}
	c.Time = c.UnixMilli(n.OfflineCause.Timestamp)
	d.Add(c)
}
