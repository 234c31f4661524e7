package metric

// minRingSize is the size that a ring starts with.
const minRingSize = 16

// A ring is a bounded first-in-first-out list of events. It takes memory for
// the most events that it ever held, not for its capacity, which an operator
// may well have set sky-high.
type ring struct {
	capacity int
	events   []queuedEvent // a ring of length events from head on
	head     int
	length   int
}

// push adds an event at the end. It returns false if the ring is full.
func (r *ring) push(event queuedEvent) bool {
	if r.length >= r.capacity {
		return false
	}
	if r.length == len(r.events) {
		r.grow()
	}
	r.events[(r.head+r.length)%len(r.events)] = event
	r.length++
	return true
}

// pop takes the first event. It returns false if there is none.
func (r *ring) pop() (queuedEvent, bool) {
	if r.length == 0 {
		return queuedEvent{}, false
	}
	event := r.events[r.head]
	r.events[r.head] = queuedEvent{} // lets go of the attributes
	r.head = (r.head + 1) % len(r.events)
	r.length--
	return event, true
}

func (r *ring) grow() {
	events := make([]queuedEvent, min(r.capacity, max(minRingSize, 2*len(r.events))))
	n := copy(events, r.events[r.head:])
	copy(events[n:], r.events[:r.head])
	r.events, r.head = events, 0
}
