package metric

import "maps"

// maxLaneAttributes is how large a lane's map may be to go back into the pool.
// Clearing a map costs as much as the largest use that it ever had.
const maxLaneAttributes = 64

// A lane is what one call to a Monitor borrows from its wiring: scratch space in
// which to lay out the event.
type lane struct {
	wiring     *wiring
	values     []string          // what they hold between calls means nothing
	attributes map[string]string // likewise
}

func newLane(w *wiring) *lane {
	return &lane{
		wiring:     w,
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
	return w.lanes.Get().(*lane)
}

func (l *lane) giveBack() {
	if len(l.attributes) > maxLaneAttributes {
		l.attributes = make(map[string]string)
	}
	l.wiring.lanes.Put(l)
}

// withNode returns the lane's values, filled with those of a shape's own
// attributes and the node's.
func (l *lane) withNode(s *shape, own []string) []string {
	l.values = append(append(l.values[:0], own...), s.nodeValues...)
	return l.values
}

// merge returns the lane's map, filled with the node's attributes and the
// event's, of which the event's win.
func (l *lane) merge(attributes map[string]string) map[string]string {
	clear(l.attributes)
	maps.Copy(l.attributes, l.wiring.attributes)
	maps.Copy(l.attributes, attributes)
	return l.attributes
}
