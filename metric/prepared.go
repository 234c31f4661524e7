package metric

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
)

// A Prepared emits events of one EventType: what it comes to for each emitter has
// been looked up beforehand, and the attributes' values come without their names.
// It is for whoever emits many events of a type that is not among this package's
// typed calls. Monitor.Prepare makes it.
//
// It is safe for concurrent use, and good for as long as the Monitor is, also over
// Close and the next Initialize.
type Prepared struct {
	monitor   *Monitor
	eventType EventType
	resolved  atomic.Pointer[resolved]
	resolving sync.Mutex
}

// A resolved is what an event type comes to in one wiring.
type resolved struct {
	wiring *wiring
	shape  shape
}

// Prepare returns a Prepared, which emits events of the type without a map for each.
// Its first event costs some microseconds: keep it. What is wrong with the type, a
// name that no emitter knows or an attribute that one misses, shows when events
// come, as with Emit.
func (m *Monitor) Prepare(t EventType) *Prepared {
	t.Attributes = slices.Clone(t.Attributes)
	return &Prepared{monitor: m, eventType: t}
}

// Emit is Monitor.Emit for an event of the type: values[i] is the value of the
// type's Attributes[i], and of the event itself Name and Attributes are not looked
// at. The slice is not kept. Before Initialize and after Close the event goes
// nowhere, as with Monitor.Emit; and so it does where there are not as many values
// as attributes, which is logged.
func (p *Prepared) Emit(logger lager.Logger, event Event, values []string) {
	w := p.monitor.wiring.Load()
	if w == nil {
		return
	}
	if len(values) != len(p.eventType.Attributes) {
		logger.Error("wrong-number-of-values", fmt.Errorf("%w: event %q has %d values, expected %d",
			ErrFailedToEmit, p.eventType.Name, len(values), len(p.eventType.Attributes)))
		return
	}
	if p.eventType.Name == errorLogName {
		emittingErrorLog(func() { p.emit(logger, w, &event, values) })
		return
	}
	p.emit(logger, w, &event, values)
}

func (p *Prepared) emit(logger lager.Logger, w *wiring, event *Event, values []string) {
	s := p.shapeIn(w)
	if len(s.nodeValues) == 0 && !w.needsTime() {
		s.emitTyped(logger, event.Value, values)
		return
	}
	l := w.lanes.Get().(*lane)
	defer l.giveBack()
	l.emit(logger, s, *event, l.withNode(s, values))
}

// shapeIn returns the type's shape in a wiring. When the Monitor was initialised
// anew, so is the shape.
func (p *Prepared) shapeIn(w *wiring) *shape {
	if r := p.resolved.Load(); r != nil && r.wiring == w {
		return &r.shape
	}
	p.resolving.Lock()
	defer p.resolving.Unlock()
	r := p.resolved.Load()
	if r == nil || r.wiring != w {
		r = &resolved{wiring: w, shape: w.newShape(p.eventType)}
		p.resolved.Store(r)
	}
	return &r.shape
}
