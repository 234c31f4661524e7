package engine

import (
	"slices"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/metric"
)

// A boundEvent emits events of one type that have the same attribute values. Like a
// preparedEvent, it remains valid across reloads.
type boundEvent struct {
	event    *preparedEvent
	values   []string
	resolved atomic.Pointer[boundPlan]
}

// A boundPlan is what the plans of one mapping do with the events of a boundEvent.
type boundPlan struct {
	plans *nameTable
	plan  *plan // nil if the events must take the ordinary path
	observation
	updates []boundUpdate // those whose condition is true
}

type boundUpdate struct {
	*update
	index  int // in the plan
	handle *series.Handle
}

// Bind implements metric.BindableEvent.
func (p *preparedEvent) Bind(values []string) metric.BoundEvent {
	return &boundEvent{event: p, values: slices.Clone(values)}
}

// Emit implements metric.BoundEvent.
func (b *boundEvent) Emit(logger lager.Logger, value float64) {
	e := b.event.engine
	r := b.resolved.Load()
	if plans := e.plans.Load(); r == nil || r.plans != plans {
		r = b.resolve(plans)
	}
	if r.plan == nil {
		b.event.EmitValues(logger, value, b.values)
		return
	}
	now := e.clock.Now()
	for i := range r.updates {
		if reason := r.updates[i].apply(value, r.attributes, now); reason != accepted {
			r.reject(e, logger, value, now, i, reason)
			return
		}
	}
	r.plan.received.Inc()
}

// apply applies the update. It returns accepted, or the reason for a rejection, which
// can include overflowed.
func (u *boundUpdate) apply(value float64, attributes []string, now series.Instant) reason {
	number, reason := u.number(value, attributes)
	if reason != accepted {
		return reason
	}
	return reasonOf(u.handle.Update(u.op, number, now))
}

// reject continues an event of which update i was rejected.
func (r *boundPlan) reject(e *Engine, logger lager.Logger, value float64, now series.Instant, i int, why reason) {
	var failed rejections
	failed.add(why, r.updates[i].index)
	for i++; i < len(r.updates); i++ {
		u := &r.updates[i]
		if why := u.apply(value, r.attributes, now); why != accepted {
			failed.add(why, u.index)
		}
	}
	r.plan.received.Inc()
	o := r.observation
	o.value = value
	e.reject(logger, r.plan, &o, now, &failed, nil)
}

// resolve resolves the event with the given plans. Goroutines may call it concurrently.
func (b *boundEvent) resolve(plans *nameTable) *boundPlan {
	r := &boundPlan{plans: plans}
	t := b.event.resolved.Load()
	if t.plans != plans {
		t = b.event.resolve(plans)
	}
	plan, o := t.event.bind(b.values)
	if plan != nil && plan.tap == nil {
		r.bind(plan, o)
	}
	b.resolved.Store(r)
	return r
}

// bind binds the plan's updates to the observation. If one of them would be rejected
// because of the attributes, the events take the ordinary path.
func (r *boundPlan) bind(plan *plan, o observation) {
	for i := range plan.updates {
		u := &plan.updates[i]
		switch u.check(&o) {
		case accepted:
			values := series.Values{All: o.attributes, Order: u.labels, Exemplar: u.exemplar}
			r.updates = append(r.updates, boundUpdate{u, i, u.family.Handle(values, plan.workerOf(&o))})
		case conditionFalse:
		default:
			return
		}
	}
	r.plan, r.observation = plan, o
}
