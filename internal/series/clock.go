package series

import (
	"sync"
	"sync/atomic"
	"time"
)

// An Instant is a moment in nanoseconds, on the scale of one Clock. Instants of
// different clocks cannot be compared.
type Instant int64

// A Clock tells the store the time. It is safe for concurrent use.
//
// Reading the system clock costs as much as half an update, and staleness is measured
// in minutes. So updates read the time of the last tick, and the program that runs the
// store calls Tick regularly. Ticks follow the monotonic clock: setting the system time
// does not change the age of any series.
type Clock struct {
	tick  atomic.Int64
	start time.Time        // includes a monotonic reading
	exact func() time.Time // if not nil, called by Now instead of reading tick
}

// NewClock returns a clock that advances only when Tick is called.
func NewClock() *Clock {
	c := &Clock{start: time.Now()}
	c.Tick()
	return c
}

// NewExactClock returns a clock that calls now each time it is read. now may go
// backward: an update never makes a series or an owner older.
func NewExactClock(now func() time.Time) *Clock {
	return &Clock{exact: now}
}

// NewSteadyClock returns an exact clock that never goes backward, although now may.
// While now goes backward, the clock stops. When now advances again, the clock advances
// by the same amount, without waiting until now has returned to its earlier time.
func NewSteadyClock(now func() time.Time) *Clock {
	var mu sync.Mutex
	last := now()
	steady := last
	return NewExactClock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		t := now()
		steady = steady.Add(max(t.Sub(last), 0))
		last = t
		return steady
	})
}

// Now returns the time of the last tick, or, for an exact clock, the current time.
func (c *Clock) Now() Instant {
	if c.exact != nil {
		return Instant(c.exact().UnixNano())
	}
	return Instant(c.tick.Load())
}

// Tick reads the system clock, and returns the new time.
func (c *Clock) Tick() Instant {
	if c.exact != nil {
		return c.Now()
	}
	now := c.start.UnixNano() + int64(time.Since(c.start))
	c.tick.Store(now)
	return Instant(now)
}

// A Wall converts instants of one Clock to wall-clock times. All conversions by one
// Wall are based on the same reading of both clocks. Instants follow the monotonic
// clock, so after the system time was set, a new Wall may convert an instant to another
// time.
type Wall struct{ offset int64 }

// Wall reads both clocks, and returns a Wall for converting instants.
func (c *Clock) Wall() Wall {
	if c.exact != nil {
		return Wall{}
	}
	now := time.Now()
	return Wall{offset: now.UnixNano() - c.start.UnixNano() - int64(now.Sub(c.start))}
}

// UnixMilli returns the wall-clock time of an instant in milliseconds since the Unix
// epoch. It rounds, because the two clocks cannot be read at the same moment: finer
// digits would differ from one Wall to the next.
func (w Wall) UnixMilli(at Instant) int64 {
	return time.Duration(int64(at) + w.offset).Round(time.Millisecond).Milliseconds()
}
