package series

import (
	"math"
	"sync/atomic"
	"time"
)

// A Series is one label set of a family, and its value.
//
// It is 64 bytes, which the runtime aligns to a cache line: an update touches
// one line, and no two series share one.
type Series struct {
	labels  string // as a scrape prints them between the braces
	owner   *Owner // nil if it belongs to nobody
	created Instant

	// seen is when the series was last updated; kept only where something
	// asks for it (Family.tracksSeen).
	seen atomic.Int64

	// bits are the float64 bits of a gauge's value or of a counter's
	// fractions; killed once the series was swept.
	bits atomic.Uint64

	// whole is what a counter of a family that is never swept has counted in
	// whole numbers: adding to it never has to be tried twice.
	whole atomic.Uint64

	histogram *histogram // nil unless the family is one of histograms
}

// killed marks the value of a swept series. It is a NaN; values that are stored
// are finite, or are the one NaN that math.NaN makes.
const killed = 0x7ff8_dead_dead_dead

// Labels are the series' labels as a page shows them, without the braces:
// sorted by name, escaped, constant labels included. Empty if there are none.
func (s *Series) Labels() string { return s.labels }

// Created is when the series was made.
func (s *Series) Created() Instant { return s.created }

// set replaces the value of a gauge. It returns false if the series was killed.
func (s *Series) set(v float64) bool {
	bits := math.Float64bits(v)
	for {
		old := s.bits.Load()
		if old == killed {
			return false
		}
		if s.bits.CompareAndSwap(old, bits) {
			return true
		}
	}
}

// add adds to the value of a gauge or counter. It returns false if the series
// was killed.
func (s *Series) add(v float64) bool {
	for {
		old := s.bits.Load()
		if old == killed {
			return false
		}
		if s.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return true
		}
	}
}

// count adds to a counter of a family that is never swept.
func (s *Series) count(v float64) {
	if v < 1<<53 && v == math.Trunc(v) {
		s.whole.Add(uint64(v))
		return
	}
	s.add(v)
}

// value is the value of a gauge or counter; ok is false if it was killed.
func (s *Series) value() (v float64, ok bool) {
	bits := s.bits.Load()
	if bits == killed {
		return 0, false
	}
	if whole := s.whole.Load(); whole != 0 {
		return math.Float64frombits(bits) + float64(whole), true
	}
	return math.Float64frombits(bits), true
}

// touch records that the series is being updated. It comes before the update
// itself: a sweep that still finds the old value must find the new time.
func (s *Series) touch(now Instant) {
	// A store to a shared cache line is dear; between two ticks of the clock
	// all but the first update find nothing to store.
	if s.seen.Load() < int64(now) {
		s.seen.Store(int64(now))
	}
}

// dead tells whether the series was killed.
func (s *Series) dead() bool {
	if s.histogram != nil {
		return s.histogram.dead()
	}
	return s.bits.Load() == killed
}

// kill ends the series, whatever updates are under way. It returns false if it
// was dead already.
func (s *Series) kill() bool {
	for !s.dead() {
		if s.killIf(func() bool { return true }) {
			return true
		}
	}
	return false
}

// killIf ends the series if stale still says so and nothing has updated the
// series since before stale was asked.
func (s *Series) killIf(stale func() bool) bool {
	if h := s.histogram; h != nil {
		state := h.state.Load()
		return state&histogramDead == 0 && stale() && h.state.CompareAndSwap(state, state|histogramDead)
	}
	bits := s.bits.Load()
	return bits != killed && stale() && s.bits.CompareAndSwap(bits, killed)
}

// idle tells whether the series has not been updated for the time given.
func (s *Series) idle(now Instant, limit time.Duration) bool {
	return int64(now)-s.seen.Load() >= int64(limit)
}
