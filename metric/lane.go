package metric

import (
	"maps"
	"sync"
)

// maxLaneAttributes is how large a lane's map may be to go back into the pool.
// Clearing a map costs as much as the largest use that it ever had.
const maxLaneAttributes = 64

// A lane is what one call to a Monitor borrows from its wiring: the right to
// pass, and scratch space in which to lay out the event.
type lane struct {
	wiring     *wiring
	gate       *gate
	values     []string          // of the attributes of any shape
	attributes map[string]string // what it holds between calls means nothing
}

// newLane deals the gates out in turn. The pool of lanes is kept by processor,
// and so calls on different processors seldom meet at a gate.
func newLane(w *wiring) *lane {
	return &lane{
		wiring:     w,
		gate:       &w.gates[int(w.nextGate.Add(1))%len(w.gates)],
		values:     make([]string, w.maxValues),
		attributes: make(map[string]string),
	}
}

// idle tells whether the Monitor takes no events. It is for calls that have
// something to prepare, and for those that must not take what nobody gets.
func (m *Monitor) idle() bool { return m.wiring.Load() == nil }

// borrow returns nil if the Monitor is not taking events. The caller must give
// the lane back.
func (m *Monitor) borrow() *lane {
	w := m.wiring.Load()
	if w == nil {
		return nil
	}
	l := w.lanes.Get().(*lane)
	if !l.gate.enter() {
		return nil
	}
	return l
}

func (l *lane) giveBack() {
	l.gate.leave()
	if len(l.attributes) > maxLaneAttributes {
		l.attributes = make(map[string]string)
	}
	l.wiring.lanes.Put(l)
}

// merge returns the lane's map, filled with the node's attributes and the
// event's, of which the event's win.
func (l *lane) merge(attributes map[string]string) map[string]string {
	clear(l.attributes)
	maps.Copy(l.attributes, l.wiring.attributes)
	maps.Copy(l.attributes, attributes)
	return l.attributes
}

// A gate lets Close wait for the calls that are under way: one of many
// read-write locks, so that calls on different processors do not contend for
// one counter. Calls hold it for reading. Close takes it for writing and never
// lets go, which is what makes the gate shut.
type gate struct {
	mu sync.RWMutex
	_  [128]byte // keeps the gates on cache lines of their own
}

// enter does not wait: an emitter may emit in turn, and a second read lock
// behind a waiting Close would be a deadlock. It fails when, and only when, the
// gate is shut or being shut.
func (g *gate) enter() bool { return g.mu.TryRLock() }

func (g *gate) leave() { g.mu.RUnlock() }

// shut waits until everybody who entered has left. It is called once.
func (g *gate) shut() { g.mu.Lock() }
