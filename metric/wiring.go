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

// A wiring is everything that an initialised Monitor needs to hand an event
// on, resolved once. Nothing in it changes but the pool of lanes.
type wiring struct {
	host       string
	attributes map[string]string // the node's own; emitters may be handed this very map
	outlets    []*outlet

	// The outlets by what they take. A TypedEmitter is among the concurrent
	// ones, and takes the events of typed calls through the shapes.
	concurrent []ConcurrentEmitter
	typed      []TypedEmitter
	untyped    []ConcurrentEmitter // the concurrent ones that are no TypedEmitters
	queues     []*queue

	shapes []shape // of eventTypes, by the same index

	lanes sync.Pool // of *lane
}

// A shape is an EventType as it goes to the emitters: with the node's
// attributes behind its own.
type shape struct {
	EventType
	own        int      // how many of the attributes are the event type's own
	nodeValues []string // the values of the others
	typed      []TypedEvent
}

func newWiring(host string, attributes map[string]string, outlets []*outlet) *wiring {
	w := &wiring{
		host:       host,
		attributes: maps.Clone(attributes),
		outlets:    outlets,
	}
	w.lanes.New = func() any { return newLane(w) }

	for _, o := range outlets {
		switch emitter := o.emitter.(type) {
		case TypedEmitter:
			w.typed = append(w.typed, emitter)
			w.concurrent = append(w.concurrent, emitter)
		case ConcurrentEmitter:
			w.untyped = append(w.untyped, emitter)
			w.concurrent = append(w.concurrent, emitter)
		default:
			w.queues = append(w.queues, o.queue)
		}
	}

	for _, eventType := range eventTypes {
		w.shapes = append(w.shapes, w.newShape(eventType))
	}
	return w
}

// newShape appends the node's attributes, in the order of their names, to an
// event type's own, and has the emitters prepare for it. An own attribute shadows
// the node's of the same name.
func (w *wiring) newShape(t EventType) shape {
	s := shape{
		// A fresh slice, since the shapes must not append to a shared one.
		EventType: EventType{Name: t.Name, Attributes: slices.Clone(t.Attributes)},
		own:       len(t.Attributes),
	}
	for _, name := range slices.Sorted(maps.Keys(w.attributes)) {
		if !slices.Contains(t.Attributes, name) {
			s.Attributes = append(s.Attributes, name)
			s.nodeValues = append(s.nodeValues, w.attributes[name])
		}
	}
	for _, emitter := range w.typed {
		if event := emitter.Prepare(s.EventType); event != nil {
			s.typed = append(s.typed, event)
		}
	}
	return s
}

// hand gives an event to every emitter. The event must be complete.
func (w *wiring) hand(logger lager.Logger, event Event) {
	for _, emitter := range w.concurrent {
		emitter.Emit(logger, event)
	}
	w.enqueue(logger, event)
}

func (w *wiring) enqueue(logger lager.Logger, event Event) {
	if len(w.queues) == 0 {
		return
	}
	// The event outlives the call, and so may not keep the caller's map. One
	// copy does for all queues, since emitters change nothing.
	event.Attributes = maps.Clone(event.Attributes)
	for _, q := range w.queues {
		q.push(logger, event)
	}
}

// needsTime tells whether an emitter takes events that must be stamped.
func (w *wiring) needsTime() bool {
	return len(w.untyped)+len(w.queues) > 0
}

// complete adds what the event does not say of itself: where, and if an emitter
// needs that, when.
func (w *wiring) complete(event *Event) {
	if event.Host == "" {
		event.Host = w.host
	}
	if event.Time.IsZero() && w.needsTime() {
		event.Time = time.Now()
	}
}

// deliver completes an event and gives it to every emitter. The map of
// attributes may be the lane's own.
func (l *lane) deliver(logger lager.Logger, event Event) {
	w := l.wiring
	w.complete(&event)
	if event.Name == errorLogName {
		emittingErrorLog(func() { w.hand(logger, event) })
		return
	}
	w.hand(logger, event)
}

// emit is what every typed call of a fixed shape comes down to. The values are
// those of the event type's attributes, in their order; more are ignored, so
// that event types whose attributes begin alike can share a call. It does
// nothing for the zero event type.
//
// Fast path: an emitter that prepared the event type takes the bare values.
func (m *Monitor) emit(logger lager.Logger, t eventType, value float64, values ...string) {
	if t == 0 {
		return
	}
	l := m.borrow()
	if l == nil {
		return
	}
	defer l.giveBack()

	s := &l.wiring.shapes[t-1]
	l.emit(logger, s, Event{Value: value}, l.withNode(s, values[:s.own]))
}

// emit gives an event of a shape to every emitter. Of the event only Value, Host
// and Time are looked at.
//
// Slow path: emitters other than TypedEmitters cost a map and a look at the clock.
func (l *lane) emit(logger lager.Logger, s *shape, event Event, values []string) {
	s.emitTyped(logger, event.Value, values)
	if !l.wiring.needsTime() {
		return
	}
	clear(l.attributes)
	for i, name := range s.Attributes {
		l.attributes[name] = values[i]
	}
	event.Name = s.Name
	event.Attributes = l.attributes
	l.wiring.complete(&event)
	for _, emitter := range l.wiring.untyped {
		emitter.Emit(logger, event)
	}
	l.wiring.enqueue(logger, event)
}

// emitTyped gives the values to the emitters that prepared for the shape.
func (s *shape) emitTyped(logger lager.Logger, value float64, values []string) {
	for _, event := range s.typed {
		event.EmitValues(logger, value, values)
	}
}

func (w *wiring) stats() []EmitterStats {
	stats := make([]EmitterStats, len(w.outlets))
	for i, o := range w.outlets {
		stats[i] = o.stats()
	}
	return stats
}

// close ends the wiring for good, see Monitor.Close.
func (w *wiring) close(ctx context.Context) error {
	for _, q := range w.queues {
		q.close()
	}
	var errs []error
	for _, q := range w.queues {
		errs = append(errs, q.drain(ctx))
	}
	return errors.Join(append(errs, closeOutlets(ctx, w.outlets))...)
}
