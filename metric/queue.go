package metric

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A queue stands between a Monitor and an emitter that may be slow. Whoever
// emits pushes, which never waits; one goroutine takes the events out and gives
// them to the emitter.
type queue struct {
	logger      lager.Logger
	description string // of the emitter
	emitter     Emitter
	done        chan struct{} // closed by run when it returns

	mu       sync.Mutex // protects the following fields
	wake     sync.Cond  // signalled when waiting or closed changed
	waiting  ring
	emitting bool // run has taken an event and its emission is under way
	closed   bool
	dropped  uint64
	overflow lossReport // events that found the queue full
	panics   lossReport // events at which the emitter panicked
}

// A queuedEvent is an event and the logger of whoever emitted it.
type queuedEvent struct {
	logger lager.Logger
	event  Event
}

func newQueue(logger lager.Logger, description string, emitter Emitter, capacity int) *queue {
	q := &queue{
		logger:      logger,
		description: description,
		emitter:     emitter,
		done:        make(chan struct{}),
		waiting:     ring{capacity: capacity},
	}
	q.wake.L = &q.mu
	return q
}

// push adds an event, or drops it if there is no room or the queue is closed.
func (q *queue) push(logger lager.Logger, event Event) {
	q.mu.Lock()
	if !q.closed && q.waiting.push(queuedEvent{logger, event}) {
		q.wake.Signal()
		q.mu.Unlock()
		return
	}
	q.dropped++
	lost := q.overflow.add(time.Now())
	q.mu.Unlock()

	q.logOverflow(lost)
}

// run gives the events to the emitter until the queue is closed and empty.
func (q *queue) run() {
	defer close(q.done)
	for {
		next, ok := q.next()
		if !ok {
			return
		}
		q.emit(next)
	}
}

// next waits for an event. It returns false when no more will come.
func (q *queue) next() (queuedEvent, bool) {
	q.mu.Lock()
	q.emitting = false
	for q.waiting.length == 0 && !q.closed {
		q.wake.Wait()
	}
	next, ok := q.waiting.pop()
	q.emitting = ok
	var lost uint64
	if q.overflow.pending() {
		lost = q.overflow.due(time.Now())
	}
	q.mu.Unlock()

	q.logOverflow(lost)
	return next, ok
}

// emit survives an emitter that panics: whoever wrote it, it must not take the
// scheduler down.
func (q *queue) emit(next queuedEvent) {
	defer func() {
		if cause := recover(); cause != nil {
			q.mu.Lock()
			q.dropped++
			lost := q.panics.add(time.Now())
			q.mu.Unlock()
			q.logPanics(lost, cause, debug.Stack())
		}
	}()
	if next.event.Name == errorLogName {
		emittingErrorLog(func() { q.emitter.Emit(next.logger, next.event) })
		return
	}
	q.emitter.Emit(next.logger, next.event)
}

// close lets run return once the queue is empty.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Signal()
}

// drain waits until run has returned. When the context is done it takes what
// is left out of the queue and says how much that was; it does not wait for an
// emission under way, which may never end.
func (q *queue) drain(ctx context.Context) error {
	defer q.logRest()
	select {
	case <-q.done:
		return nil
	case <-ctx.Done():
	}

	q.mu.Lock()
	left := q.waiting.length
	q.waiting = ring{capacity: q.waiting.capacity}
	emitting := q.emitting
	q.mu.Unlock()

	if !emitting {
		<-q.done // at once: run finds the queue closed and empty
	}
	switch {
	case emitting:
		return fmt.Errorf("emitter %q was not done: one event was still being emitted, %d were left in its queue: %w", q.description, left, ctx.Err())
	case left > 0:
		return fmt.Errorf("emitter %q was not done: %d events were left in its queue: %w", q.description, left, ctx.Err())
	}
	return nil
}

func (q *queue) stats() EmitterStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return EmitterStats{
		Emitter:       q.description,
		QueueLength:   q.waiting.length,
		QueueCapacity: q.waiting.capacity,
		Dropped:       q.dropped,
	}
}

// logRest logs the losses that were not due for a line yet. None may go
// unmentioned.
func (q *queue) logRest() {
	q.mu.Lock()
	overflow, panics := q.overflow.take(), q.panics.take()
	q.mu.Unlock()

	q.logOverflow(overflow)
	q.logPanics(panics, nil, nil)
}

func (q *queue) logOverflow(lost uint64) {
	if lost == 0 {
		return
	}
	q.logger.Error("queue-full", fmt.Errorf("%w: the queue of emitter %q was full", ErrFailedToEmit, q.description),
		lager.Data{"dropped": lost})
}

// logPanics tells of the last panic among those that it counts, if it is known.
func (q *queue) logPanics(lost uint64, cause any, stack []byte) {
	if lost == 0 {
		return
	}
	err := fmt.Errorf("%w: emitter %q panicked", ErrFailedToEmit, q.description)
	data := lager.Data{"dropped": lost}
	if cause != nil {
		err = fmt.Errorf("%w: %v", err, cause)
		data["trace"] = string(stack)
	}
	q.logger.Error("emitter-panicked", err, data)
}
