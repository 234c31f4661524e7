package tracker

import (
	"iter"
	"maps"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

const oldestJobWaiting = "ci oldest job waiting"

func defaultLabelInputs(string) iter.Seq2[string, func(string) string] {
	return func(yield func(string, func(string) string) bool) {
		for _, attribute := range []string{"system", "runner_class", "queue", "state"} {
			if !yield(attribute, nil) {
				return
			}
		}
	}
}

// A group counts the active objects whose labels have the same values.
type group struct {
	key        key // in Tracker.groups
	event      string
	attributes map[string]string // those of the first object
	count      int

	// Of the current tick. oldest is when the job that has waited the longest was
	// queued, and job describes it.
	tick     uint64
	oldest   int64
	job      *waitingJob
	reported bool // the last tick emitted the waiting time of a job, see Tracker.waiting

	merged *group // the one that counts the objects instead; nil except during regroupAll
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
	k := t.groupKey(event, value)
	g := t.groups[k]
	if g == nil {
		g = &group{key: k, event: event, attributes: t.groupAttributes(event, value)}
		t.addGroup(g)
	}
	return g
}

func (t *Tracker) addGroup(g *group) {
	t.groups[g.key] = g
	t.bytes += g.size()
	t.mostGroups = max(t.mostGroups, len(t.groups))
}

func (t *Tracker) removeGroup(g *group) {
	delete(t.groups, g.key)
	t.bytes -= g.size()
}

// groupKey returns the key of the group of objects with the attributes.
func (t *Tracker) groupKey(event string, value func(attribute string) string) key {
	var array [256]byte
	b := append(array[:0], event...)
	for attribute, of := range t.options.LabelInputs(event) {
		v := value(attribute)
		if of != nil {
			v = of(v)
		}
		b = appendPart(appendPart(b, attribute), v)
	}
	return hash(b)
}

// groupAttributes returns the attributes of a group.
func (t *Tracker) groupAttributes(event string, value func(attribute string) string) map[string]string {
	m := make(map[string]string)
	for attribute := range t.options.LabelInputs(event) {
		if v := value(attribute); v != "" {
			m[attribute] = strings.Clone(v) // the text may be a part of a large payload
		}
	}
	return m
}

// regroupAll gives the groups their keys and attributes anew if rules use other
// attributes than before, and merges those that have the same key. It emits 0 with the
// former attributes, for those who remember the values by the attributes of the events.
func (u *update) regroupAll() {
	t := u.tracker
	var changed []*group
	check := func(g *group) {
		if g == nil || g.tick == t.ticks {
			return
		}
		g.tick = t.ticks
		if t.groupKey(g.event, g.value) != g.key {
			t.removeGroup(g)
			changed = append(changed, g)
		}
	}
	t.ticks++
	for o := t.active.front; o != nil; o = o.next {
		check(o.active)
		check(o.waiting)
	}
	for _, g := range t.waiting {
		check(g)
	}
	if len(changed) == 0 {
		return
	}

	for _, g := range changed {
		former := g.attributes
		g.key, g.attributes = t.groupKey(g.event, g.value), t.groupAttributes(g.event, g.value)
		if other := t.groups[g.key]; other != nil {
			other.count += g.count
			g.merged = other
		} else {
			t.addGroup(g)
		}
		if !maps.Equal(former, g.current().attributes) {
			u.events = append(u.events, metric.Event{Name: g.event, Attributes: former, Time: u.now})
		}
	}
	for o := t.active.front; o != nil; o = o.next {
		o.active, o.waiting = o.active.current(), o.waiting.current()
	}
	waiting := t.waiting
	t.waiting = nil
	for _, g := range waiting {
		if other := g.current(); other == g || !other.reported {
			other.reported = true
			t.waiting = append(t.waiting, other)
		}
	}
}

func (g *group) value(attribute string) string { return g.attributes[attribute] }

// current returns the group that counts the objects of g. g can be nil.
func (g *group) current() *group {
	if g != nil && g.merged != nil {
		return g.merged
	}
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
		u.tracker.removeGroup(g)
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
				g.tick, g.job = t.ticks, nil
				waiting = append(waiting, g)
			}
			if g.job == nil || since < g.oldest {
				g.oldest, g.job = since, o.job
			}
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
		waited := time.Duration(u.now.UnixNano() - g.oldest)
		u.add(g.event, max(0, waited.Seconds()), 0, t.waitingAttributes(g))
		g.job = nil
	}
	t.waiting = waiting
}

// waitingAttributes returns the attributes of a group and those of its oldest job that no
// label of the group shows.
func (t *Tracker) waitingAttributes(g *group) map[string]string {
	j := g.job
	all := map[string]string{"job_id": j.id, "job": j.name, "repository": j.repository, "pipeline": j.pipeline, "url": j.url}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	for attribute := range t.options.LabelInputs(g.event) {
		delete(all, attribute)
	}
	maps.Copy(all, g.attributes)
	return all
}

func (u *update) emitGroup(g *group, value float64) {
	u.events = append(u.events, metric.Event{Name: g.event, Value: value, Attributes: g.attributes, Time: u.now})
}
