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
// Initialize creates it; after that, only its pool changes.
type dispatcher struct {
	host       string
	attributes map[string]string // the node's; emitters may receive this map, not a copy
	running    []*runningEmitter

	// The running emitters, by kind.
	concurrent []ConcurrentEmitter // including TypedEmitters
	typed      []TypedEmitter
	untyped    []ConcurrentEmitter // concurrent without the TypedEmitters
	queues     []*queue            // of all other emitters

	types []resolvedType // the eventTypes, at the same indexes

	scratches sync.Pool // of *scratch
}

// A resolvedType is an EventType as one dispatcher emits it: the node's attributes
// follow the type's own.
type resolvedType struct {
	EventType
	dispatcher *dispatcher
	own        int      // number of attributes that are the event type's own
	nodeValues []string // values of the remaining attributes, which are the node's
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

// resolve appends the node's attributes, sorted by name, to the event type's own, and
// lets the TypedEmitters prepare for the type. If both have an attribute of the same
// name, the type's own takes precedence.
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

// dispatch gives a complete event to every emitter or, in a dry run, only to the
// ReportingEmitters. outcome may be nil.
func (d *dispatcher) dispatch(logger lager.Logger, event Event, outcome *Outcome) {
	for _, emitter := range d.concurrent {
		if outcome == nil {
			emitter.Emit(logger, event)
		} else if reporting, ok := emitter.(ReportingEmitter); ok {
			reporting.EmitReporting(logger, event, outcome)
		} else if !outcome.isDryRun() {
			emitter.Emit(logger, event)
		}
	}
	if !outcome.isDryRun() {
		d.enqueue(logger, event)
	}
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

// needsTime reports whether any emitter requires events to have a Time.
func (d *dispatcher) needsTime() bool {
	return len(d.untyped)+len(d.queues) > 0
}

// complete fills in the event's Host, if it is missing, and its Time, if it is missing
// and an emitter requires it.
func (d *dispatcher) complete(event *Event) {
	if event.Host == "" {
		event.Host = d.host
	}
	if event.Time.IsZero() && d.needsTime() {
		event.Time = time.Now()
	}
}

// deliver completes an event and dispatches it. The event's Attributes may be
// s.attributes.
func (s *scratch) deliver(logger lager.Logger, event Event, outcome *Outcome) {
	logger = orDiscard(logger)
	d := s.dispatcher
	d.complete(&event)
	if event.Name == errorLogName {
		emittingErrorLog(func() { d.dispatch(logger, event, outcome) })
		return
	}
	d.dispatch(logger, event, outcome)
}

// emit emits an event of one of this package's types. All typed calls use it, except
// those about builds. The values are those of the type's attributes, in the same order.
// emit ignores excess values, so that a call can serve several types whose lists of
// attributes start the same. If t is 0, emit does nothing.
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
	s.emit(orDiscard(logger), resolved, Event{Value: value}, s.withNode(resolved, values[:resolved.own]), nil)
}

// emit gives an event of the type to every emitter or, in a dry run, only to the
// ReportingEmitters. outcome may be nil. emit uses only the event's Value, Host and
// Time.
//
// Emitters that prepared for the type take the bare values. All others need a map and
// the current time.
func (s *scratch) emit(logger lager.Logger, t *resolvedType, event Event, values []string, outcome *Outcome) {
	t.emitTyped(logger, event.Value, values, outcome)
	d := s.dispatcher
	if !d.needsTime() || outcome.isDryRun() {
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

// emitTyped is emit for the emitters that prepared for the type.
func (t *resolvedType) emitTyped(logger lager.Logger, value float64, values []string, outcome *Outcome) {
	for _, event := range t.typed {
		if outcome == nil {
			event.EmitValues(logger, value, values)
		} else if reporting, ok := event.(ReportingEvent); ok {
			reporting.EmitValuesReporting(logger, value, values, outcome)
		} else if !outcome.isDryRun() {
			event.EmitValues(logger, value, values)
		}
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
