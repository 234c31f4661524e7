// Package membudget divides the memory of the process into budgets: for the bodies of
// requests, for parsing them, and for the series, groups and IDs that are held. What a
// client sends can then never exhaust the memory.
//
// Bytes are granted by their estimated weight. Nothing here measures or limits what is
// really allocated.
package membudget

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrExhausted is wrapped by the errors for requests that a budget has no room for at
// the moment. The client should try again.
var ErrExhausted = errors.New("too much memory is in use")

// ErrTooLarge is wrapped by the errors for requests that never fit into a budget.
var ErrTooLarge = errors.New("the body needs too much memory")

// A Budget grants bytes of memory for one use. It is safe for concurrent use. Create it
// with Divide. A nil *Budget has no limit: its methods grant everything, its size is
// math.MaxInt64, and it does not count what is in use.
type Budget struct {
	use      string
	size     int64
	used     atomic.Int64
	rejected atomic.Uint64
}

// Size returns the number of bytes that can be in use.
func (b *Budget) Size() int64 {
	if b == nil {
		return math.MaxInt64
	}
	return b.size
}

// Used returns the number of bytes in use. It can exceed the size by what Add added.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// TryAcquire reserves n bytes if there is room for them, and reports whether there is.
// If n is negative, it releases bytes and returns true.
func (b *Budget) TryAcquire(n int64) bool {
	if b == nil {
		return true
	}
	return b.tryAcquire(n, b.size)
}

// TryAcquireLarge is like TryAcquire, but leaves a quarter of the budget to the callers
// of TryAcquire, which should acquire little at a time.
func (b *Budget) TryAcquireLarge(n int64) bool {
	if b == nil {
		return true
	}
	return b.tryAcquire(n, b.Max())
}

// Max returns the number of bytes that large requests can use: three quarters of the
// size.
func (b *Budget) Max() int64 {
	if b == nil {
		return math.MaxInt64
	}
	return b.size - b.size/4
}

// HasRoom reports whether TryAcquire would reserve n bytes. Like TryAcquire, it counts
// a rejection if it returns false.
func (b *Budget) HasRoom(n int64) bool {
	if b == nil || n <= b.size-b.used.Load() {
		return true
	}
	b.rejected.Add(1)
	return false
}

// tryAcquire reserves n bytes unless more than size bytes would be in use.
func (b *Budget) tryAcquire(n, size int64) bool {
	if n <= 0 {
		b.used.Add(n)
		return true
	}
	for {
		used := b.used.Load()
		if n > size-used {
			b.rejected.Add(1)
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// Add reserves n bytes even if there is no room for them.
func (b *Budget) Add(n int64) {
	if b != nil {
		b.used.Add(n)
	}
}

// Release releases n bytes.
func (b *Budget) Release(n int64) { b.Add(-n) }

// maxWait is the time for which Queue.Acquire waits for room.
const maxWait = 5 * time.Second

// A Queue grants bytes of memory for one use, like a Budget, but its requests wait for
// room, in order. A quarter of the bytes is reserved for small requests, those for at
// most a sixteenth of them, so that they do not wait for large ones. The other three
// quarters are for large requests. It is safe for concurrent use. Create it with
// Divide. A nil *Queue has no limit, like a nil *Budget.
type Queue struct {
	budget       *Budget // only counts what small and large grant
	small, large *semaphore.Weighted
}

func newQueue(use string, size int64) *Queue {
	q := &Queue{budget: &Budget{use: use, size: size}}
	q.small = semaphore.NewWeighted(size / 4)
	q.large = semaphore.NewWeighted(q.Max())
	return q
}

// Max returns the number of bytes that one request can use.
func (q *Queue) Max() int64 {
	if q == nil {
		return math.MaxInt64
	}
	return q.budget.Max()
}

// Used returns the number of bytes in use.
func (q *Queue) Used() int64 {
	if q == nil {
		return 0
	}
	return q.budget.Used()
}

// Acquire reserves n bytes, and waits for them for up to maxWait. The caller must call
// release when the bytes are no longer in use. If n is too large ever to be granted,
// the error wraps ErrTooLarge. If there is no room within maxWait, or the context ends
// before, it wraps ErrExhausted. The latter does not count as a rejection: the context
// ends when the client disconnects.
func (q *Queue) Acquire(ctx context.Context, n int64) (release func(), err error) {
	if q == nil {
		return func() {}, nil
	}
	b := q.budget
	if n > b.Max() {
		b.rejected.Add(1)
		return nil, fmt.Errorf("%w: %d bytes, more than the %d bytes available for one request (--memory-limit)", ErrTooLarge, n, b.Max())
	}
	lane := q.large
	if n <= b.size/16 {
		lane = q.small
	}
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if err := lane.Acquire(waiting, n); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w, and the client did not wait: %w", ErrExhausted, context.Cause(ctx))
		}
		b.rejected.Add(1)
		return nil, fmt.Errorf("%w: try again later", ErrExhausted)
	}
	b.Add(n)
	return func() {
		b.Release(n)
		lane.Release(n)
	}, nil
}

// Budgets are the budgets of a process.
type Budgets struct {
	Buffer *Budget // bodies of requests that are being read or wait
	Parse  *Queue  // parsing of bodies
	Held   *Budget // series, groups and agents
	IDs    *Budget // IDs of events, and answers to requests; shown as a part of Held
}

// maxIDs is the maximum size of the budget for IDs. It is enough for a million.
const maxIDs = 128 << 20

// Divide returns the budgets for a memory limit in bytes: 10 % of it for buffers, 30 %
// for parsing, and 50 % for what is held. The rest is for everything else. An eighth of
// what is held, but at most 128 MiB, is for IDs: series then cannot prevent Signalbox
// from recognizing repeats, and IDs cannot take the memory for series.
func Divide(limit int64) *Budgets {
	ids := min(limit/16, maxIDs)
	return &Budgets{
		Buffer: &Budget{use: "buffer", size: limit / 10},
		Parse:  newQueue("parse", limit/10*3),
		Held:   &Budget{use: "held", size: limit/2 - ids},
		IDs:    &Budget{use: "held", size: ids},
	}
}
