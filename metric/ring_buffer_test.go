package metric

import (
	"math/rand/v2"
	"testing"
)

// This test compares the buffer with a slice during random pushes and pops, so that the
// buffer grows at every position of its head.
func TestRingBufferIsABoundedQueue(t *testing.T) {
	for capacity := range 70 {
		r := ringBuffer{capacity: capacity}
		var model []float64
		next := 0.0
		for range 2000 {
			if rand.IntN(100) < 55 {
				next++
				pushed := r.push(queuedEvent{event: Event{Value: next}})
				if want := len(model) < capacity; pushed != want {
					t.Fatalf("capacity %d, %d waiting: pushed %v, want %v", capacity, len(model), pushed, want)
				}
				if pushed {
					model = append(model, next)
				}
			} else {
				event, ok := r.pop()
				if ok != (len(model) > 0) {
					t.Fatalf("capacity %d, %d waiting: popped %v", capacity, len(model), ok)
				}
				if ok {
					if event.event.Value != model[0] {
						t.Fatalf("capacity %d: popped %v, want %v", capacity, event.event.Value, model[0])
					}
					model = model[1:]
				}
			}
			if r.length != len(model) || len(r.events) > capacity {
				t.Fatalf("capacity %d: length %d, want %d; size %d", capacity, r.length, len(model), len(r.events))
			}
		}
	}
}

func TestRingBufferDoesNotRetainPoppedEvents(t *testing.T) {
	r := ringBuffer{capacity: 4}
	r.push(queuedEvent{event: Event{Name: "gone"}})
	r.pop()
	for _, event := range r.events {
		if event.event.Name != "" {
			t.Error("the buffer still holds the event")
		}
	}
}
