package metric

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
)

// A Prepared emits events of one EventType. Unlike Monitor.Emit, it needs no map of
// attributes for each event, and emitters look up the event's name only once. Use it
// for frequent events that are not among this package's typed calls.
//
// Monitor.Prepare returns it. It is safe for concurrent use, and remains valid when the
// Monitor is closed and initialized again.
type Prepared struct {
	monitor   *Monitor
	eventType EventType
	resolved  atomic.Pointer[resolvedType]
	resolving sync.Mutex // held while resolved is replaced
}

// Prepare returns a Prepared for events of the given type. Emitting the first event
// takes a few microseconds, so create a Prepared once and keep it. As with
// Monitor.Emit, emitters report problems with the type, such as an unknown name or a
// missing attribute, only when events are emitted.
func (m *Monitor) Prepare(t EventType) *Prepared {
	t.Attributes = slices.Clone(t.Attributes)
	return &Prepared{monitor: m, eventType: t}
}

// Emit emits an event of the type, as Monitor.Emit does. values[i] is the value of the
// type's Attributes[i]. Emit does not keep the slice, and ignores the event's Name and
// Attributes.
//
// If the number of values differs from the number of attributes, Emit logs an error
// that wraps ErrFailedToEmit and discards the event. A nil logger discards all
// messages.
func (p *Prepared) Emit(logger lager.Logger, event Event, values []string) {
	p.emitEvent(logger, event, values, nil)
}

// emitEvent emits an event. outcome may be nil.
func (p *Prepared) emitEvent(logger lager.Logger, event Event, values []string, outcome *Outcome) {
	d := p.monitor.dispatcher.Load()
	if d == nil {
		return
	}
	logger = orDiscard(logger)
	if len(values) != len(p.eventType.Attributes) {
		logger.Error("wrong-number-of-values", fmt.Errorf("%w: event %q: got %d values, expected %d",
			ErrFailedToEmit, p.eventType.Name, len(values), len(p.eventType.Attributes)))
		return
	}
	if p.eventType.Name == errorLogName {
		emittingErrorLog(func() { p.emit(logger, d, &event, values, outcome) })
		return
	}
	p.emit(logger, d, &event, values, outcome)
}

func (p *Prepared) emit(logger lager.Logger, d *dispatcher, event *Event, values []string, outcome *Outcome) {
	t := p.resolve(d)
	if len(t.nodeValues) == 0 && !d.needsTime() {
		t.emitTyped(logger, event.Value, values, outcome)
		return
	}
	s := d.scratches.Get().(*scratch)
	defer s.release()
	s.emit(logger, t, *event, s.withNode(t, values), outcome)
}

// resolve returns the type as the dispatcher emits it. Each initialization of the
// Monitor creates a new dispatcher, for which resolve resolves the type again.
func (p *Prepared) resolve(d *dispatcher) *resolvedType {
	if t := p.resolved.Load(); t != nil && t.dispatcher == d {
		return t
	}
	p.resolving.Lock()
	defer p.resolving.Unlock()
	t := p.resolved.Load()
	if t == nil || t.dispatcher != d {
		resolved := d.resolve(p.eventType)
		t = &resolved
		p.resolved.Store(t)
	}
	return t
}
