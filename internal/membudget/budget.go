// Package membudget divides the memory of the process into budgets: for the bodies of
// requests, for parsing them, and for the series and groups that are held. What a
// client sends can then never exhaust the memory.
//
// Bytes are granted by their estimated weight. Nothing here measures or limits what is
// really allocated.
package membudget

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrExhausted is wrapped by the errors for requests that a budget has no room for at
// the moment. The client should try again.
var ErrExhausted = errors.New("too much memory is in use")

// ErrTooLarge is wrapped by the errors for requests that never fit into a budget.
var ErrTooLarge = errors.New("the body needs too much memory")

// A Budget grants bytes of memory for one use. A nil *Budget grants everything. It is
// safe for concurrent use. Create it with Divide.
type Budget struct {
	use      string
	size     int64
	used     atomic.Int64
	rejected atomic.Uint64
}

// Size returns the number of bytes that can be in use.
func (b *Budget) Size() int64 { return b.size }

// Used returns the number of bytes in use. It can exceed the size by what Add added.
func (b *Budget) Used() int64 { return b.used.Load() }

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
func (b *Budget) Max() int64 { return b.size - b.size/4 }

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

// MaxWait is the time for which Queue.Acquire waits for room.
const MaxWait = 5 * time.Second

// A Queue is a Budget whose requests wait for room, in order. A quarter of the budget
// is reserved for small requests, those for at most a sixteenth of it, so that they do
// not wait for large ones. The other three quarters are for large requests. A nil
// *Queue grants everything. It is safe for concurrent use. Create it with Divide.
type Queue struct {
	Budget
	small, large *semaphore.Weighted
}

func newQueue(use string, size int64) *Queue {
	q := &Queue{Budget: Budget{use: use, size: size}}
	q.small = semaphore.NewWeighted(size / 4)
	q.large = semaphore.NewWeighted(q.Max())
	return q
}

// Acquire reserves n bytes, and waits for them for up to MaxWait. The caller must call
// release when the bytes are no longer in use. If n is too large ever to be granted,
// the error wraps ErrTooLarge. If there is no room within MaxWait, or the context ends
// before, it wraps ErrExhausted.
func (q *Queue) Acquire(ctx context.Context, n int64) (release func(), err error) {
	if q == nil {
		return func() {}, nil
	}
	if n > q.Max() {
		q.rejected.Add(1)
		return nil, fmt.Errorf("%w: %d bytes, more than the %d bytes available for one request (--memory-limit)", ErrTooLarge, n, q.Max())
	}
	lane := q.large
	if n <= q.size/16 {
		lane = q.small
	}
	ctx, cancel := context.WithTimeout(ctx, MaxWait)
	defer cancel()
	if err := lane.Acquire(ctx, n); err != nil {
		q.rejected.Add(1)
		return nil, fmt.Errorf("%w: try again later", ErrExhausted)
	}
	q.used.Add(n)
	return func() {
		q.used.Add(-n)
		lane.Release(n)
	}, nil
}

// Budgets are the budgets of a process.
type Budgets struct {
	Buffer *Budget // bodies of requests that are being read or wait
	Parse  *Queue  // parsing of bodies
	Held   *Budget // series and groups
}

// Divide returns the budgets for a memory limit in bytes: 10 % of it for buffers, 30 %
// for parsing, and 50 % for what is held. The rest is for everything else.
func Divide(limit int64) *Budgets {
	return &Budgets{
		Buffer: &Budget{use: "buffer", size: limit / 10},
		Parse:  newQueue("parse", limit/10*3),
		Held:   &Budget{use: "held", size: limit / 2},
	}
}
