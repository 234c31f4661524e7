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
func (e *Engine) Emit(logger lager.Logger, event metric.Event) { e.emit(logger, event, nil) }

// EmitReporting implements metric.ReportingEmitter.
func (e *Engine) EmitReporting(logger lager.Logger, event metric.Event, outcome *metric.Outcome) {
	e.emit(logger, event, outcome)
}

// emit is EmitReporting, but outcome may be nil.
func (e *Engine) emit(logger lager.Logger, event metric.Event, outcome *metric.Outcome) {
	if !e.attached.Load() {
		e.attachFirst(logger)
	}
	plan := e.plans.Load().find(event.Name)
	if plan == nil {
		e.recordUnknown(logger, event.Name, outcome)
		return
	}
	var array [maxAttributes]string
	var o observation // set field by field, because the compiler copies a composite literal from a temporary
	o.value = event.Value
	o.given = event.Attributes
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
	e.observe(logger, plan, &o, outcome)
	if plan.tap != nil {
		tapped := TappedEvent{Time: event.Time, attributes: event.Attributes}
		tapped.resolved = plan.attributes[:min(len(plan.attributes), maxResolved)]
		copy(tapped.resolvedValues[:], o.attributes[:len(tapped.resolved)])
		e.tap(plan.tap, event.Value, tapped, outcome)
	}
}

// Prepare implements metric.TypedEmitter.
func (e *Engine) Prepare(t metric.EventType) metric.TypedEvent {
	t.Attributes = slices.Clone(t.Attributes)
	return newPreparedEvent(e, t)
}

// prepare resolves an event type with the given plans. It retains the attributes.
func (e *Engine) prepare(plans *nameTable, t metric.EventType) valuesEmitter {
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
	return &partialEvent{e, plan, t.Attributes, at, present}
}

// A valuesEmitter emits the events of one type with the plans of one mapping.
type valuesEmitter interface {
	// emitValues emits an event with the values of the type's attributes. outcome may
	// be nil.
	emitValues(logger lager.Logger, value float64, values []string, outcome *metric.Outcome)

	// bind returns the plan for the events, or nil if there is none, and an observation
	// of an event with the values, which it retains.
	bind(values []string) (*plan, observation)
}

// maxTypeAttributes is the number of attributes that fit into an observation's bit set.
const maxTypeAttributes = 32

// A typedEvent emits events of a type that has all attributes that the rules use. It
// does not copy the values.
type typedEvent struct {
	engine *Engine
	plan   *plan // with the indexes of the type's attributes
}

func (t *typedEvent) emitValues(logger lager.Logger, value float64, values []string, outcome *metric.Outcome) {
	var o observation
	o.value = value
	o.present = math.MaxUint32
	o.attributes = values
	t.engine.observe(logger, t.plan, &o, outcome)
	if t.plan.tap != nil {
		t.engine.tap(t.plan.tap, value, TappedEvent{names: t.plan.attributes, values: values}, outcome)
	}
}

func (t *typedEvent) bind(values []string) (*plan, observation) {
	o := observation{present: math.MaxUint32, attributes: values}
	o.unlisted = t.plan.unlisted(&o)
	return t.plan, o
}

// A partialEvent emits events of a type that lacks some of the attributes that the
// rules use, has more than maxTypeAttributes, or has derived label values.
type partialEvent struct {
	engine  *Engine
	plan    *plan
	names   []string // of the type's attributes
	at      []int    // at[i] is the type's index of the plan's attribute i
	present uint32   // bit set of the plan's attributes that the type has
}

func (t *partialEvent) emitValues(logger lager.Logger, value float64, values []string, outcome *metric.Outcome) {
	var array [maxAttributes]string
	o := t.observation(array[:t.plan.slots()], values)
	o.value = value
	t.engine.observe(logger, t.plan, &o, outcome)
	if t.plan.tap != nil {
		t.engine.tap(t.plan.tap, value, TappedEvent{names: t.names, values: values}, outcome)
	}
}

// observation returns an observation of an event with the values. Its attributes are in
// the given slice.
func (t *partialEvent) observation(attributes, values []string) (o observation) {
	o.names = t.names
	o.present = t.present
	o.attributes = attributes
	for i, at := range t.at {
		if t.present&(1<<i) != 0 {
			o.attributes[i] = values[at]
		}
	}
	if len(t.plan.derived) > 0 {
		t.plan.setDerived(o.attributes)
	}
	return o
}

