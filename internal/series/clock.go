package series

import (
	"slices"
	"sort"
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
	tick   atomic.Int64
	maxGap atomic.Int64 // in nanoseconds; see SkipGaps
	wall   atomic.Pointer[Wall]

	read  func() reading   // nil for an exact clock
	exact func() time.Time // if not nil, called by Now instead of reading tick

	mu   sync.Mutex // protects last
	last reading    // of the last tick
}

// A reading is the time of the system's clocks, in nanoseconds.
type reading struct {
	monotonic int64 // since an arbitrary moment
	wall      int64 // since the Unix epoch
}

// NewClock returns a clock that advances only when Tick is called.
func NewClock() *Clock {
	start := time.Now() // includes a monotonic reading
	return newClock(func() reading {
		now := time.Now()
		return reading{monotonic: int64(now.Sub(start)), wall: now.UnixNano()}
	})
}

func newClock(read func() reading) *Clock {
	c := &Clock{read: read, last: read()}
	c.tick.Store(c.last.wall)
	c.wall.Store(&Wall{})
	return c
}

// NewExactClock returns a clock that calls now each time it is read. now may go
// backward: an update never makes a series or an owner older.
func NewExactClock(now func() time.Time) *Clock {
	c := &Clock{exact: now}
	c.wall.Store(&Wall{})
	return c
}

// NewSteadyClock returns an exact clock that never goes backward, although now may.
// While now goes backward, the clock stops. When now advances again, the clock advances
// by the same amount, without waiting until now has returned to its earlier time.
func NewSteadyClock(now func() time.Time) *Clock {
	var mu sync.Mutex
	last := now()
	steady := last
	c := NewExactClock(nil)
	c.exact = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		t := now()
		steady = steady.Add(c.withoutGap(t.Sub(last)))
		last = t
		return steady
	}
	return c
}

// SkipGaps makes the clock advance by at most longest from one tick to the next, or,
// for a steady clock, from one reading to the next. A longer time means that the
// process was stopped, or that the machine was suspended. Nothing could report that it
// was alive during that time, so it must not count as time without reports. The caller
// must tick the clock more often than that. A longest of 0 disables this; clocks that
// are exact but not steady ignore it.
func (c *Clock) SkipGaps(longest time.Duration) { c.maxGap.Store(int64(longest)) }

// withoutGap returns the time by which the clock advances.
func (c *Clock) withoutGap(elapsed time.Duration) time.Duration {
	if longest := time.Duration(c.maxGap.Load()); longest > 0 {
		elapsed = min(elapsed, longest)
	}
	return max(elapsed, 0)
}

// Now returns the time of the last tick, or, for an exact clock, the current time.
func (c *Clock) Now() Instant {
	if c.exact != nil {
		return c.readExact()
	}
	return Instant(c.tick.Load())
}

// readExact is not part of Now, so that the compiler inlines Now.
func (c *Clock) readExact() Instant { return Instant(c.exact().UnixNano()) }

// Tick reads the system clock, and returns the new time.
func (c *Clock) Tick() Instant {
	if c.exact != nil {
		return c.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.read()
	now := Instant(c.tick.Load()) + Instant(c.withoutGap(time.Duration(r.monotonic-c.last.monotonic)))
	c.last = r
	if wall := c.wall.Load().corrected(now, time.Duration(r.wall-int64(now))); wall != nil {
		c.wall.Store(wall)
	}
	c.tick.Store(int64(now))
	return now
}

// Wall returns a Wall that converts instants up to the last tick.
func (c *Clock) Wall() Wall { return *c.wall.Load() }

// A Wall converts instants of one Clock to wall-clock times. Instants follow the
// monotonic clock, so the difference between the two changes when the system time is
// set, when the clock skips a gap, or when the machine was suspended. A Wall converts
// each instant with the difference at that instant: later changes of the system time do
// not move the time of anything in the past.
//
// It contains a correction for each change, in the order of time. The zero value
// converts instants without a correction.
type Wall []correction

// A correction is the difference between the wall clock and instants from a certain
// instant on.
type correction struct {
	from   Instant
	offset time.Duration
}

const (
	// Smaller differences than minCorrection are not corrected: they are due to the two
	// clocks not being read at the same moment.
	minCorrection = 100 * time.Millisecond

	// maxCorrections is the maximum number of corrections of a Wall.
	maxCorrections = 1000
)

// corrected returns a Wall with the offset for instants from now on. It returns nil if
// w already has about the same offset.
func (w Wall) corrected(now Instant, offset time.Duration) *Wall {
	if (offset - w.offset(now)).Abs() < minCorrection {
		return nil
	}
	if len(w) == maxCorrections {
		w = w[:len(w)-1] // times from the recent past move, but those of old series do not
	}
	next := append(slices.Clone(w), correction{from: now, offset: offset})
	return &next
}

// offset returns the difference between the wall clock and the clock at an instant.
func (w Wall) offset(at Instant) time.Duration {
	n := len(w)
	if n > 0 && at < w[n-1].from {
		n = sort.Search(n, func(i int) bool { return at < w[i].from })
	}
	if n == 0 {
		return 0
	}
	return w[n-1].offset
}

// UnixMilli returns the wall-clock time of an instant in milliseconds since the Unix
// epoch.
func (w Wall) UnixMilli(at Instant) int64 {
	return (time.Duration(at) + w.offset(at)).Round(time.Millisecond).Milliseconds()
}
