package engine

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// EmitsConcurrently implements metric.ConcurrentEmitter.
func (e *Engine) EmitsConcurrently() {}

// Emit updates the series that the rules for the event specify. If the event is
// rejected for a metric, Emit counts it in signalbox_events_rejected_total and logs it,
// at most once a second for each event name and reason. It counts an unknown event in
// signalbox_events_unknown_total.
func (e *Engine) Emit(logger lager.Logger, event metric.Event) {
	if !e.attached.Load() {
		e.attachFirst(logger)
	}
	plan := e.plans.Load().find(event.Name)
	if plan == nil {
		e.recordUnknown(logger, event.Name)
		return
	}
	var array [maxAttributes]string
	var o observation // set field by field, because the compiler copies a composite literal from a temporary
	o.value = event.Value
	o.attributes = array[:plan.slots()]
	for i, name := range plan.attributes {
		if v, ok := event.Attributes[name]; ok {
			o.attributes[i] = v
			o.present |= 1 << i
		}
	}
	if len(plan.derived) > 0 {
		plan.setDerived(o.attributes)
	}
	e.observe(logger, plan, &o)
}

// Prepare implements metric.TypedEmitter.
func (e *Engine) Prepare(t metric.EventType) metric.TypedEvent {
	t.Attributes = slices.Clone(t.Attributes)
	return newPreparedEvent(e, t)
}

// prepare resolves an event type with the given plans. It retains the attributes.
func (e *Engine) prepare(plans *nameTable, t metric.EventType) metric.TypedEvent {
	plan := plans.find(t.Name)
	if plan == nil {
		return &unknownEvent{e, t.Name}
	}
	at := make([]int, len(plan.attributes))
	var present uint32
	for i, name := range plan.attributes {
		for j, attribute := range t.Attributes {
			if attribute == name { // if an attribute is duplicated, the last one counts, as in a map
				at[i] = j
				present |= 1 << i
			}
		}
	}
	if bits.OnesCount32(present) == len(at) && len(t.Attributes) <= maxTypeAttributes && len(plan.derived) == 0 {
		return &typedEvent{e, plan.withAttributes(t.Attributes, at)}
	}
	return &partialEvent{e, plan, at, present}
}

// maxTypeAttributes is the number of attributes that fit into an observation's bit set.
const maxTypeAttributes = 32

// A typedEvent emits events of a type that has all attributes that the rules use. It
// does not copy the values.
type typedEvent struct {
	engine *Engine
	plan   *plan // with the indexes of the type's attributes
}

// EmitValues implements metric.TypedEvent.
func (t *typedEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	var o observation
	o.value = value
	o.present = math.MaxUint32
	o.attributes = values
	t.engine.observe(logger, t.plan, &o)
}

// A partialEvent emits events of a type that lacks some of the attributes that the
// rules use, has more than maxTypeAttributes, or has derived label values.
type partialEvent struct {
	engine  *Engine
	plan    *plan
	at      []int  // at[i] is the type's index of the plan's attribute i
	present uint32 // bit set of the plan's attributes that the type has
}

// EmitValues implements metric.TypedEvent.
func (t *partialEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	var array [maxAttributes]string
	var o observation
	o.value = value
	o.present = t.present
	o.attributes = array[:t.plan.slots()]
	for i, at := range t.at {
		if t.present&(1<<i) != 0 {
			o.attributes[i] = values[at]
		}
	}
	if len(t.plan.derived) > 0 {
		t.plan.setDerived(o.attributes)
	}
	t.engine.observe(logger, t.plan, &o)
}

// An unknownEvent emits events of an unknown type.
type unknownEvent struct {
	engine *Engine
	name   string
}

// EmitValues implements metric.TypedEvent.
func (u *unknownEvent) EmitValues(logger lager.Logger, _ float64, _ []string) {
	u.engine.recordUnknown(logger, u.name)
}

// An observation contains the parts of an event that a plan uses.
type observation struct {
	value      float64
	present    uint32   // bit set of the attributes that the event has
	attributes []string // the values, by the plan's indexes
}

// observe applies the plan's updates to an event.
func (e *Engine) observe(logger lager.Logger, plan *plan, o *observation) {
	now := e.clock.Now()
	var failed rejections
	for i := range plan.updates {
		if reason := plan.updates[i].apply(plan, o, now); reason != accepted {
			failed.add(reason, i)
		}
	}
	// Increment the tally immediately after the updates: an atomic addition waits for
	// pending stores, so the event waits for them only once.
	plan.received.Inc()
	if failed.any {
		e.reject(logger, plan, o, now, &failed)
	}
}

// apply applies one update. It returns accepted, or the reason for a rejection.
func (u *update) apply(plan *plan, o *observation, now series.Instant) reason {
	if o.present&u.required != u.required {
		return missingAttribute
	}
	if u.when >= 0 && o.attributes[u.when] != u.equals {
		return accepted
	}
	for _, i := range u.nonEmpty {
		if o.attributes[i] == "" {
			return emptyAttribute
		}
	}
	value := o.value
	switch u.operand {
	case one:
		value = 1
	case holding:
		value = hold(value)
	}
	if u.divide != 0 {
		value /= u.divide
	}
	if u.op == series.Observe && value < 0 && value >= -math.MaxFloat64 {
		return negative // the sum of a histogram must not decrease
	}
	worker := ""
	if plan.worker >= 0 {
		worker = o.attributes[plan.worker]
	}
	var values series.Values
	values.All, values.Order, values.Exemplar = o.attributes, u.labels, u.exemplar
	return reasonOf(u.family.Update(u.op, &values, worker, value, now))
}

// hold returns the number that an event adds to a gauge with the operation hold: 1 or
// -1. It returns NaN and infinities unchanged, so that the family rejects them.
func hold(value float64) float64 {
	switch {
	case value == 1:
		return 1
	case value-value != 0: // NaN or infinite
		return value
	}
	return -1
}

// CountMalformed counts, in signalbox_events_rejected_total, input that is not a valid
// event. Unless the error is nil, it keeps the error as the example of this reason, at
// most once a second. It does not log.
func (e *Engine) CountMalformed(why error) {
	e.self.rejectedEvents.Add(1)
	e.self.rejected[malformed].Add(1)
	now := e.clock.Now()
	if ok, _ := e.self.malformed.Allow(time.Duration(now)); ok && why != nil {
		e.self.examples[malformed].Keep(traffic.Example{At: now, Message: why.Error()})
	}
}
