package tracker

import (
	"math"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// expiredMemory is how long the tracker remembers at least what has expired. Approvals
// are given days later.
const expiredMemory = 14 * 24 * time.Hour

const (
	// incidentLimit is how long an incident can stay open without a change.
	incidentLimit = 30 * 24 * time.Hour

	// offlineLimit is how long a worker that is offline is counted. CI systems start
	// workers with other IDs instead, and report workers only when they change.
	offlineLimit = 10 * time.Minute
)

// limitOf returns how long an active object can stay without a change.
func (t *Tracker) limitOf(o *object) time.Duration {
	switch {
	case o.kind == Worker && o.state >= Offline:
		return offlineLimit
	case o.kind == Worker:
		return math.MaxInt64
	case o.kind == Incident:
		return incidentLimit
	case o.state == Started:
		return t.options.RunningLimit
	}
	return t.options.QueuedLimit
}

// Tick removes what is too old, and returns the current values of all gauges as events.
// The caller should call it every few seconds. Its cost is proportional to the number
// of active objects.
func (t *Tracker) Tick(now time.Time) []metric.Event {
	u := &update{tracker: t, now: now}
	u.regroupAll()
	nanos := now.UnixNano()
	for o := t.active.front; o != nil; {
		next := o.next
		if nanos-o.changed > int64(t.limitOf(o)) {
			u.expire(o)
		}
		o = next
	}

	// The time of an end can be up to maxAhead later than its delivery. Until a repeat
	// is stale, it must find the object.
	memory := t.options.Memory + maxAhead
	t.forgetBefore(&t.inactive, nanos-int64(memory))
	t.forgetBefore(&t.expired, nanos-int64(max(memory, expiredMemory)))
	t.commits.expire(now)
	t.deployments.expire(now)
	u.emitGauges()
	return u.events
}

// forgetBefore removes the objects in the list that have not changed since a time.
func (t *Tracker) forgetBefore(l *list, nanos int64) {
	for l.front != nil && l.front.changed < nanos {
		t.remove(l.front)
	}
}

// expire makes an object inactive that has not changed for too long. If it changes
// later, it becomes active again, without being counted again.
func (u *update) expire(o *object) {
	if o.kind != Worker {
		o.system.expired[o.phase()]++
	}
	u.tracker.leave(o)
	u.ungroup(o)
	u.tracker.forgetJob(o)
	o.expired, o.changed = true, u.now.UnixNano()
	u.tracker.enter(o)
}
