package events

// maxHeld is the maximum number of events that a Decoder holds.
const maxHeld = 32

// maxHeldBytes is the maximum size of a held event as written, except for the first
// one. So what a batch holds is not much longer than the Decoder's buffer.
const maxHeldBytes = bufferBytes / maxHeld

// A batch holds events until the Sink has prefetched what they need, for all of them at
// the same time; see source.Sink. The parser reads each event into its place.
type batch struct {
	events [maxHeld]Event
	n      int // number of held events

	values [maxHeld][]string // of the held events of one shape
}

// parse parses the data of an event. If it returns no error, the caller must call
// accept.
func (d *Decoder) parse(data []byte) (*Event, error) {
	if len(data) > maxHeldBytes {
		d.flush()
	}
	d.events.event = &d.batch.events[d.batch.n]
	return d.events.parse(data)
}

// accept holds the event that parse returned, or passes on all held events.
func (d *Decoder) accept(event *Event) {
	d.batch.n++
	event.Shape.held = event.Shape.prefetch != nil
	if !event.Shape.held || d.batch.n == maxHeld {
		d.flush()
	}
}

// reject passes on the held events, and then an error.
func (d *Decoder) reject(line int, err error) {
	d.flush()
	d.onError(line, err)
}

// flush passes on the held events, in order.
func (d *Decoder) flush() {
	b := &d.batch
	held := b.events[:b.n]
	for i := range held {
		if s := held[i].Shape; s.held {
			s.held = false
			b.prefetch(s, held[i:])
		}
	}
	for i := range held {
		d.onEvent(&held[i])
	}
	b.n = 0
}

// prefetch prefetches what the events of the shape need, unless there is only one.
func (b *batch) prefetch(s *Shape, events []Event) {
	n := 0
	for i := range events {
		if events[i].Shape == s {
			b.values[n] = events[i].Values
			n++
		}
	}
	if n > 1 {
		s.prefetch(b.values[:n])
	}
}

// A flushingReader is a Decoder as the reader of its buffer. It passes on the held
// events before each read, because that can block.
type flushingReader Decoder

// Read implements io.Reader.
func (r *flushingReader) Read(p []byte) (int, error) {
	(*Decoder)(r).flush()
	return r.source.Read(p)
}
