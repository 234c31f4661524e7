package tracker

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// expiredMemory is how long the tracker remembers at least what has expired. Approvals
// are given days later.
const expiredMemory = 14 * 24 * time.Hour

// Tick removes what is too old, and returns the current values of all gauges as events.
// The caller should call it every few seconds. Its cost is proportional to the number
// of active objects.
func (t *Tracker) Tick(now time.Time) []metric.Event {
	u := &update{tracker: t, now: now}
	t.regroupAll()
	nanos := now.UnixNano()
	for o := t.active.front; o != nil; {
		next := o.next
		limit := t.options.QueuedLimit
		if o.state == Started {
			limit = t.options.RunningLimit
		}
		if nanos-o.changed > int64(limit) {
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
	o.system.expired[o.phase()]++
	u.tracker.leave(o)
	u.ungroup(o)
	o.expired, o.changed = true, u.now.UnixNano()
	u.tracker.enter(o)
}
