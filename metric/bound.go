package metric

import (
	"slices"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
)

// A Bound emits events of one EventType that have the same values. Emitters look up the
// series of these events only once, so this is the fastest way to emit. Use it for
// values that rarely change, such as those of a worker or of an HTTP route.
//
// Prepared.Bind returns it. It is safe for concurrent use, and remains valid when the
// Monitor is closed and initialized again, when the mapping is reloaded, and after its
// series were removed because they were stale.
type Bound struct {
	prepared *Prepared
	values   []string
	resolved atomic.Pointer[boundType]
}

// A boundType is a Bound as one dispatcher emits it.
type boundType struct {
	dispatcher *dispatcher
	events     []BoundEvent // one for each emitter; nil if Prepared.Emit must emit the events
}

// Bind returns a Bound for events with the values. values[i] is the value of the type's
// Attributes[i]. Bind does not keep the slice. If the number of values differs from the
// number of attributes, Bound.Emit logs an error, as Prepared.Emit does.
func (p *Prepared) Bind(values ...string) *Bound {
	return &Bound{prepared: p, values: slices.Clone(values)}
}

// Emit emits an event with the value, as Prepared.Emit does. A nil logger discards all
// messages.
func (b *Bound) Emit(logger lager.Logger, value float64) {
	d := b.prepared.monitor.dispatcher.Load()
	if d == nil {
		return
	}
	r := b.resolved.Load()
	if r == nil || r.dispatcher != d {
		r = b.resolve(d)
	}
	if r.events == nil {
		b.prepared.Emit(logger, Event{Value: value}, b.values)
		return
	}
	logger = orDiscard(logger)
	for _, event := range r.events {
		event.Emit(logger, value)
	}
}

// resolve resolves the Bound for the dispatcher. It leaves the events to Prepared.Emit
// if an emitter cannot bind them or needs the time of each, if the number of values is
// wrong, or if they are error logs.
func (b *Bound) resolve(d *dispatcher) *boundType {
	r := &boundType{dispatcher: d}
	if len(b.values) == len(b.prepared.eventType.Attributes) && b.prepared.eventType.Name != errorLogName && !d.needsTime() {
		t := b.prepared.resolve(d)
		r.events = bindAll(t.typed, slices.Concat(b.values, t.nodeValues))
	}
	b.resolved.Store(r)
	return r
}

// bindAll binds all of the events, or returns nil if one of them is not a BindableEvent.
func bindAll(events []TypedEvent, values []string) []BoundEvent {
	bound := make([]BoundEvent, len(events))
	for i, event := range events {
		bindable, ok := event.(BindableEvent)
		if !ok {
			return nil
		}
		bound[i] = bindable.Bind(values)
	}
	return bound
}
