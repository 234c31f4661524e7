package metric

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A queue holds the events for an emitter that may be slow. Its push method never
// waits; one goroutine, which executes run, gives the events to the emitter.
type queue struct {
	logger      lager.Logger
	description string // of the emitter
	emitter     Emitter
	done        chan struct{} // closed by run when it returns

	mu       sync.Mutex // protects the following fields
	wake     sync.Cond  // signaled when an event is added and when closed is set
	waiting  ringBuffer
	emitting bool // run is emitting an event that it has removed from waiting
	closed   bool
	dropped  uint64
	overflow dropReport // of events for which the queue had no room
	panics   dropReport // of events that made the emitter panic
}

// A queuedEvent is an event and the logger that it was emitted with.
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
		waiting:     ringBuffer{capacity: capacity},
	}
	q.wake.L = &q.mu
	return q
}

// push adds an event. It drops the event if the queue is full or closed.
func (q *queue) push(logger lager.Logger, event Event) {
	q.mu.Lock()
	if !q.closed && q.waiting.push(queuedEvent{logger, event}) {
		q.wake.Signal()
		q.mu.Unlock()
		return
	}
	q.dropped++
	dropped := q.overflow.add(time.Now())
	q.mu.Unlock()

	q.logOverflow(dropped)
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

// next waits for an event. It returns false when the queue is closed and empty.
func (q *queue) next() (queuedEvent, bool) {
	q.mu.Lock()
	q.emitting = false
	for q.waiting.length == 0 && !q.closed {
		q.wake.Wait()
	}
	next, ok := q.waiting.pop()
	q.emitting = ok
	var dropped uint64
	if q.overflow.pending() {
		dropped = q.overflow.due(time.Now())
	}
	q.mu.Unlock()

	q.logOverflow(dropped)
	return next, ok
}

// emit gives an event to the emitter. It recovers from panics, so that a faulty emitter
// does not crash the scheduler.
func (q *queue) emit(next queuedEvent) {
	defer func() {
		if cause := recover(); cause != nil {
			q.mu.Lock()
			q.dropped++
			dropped := q.panics.add(time.Now())
			q.mu.Unlock()
			q.logPanics(dropped, cause, debug.Stack())
		}
	}()
	if next.event.Name == errorLogName {
		emittingErrorLog(func() { q.emitter.Emit(next.logger, next.event) })
		return
	}
	q.emitter.Emit(next.logger, next.event)
}

// close makes run return when the queue is empty.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Signal()
}

// drain waits until run has returned. If the context is done first, it empties the
// queue and returns an error that states how many events were left and wraps the
// context's error. It then does not wait for a running call of the emitter, which may
// block forever.
func (q *queue) drain(ctx context.Context) error {
	defer q.logUnreported()
	select {
	case <-q.done:
		return nil
	case <-ctx.Done():
	}

	q.mu.Lock()
	left := q.waiting.length
	q.waiting = ringBuffer{capacity: q.waiting.capacity}
	emitting := q.emitting
	q.mu.Unlock()

	if !emitting {
		<-q.done // run returns immediately, since the queue is closed and empty
	}
	switch {
	case emitting:
		return fmt.Errorf("emitter %q did not finish: one event was being emitted and %d were left in its queue: %w", q.description, left, ctx.Err())
	case left > 0:
		return fmt.Errorf("emitter %q did not finish: %d events were left in its queue: %w", q.description, left, ctx.Err())
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

// logUnreported logs the dropped events that have not been reported yet.
func (q *queue) logUnreported() {
	q.mu.Lock()
	overflow, panics := q.overflow.take(), q.panics.take()
	q.mu.Unlock()

	q.logOverflow(overflow)
	q.logPanics(panics, nil, nil)
}

func (q *queue) logOverflow(dropped uint64) {
	if dropped == 0 {
		return
	}
	q.logger.Error("queue-full", fmt.Errorf("%w: the queue of emitter %q was full", ErrFailedToEmit, q.description),
		lager.Data{"dropped": dropped})
}

// logPanics logs how many events were dropped because of panics. The cause and the
// stack are those of the last one; they may be nil.
func (q *queue) logPanics(dropped uint64, cause any, stack []byte) {
	if dropped == 0 {
		return
	}
	err := fmt.Errorf("%w: emitter %q panicked", ErrFailedToEmit, q.description)
	data := lager.Data{"dropped": dropped}
	if cause != nil {
		err = fmt.Errorf("%w: %v", err, cause)
		data["trace"] = string(stack)
	}
	q.logger.Error("emitter-panicked", err, data)
}
