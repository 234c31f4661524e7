package metric

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A dispatcher hands events to the running emitters of an initialized Monitor.
// Initialize creates it; after that nothing in it changes but the pool.
type dispatcher struct {
	host       string
	attributes map[string]string // of the node; emitters may receive this map itself
	running    []*runningEmitter

	// The running emitters, by kind.
	concurrent []ConcurrentEmitter // TypedEmitters included
	typed      []TypedEmitter
	untyped    []ConcurrentEmitter // those in concurrent that are not TypedEmitters
	queues     []*queue            // of all other emitters

	types []resolvedType // of eventTypes, by the same index

	scratches sync.Pool // of *scratch
}

// A resolvedType is an EventType as one dispatcher emits it: the node's attributes
// follow the type's own.
type resolvedType struct {
	EventType
	dispatcher *dispatcher
	own        int      // how many of the attributes are the event type's own
	nodeValues []string // the values of the others
	typed      []TypedEvent
}

func newDispatcher(host string, attributes map[string]string, running []*runningEmitter) *dispatcher {
	d := &dispatcher{
		host:       host,
		attributes: maps.Clone(attributes),
		running:    running,
	}
	d.scratches.New = func() any { return newScratch(d) }

	for _, r := range running {
		switch emitter := r.emitter.(type) {
		case TypedEmitter:
			d.typed = append(d.typed, emitter)
			d.concurrent = append(d.concurrent, emitter)
		case ConcurrentEmitter:
			d.untyped = append(d.untyped, emitter)
			d.concurrent = append(d.concurrent, emitter)
		default:
			d.queues = append(d.queues, r.queue)
		}
	}

	for _, t := range eventTypes {
		d.types = append(d.types, d.resolve(t))
	}
	return d
}

// resolve appends the node's attributes, sorted by name, to the event type's own and
// lets the TypedEmitters prepare for the type. An attribute of the type's own shadows
// the node's attribute of the same name.
func (d *dispatcher) resolve(t EventType) resolvedType {
	resolved := resolvedType{
		EventType:  EventType{Name: t.Name, Attributes: slices.Clone(t.Attributes)},
		dispatcher: d,
		own:        len(t.Attributes),
	}
	for _, name := range slices.Sorted(maps.Keys(d.attributes)) {
		if !slices.Contains(t.Attributes, name) {
			resolved.Attributes = append(resolved.Attributes, name)
			resolved.nodeValues = append(resolved.nodeValues, d.attributes[name])
		}
	}
	for _, emitter := range d.typed {
		if event := emitter.Prepare(resolved.EventType); event != nil {
			resolved.typed = append(resolved.typed, event)
		}
	}
	return resolved
}

// dispatch gives a complete event to every emitter.
func (d *dispatcher) dispatch(logger lager.Logger, event Event) {
	for _, emitter := range d.concurrent {
		emitter.Emit(logger, event)
	}
	d.enqueue(logger, event)
}

func (d *dispatcher) enqueue(logger lager.Logger, event Event) {
	if len(d.queues) == 0 {
		return
	}
	// The event outlives the call, so it must not keep the caller's map. The queues
	// share one copy, since emitters do not change it.
	event.Attributes = maps.Clone(event.Attributes)
	for _, q := range d.queues {
		q.push(logger, event)
	}
}

// needsTime reports whether an emitter takes events that must have a Time.
func (d *dispatcher) needsTime() bool {
	return len(d.untyped)+len(d.queues) > 0
}

// complete sets the event's Host and, if an emitter needs it, its Time, where they
// are missing.
func (d *dispatcher) complete(event *Event) {
	if event.Host == "" {
		event.Host = d.host
	}
	if event.Time.IsZero() && d.needsTime() {
		event.Time = time.Now()
	}
}

// deliver completes an event and gives it to every emitter. The event's Attributes
// may be s.attributes.
func (s *scratch) deliver(logger lager.Logger, event Event) {
	logger = orDiscard(logger)
	d := s.dispatcher
	d.complete(&event)
	if event.Name == errorLogName {
		emittingErrorLog(func() { d.dispatch(logger, event) })
		return
	}
	d.dispatch(logger, event)
}

// emit emits an event of one of this package's types; every typed call but those of
// builds ends here. The values are those of the type's attributes, in their order.
// Excess values are ignored, so that types whose attributes begin alike can share a
// call. emit does nothing if t is 0.
func (m *Monitor) emit(logger lager.Logger, t eventTypeID, value float64, values ...string) {
	if t == 0 {
		return
	}
	s := m.acquire()
	if s == nil {
		return
	}
	defer s.release()

	resolved := &s.dispatcher.types[t-1]
	s.emit(orDiscard(logger), resolved, Event{Value: value}, s.withNode(resolved, values[:resolved.own]))
}

// emit gives an event of the type to every emitter. It uses only the event's Value,
// Host and Time.
//
// Emitters that prepared for the type take the bare values. All others cost a map and
// a reading of the clock.
func (s *scratch) emit(logger lager.Logger, t *resolvedType, event Event, values []string) {
	t.emitTyped(logger, event.Value, values)
	d := s.dispatcher
	if !d.needsTime() {
		return
	}
	clear(s.attributes)
	for i, name := range t.Attributes {
		s.attributes[name] = values[i]
	}
	event.Name = t.Name
	event.Attributes = s.attributes
	d.complete(&event)
	for _, emitter := range d.untyped {
		emitter.Emit(logger, event)
	}
	d.enqueue(logger, event)
}

// emitTyped gives the values to the emitters that prepared for the type.
func (t *resolvedType) emitTyped(logger lager.Logger, value float64, values []string) {
	for _, event := range t.typed {
		event.EmitValues(logger, value, values)
	}
}

func (d *dispatcher) stats() []EmitterStats {
	stats := make([]EmitterStats, len(d.running))
	for i, r := range d.running {
		stats[i] = r.stats()
	}
	return stats
}

// close drains the queues until the context is done, then closes the emitters. See
// Monitor.Close.
func (d *dispatcher) close(ctx context.Context) error {
	for _, q := range d.queues {
		q.close()
	}
	var errs []error
	for _, q := range d.queues {
		errs = append(errs, q.drain(ctx))
	}
	return errors.Join(append(errs, closeEmitters(ctx, d.running))...)
}
