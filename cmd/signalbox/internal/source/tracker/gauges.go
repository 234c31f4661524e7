package tracker

import (
	"iter"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

const oldestJobWaiting = "ci oldest job waiting"

func defaultLabelInputs(string) iter.Seq2[string, func(string) string] {
	return func(yield func(string, func(string) string) bool) {
		for _, attribute := range []string{"system", "runner_class", "state"} {
			if !yield(attribute, nil) {
				return
			}
		}
	}
}

// A group counts the active objects whose labels have the same values.
type group struct {
	key        string // in Tracker.groups
	event      string
	attributes map[string]string
	count      int

	// Of the current tick. oldest is when the job that has waited the longest was
	// queued.
	tick     uint64
	oldest   int64
	reported bool // the last tick emitted the waiting time of a job
}

// group returns the group for the object of a change, which is in the state, and creates
// it if necessary.
func (t *Tracker) group(event, state string, c *Change) *group {
	value := func(attribute string) string {
		if attribute == "state" {
			return state
		}
		return c.attribute(attribute)
	}
	inputs := t.options.LabelInputs(event)
	var array [256]byte
	k := append(array[:0], event...)
	for attribute, of := range inputs {
		v := value(attribute)
		if of != nil {
			v = of(v)
		}
		k = appendPart(appendPart(k, attribute), v)
	}
	if g := t.groups[string(k)]; g != nil {
		return g
	}
	// The attributes are those of the first object. Labels have the same values for all.
	g := &group{key: string(k), event: event, attributes: make(map[string]string)}
	for attribute := range inputs {
		if v := value(attribute); v != "" {
			// The text may be a part of a large payload.
			g.attributes[strings.Clone(attribute)] = strings.Clone(v)
		}
	}
	t.groups[g.key] = g
	return g
}

// regroup moves the object into the groups that count it in its new state.
func (u *update) regroup() {
	o, c := u.o, u.c
	var active, waiting *group
	if event := eventNames[o.kind].active; event != "" && o.list.active {
		active = u.tracker.group(event, phases[o.phase()], c)
		if o.kind == Job && o.state == Queued {
			waiting = u.tracker.group(oldestJobWaiting, "", c)
		}
	}
	for _, g := range []*group{active, waiting} {
		if g != nil {
			g.count++
		}
	}
	u.ungroup(o)
	if active != nil {
		u.emitGroup(active, float64(active.count))
	}
	o.active, o.waiting = active, waiting
}

// ungroup removes an object from its groups. The next tick emits how long jobs have
// waited.
func (u *update) ungroup(o *object) {
	if g := o.active; g != nil {
		g.count--
		u.emitGroup(g, float64(g.count))
		u.forget(g)
	}
	if g := o.waiting; g != nil {
		g.count--
		u.forget(g)
	}
	o.active, o.waiting = nil, nil
}

// forget removes an empty group, unless the next tick must emit 0 for it.
func (u *update) forget(g *group) {
	if g.count == 0 && !g.reported {
		delete(u.tracker.groups, g.key)
	}
}

// emitGauges emits the current values of all gauges. The groups are in the order of
// their least recently changed objects.
func (u *update) emitGauges() {
	t := u.tracker
	t.ticks++
	var active, waiting []*group
	for o := t.active.front; o != nil; o = o.next {
		if g := o.active; g != nil && g.tick != t.ticks {
			g.tick = t.ticks
			active = append(active, g)
		}
		if g := o.waiting; g != nil {
			since := o.queued
			if since == 0 {
				since = o.changed
			}
			if g.tick != t.ticks {
				g.tick, g.oldest = t.ticks, since
				waiting = append(waiting, g)
			}
			g.oldest = min(g.oldest, since)
		}
	}
	for _, g := range active {
		u.emitGroup(g, float64(g.count))
	}
	for _, g := range t.waiting {
		if g.reported = g.count > 0; !g.reported {
			u.emitGroup(g, 0)
			u.forget(g)
		}
	}
	for _, g := range waiting {
		g.reported = true
		u.emitGroup(g, max(0, time.Duration(u.now.UnixNano()-g.oldest).Seconds()))
	}
	t.waiting = waiting
}

func (u *update) emitGroup(g *group, value float64) {
	u.events = append(u.events, metric.Event{Name: g.event, Value: value, Attributes: g.attributes, Time: u.now})
}
