package metric

// minRingBufferSize is the size of a ringBuffer after its first event.
const minRingBufferSize = 16

// A ringBuffer is a bounded first-in-first-out list of events. Its memory grows with
// the maximum number of events that it has held, not with its capacity, which may be
// very large.
type ringBuffer struct {
	capacity int
	events   []queuedEvent // a ring; length elements are in use, starting at head
	head     int
	length   int
}

// push adds an event at the end. It returns false if the buffer is full.
func (r *ringBuffer) push(event queuedEvent) bool {
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

// pop removes and returns the first event. It returns false if there is none.
func (r *ringBuffer) pop() (queuedEvent, bool) {
	if r.length == 0 {
		return queuedEvent{}, false
	}
	event := r.events[r.head]
	r.events[r.head] = queuedEvent{} // so that its attributes can be garbage collected
	r.head = (r.head + 1) % len(r.events)
	r.length--
	return event, true
}

func (r *ringBuffer) grow() {
	events := make([]queuedEvent, min(r.capacity, max(minRingBufferSize, 2*len(r.events))))
	n := copy(events, r.events[r.head:])
	copy(events[n:], r.events[:r.head])
	r.events, r.head = events, 0
}