func (t *partialEvent) bind(values []string) (*plan, observation) {
	o := t.observation(make([]string, t.plan.slots()), values)
	o.unlisted = t.plan.unlisted(&o)
	return t.plan, o
}

// An unknownEvent emits events of an unknown type.
type unknownEvent struct {
	engine *Engine
	name   string
}

func (u *unknownEvent) emitValues(logger lager.Logger, _ float64, _ []string, outcome *metric.Outcome) {
	u.engine.recordUnknown(logger, u.name, outcome)
}

func (u *unknownEvent) bind([]string) (*plan, observation) { return nil, observation{} }

// An observation contains the parts of an event that a plan uses.
type observation struct {
	value      float64
	present    uint32   // bit set of the attributes that the event has
	unlisted   uint32   // bit set of the plan's closed attributes whose value is not listed
	attributes []string // the values, by the plan's indexes

	// given or names contains the names of all of the event's attributes, unless none
	// that the plan uses is missing.
	given map[string]string
	names []string

	// reserved is not nil in a dry run.
	reserved *series.Reservations
}

// observe applies the plan's updates to an event. outcome may be nil.
func (e *Engine) observe(logger lager.Logger, plan *plan, o *observation, outcome *metric.Outcome) {
	now := e.clock.Now()
	if outcome != nil && outcome.DryRun != nil {
		o.reserved = outcome.DryRun.State(e, newReservations).(*series.Reservations)
		o.reserved.Reserve = outcome.DryRun.Reserve
	}
	if len(plan.closed) > 0 {
		o.unlisted = plan.unlisted(o)
	}
	var failed rejections
	inapplicable := 0
	for i := range plan.updates {
		switch reason := plan.updates[i].apply(plan, o, now); reason {
		case accepted:
		case conditionFalse:
			inapplicable++
		default:
			failed.add(reason, i)
		}
	}
	// Increment the tally immediately after the updates: an atomic addition waits for
	// pending stores, so the event waits for them only once.
	if o.reserved == nil {
		plan.received.Inc()
	}
	if outcome != nil {
		outcome.Known = true
		outcome.Updated += len(plan.updates) - inapplicable
	}
	if failed.any {
		e.reject(logger, plan, o, now, &failed, outcome)
	}
}

func newReservations() any { return new(series.Reservations) }

// apply applies one update or, in a dry run, checks it. It returns accepted,
// conditionFalse, or the reason for a rejection, which can include overflowed.
func (u *update) apply(plan *plan, o *observation, now series.Instant) reason {
	if r := u.check(o); r != accepted {
		return r
	}
	number, r := u.number(o.value, o.attributes)
	if r != accepted {
		return r
	}
	var values series.Values
	values.All, values.Order, values.Exemplar = o.attributes, u.labels, u.exemplar
	if o.reserved != nil {
		return reasonOf(u.family.Check(&values, plan.workerOf(o), number, o.reserved))
	}
	return reasonOf(u.family.Update(u.op, &values, plan.workerOf(o), number, now))
}

// check checks the attributes of an event. It returns accepted, conditionFalse, or the
// reason for a rejection.
func (u *update) check(o *observation) reason {
	if o.present&u.required != u.required {
		return missingAttribute
	}
	if o.unlisted&u.closed != 0 {
		return unknownValue // even if the rule's condition requires another value
	}
	if u.when >= 0 && o.attributes[u.when] != u.equals {
		return conditionFalse
	}
	for _, i := range u.nonEmpty {
		if o.attributes[i] == "" {
			return emptyAttribute
		}
	}
	return accepted
}

// number returns the number that an event with the value adds, sets or observes. It
// returns accepted, or the reason for a rejection.
func (u *update) number(value float64, attributes []string) (float64, reason) {
	if u.computed {
		return u.compute(value, attributes)
	}
	return value, accepted
}

// compute is number for updates whose number is not always the event's value.
func (u *update) compute(value float64, attributes []string) (float64, reason) {
	switch u.operand {
	case one:
		value = 1
	case holding:
		value = hold(value)
	case stateNumber:
		i := slices.Index(u.family.States(), attributes[u.state])
		if i < 0 {
			return 0, unknownValue
		}
		value = float64(i + 1)
	}
	if u.divide != 0 {
		value /= u.divide
	}
	if u.op == series.Observe && value < 0 && value >= -math.MaxFloat64 {
		return 0, negative // the sum of a histogram must not decrease
	}
	return value, accepted
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
