package metric

import "maps"

// maxScratchAttributes is the maximum number of attributes in a map that returns to the
// pool along with its scratch. The larger a map once was, the longer it takes to clear.
const maxScratchAttributes = 64

// A scratch is reusable memory in which one call of a Monitor assembles an event. Its
// contents have no meaning between calls.
type scratch struct {
	dispatcher *dispatcher
	values     []string
	attributes map[string]string
}

func newScratch(d *dispatcher) *scratch {
	return &scratch{
		dispatcher: d,
		attributes: make(map[string]string),
	}
}

// acquire returns a scratch, which the caller must release, or nil if the Monitor takes
// no events.
func (m *Monitor) acquire() *scratch {
	d := m.dispatcher.Load()
	if d == nil {
		return nil
	}
	return d.scratches.Get().(*scratch)
}

func (s *scratch) release() {
	if len(s.attributes) > maxScratchAttributes {
		s.attributes = make(map[string]string)
	}
	s.dispatcher.scratches.Put(s)
}

// withNode returns s.values, filled with the values of the type's own attributes and
// then the node's.
func (s *scratch) withNode(t *resolvedType, own []string) []string {
	s.values = append(append(s.values[:0], own...), t.nodeValues...)
	return s.values
}

// merge returns s.attributes, filled with the node's attributes and the event's. The
// event's take precedence.
func (s *scratch) merge(attributes map[string]string) map[string]string {
	clear(s.attributes)
	maps.Copy(s.attributes, s.dispatcher.attributes)
	maps.Copy(s.attributes, attributes)
	return s.attributes
}
