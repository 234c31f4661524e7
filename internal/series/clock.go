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
// Reading the system's clock costs as much as half an update, and staleness is
// counted in minutes. So an update reads the time of the last tick, and whoever
// runs the store calls Tick every so often. Ticks follow the monotonic clock:
// setting the system's time makes nothing older or younger.
type Clock struct {
	tick  atomic.Int64
	start time.Time        // carries the monotonic reading
	exact func() time.Time // if not nil, read for every update instead
}

// NewClock makes a clock that stands still between ticks.
func NewClock() *Clock {
	c := &Clock{start: time.Now()}
	c.Tick()
	return c
}

// NewExactClock makes a clock that asks now each time it is read. The clock may
// be set back: an update never makes anything older.
func NewExactClock(now func() time.Time) *Clock {
	return &Clock{exact: now}
}

// NewSteadyClock makes an exact clock of one that may be set back. Time does not go
// back with it: what lasts for a minute lasts until the clock has gone on by a minute.
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

// Now is the time of the last tick, or of now for an exact clock.
func (c *Clock) Now() Instant {
	if c.exact != nil {
		return Instant(c.exact().UnixNano())
	}
	return Instant(c.tick.Load())
}

// Tick reads the system's clock, and returns what it now says.
func (c *Clock) Tick() Instant {
	if c.exact != nil {
		return c.Now()
	}
	now := c.start.UnixNano() + int64(time.Since(c.start))
	c.tick.Store(now)
	return Instant(now)
}

// A Wall turns instants of one clock into wall-clock times, all by the same
// reading of both clocks. Instants follow the monotonic clock, so the same
// instant can have another wall-clock time after the system's time was set.
type Wall struct{ drift int64 }

// Wall reads both clocks.
func (c *Clock) Wall() Wall {
	if c.exact != nil {
		return Wall{}
	}
	now := time.Now()
	return Wall{drift: now.UnixNano() - c.start.UnixNano() - int64(now.Sub(c.start))}
}

// UnixMilli is the wall-clock time of an instant in milliseconds since the
// epoch. Finer digits would change from one reading to the next, since the two
// clocks cannot be read at the same moment.
func (w Wall) UnixMilli(at Instant) int64 {
	return time.Duration(int64(at) + w.drift).Round(time.Millisecond).Milliseconds()
}
