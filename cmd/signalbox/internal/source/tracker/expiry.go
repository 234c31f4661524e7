package tracker

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// Tick removes what is too old, and returns the current values of all gauges as events.
// The caller should call it every few seconds. Its cost is proportional to the number
// of active objects.
func (t *Tracker) Tick(now time.Time) []metric.Event {
	u := &update{tracker: t, now: now}
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
	for o := t.inactive.front; o != nil && nanos-o.changed > int64(t.options.Memory+maxAhead); o = t.inactive.front {
		t.leave(o)
		delete(t.objects, o.key)
	}
	t.commits.expire(now)
	t.deployments.expire(now)
	u.emitGauges()
	return u.events
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
