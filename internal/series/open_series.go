package series

import (
	"math"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
)

// An OpenSeries is a series that somebody pushed. Updating it and reading it take
// no lock; one goroutine at a time may update it, but for Add.
type OpenSeries struct {
	labels string
	source *Source // nil if its end is its own affair
	fold   Fold

	deadline deadline
	updated  atomic.Int64               // the Instant of the last update, where that matters
	bits     atomic.Uint64              // float64 bits of the value
	metric   atomic.Pointer[dto.Metric] // if not nil, shown instead
}

// Labels are the series' labels as a page shows them, without the braces.
func (s *OpenSeries) Labels() string { return s.labels }

// Value is the series' value, as of the last Set and what was added since.
func (s *OpenSeries) Value() float64 { return math.Float64frombits(s.bits.Load()) }

// Metric is what the last Fill gave the series, or nil.
func (s *OpenSeries) Metric() *dto.Metric { return s.metric.Load() }

// Set sets the value.
func (s *OpenSeries) Set(v float64) {
	s.bits.Store(math.Float64bits(v))
	if s.metric.Load() != nil {
		s.metric.Store(nil)
	}
}

// Fill sets the content, which must not be changed from then on.
func (s *OpenSeries) Fill(m *dto.Metric) { s.metric.Store(m) }

// Updated records when the series was last updated, for those that fold to the last.
func (s *OpenSeries) Updated(at Instant) { s.updated.Store(int64(at)) }

// Add adds to the value. It is safe for concurrent use.
func (s *OpenSeries) Add(v float64) {
	for {
		old := s.bits.Load()
		if s.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// LiveUntil lets the series live until then, if it has not ended. It returns false
// if it has. Only what is set before it is certain to be shown.
func (s *OpenSeries) LiveUntil(at Instant) bool { return s.deadline.set(at) }

// Over tells whether the series' time is over.
func (s *OpenSeries) Over(now Instant) bool { return s.deadline.passed(now) }

// Ended tells whether the series has ended: nothing revives it.
func (s *OpenSeries) Ended() bool { return s.dead() }

func (s *OpenSeries) alive(now Instant) bool {
	return !s.deadline.passed(now) && (s.source == nil || !s.source.deadline.passed(now))
}

// end ends the series if its time is over, and tells whether it has ended.
func (s *OpenSeries) end(now Instant) bool {
	if s.source != nil && s.source.deadline.passed(now) {
		s.kill()
	}
	return s.deadline.end(now)
}

// kill ends the series. It returns false if it had ended.
func (s *OpenSeries) kill() bool { return s.deadline.at.Swap(over) != over }

func (s *OpenSeries) dead() bool { return s.deadline.at.Load() == over }

// A Source is what several series come from, and end with: a group of metrics that
// were pushed together. Its zero value is over.
type Source struct{ deadline deadline }

// LiveUntil lets what comes from the source live until then.
func (s *Source) LiveUntil(at Instant) { s.deadline.set(at) }

// Over tells whether its time is over.
func (s *Source) Over(now Instant) bool { return s.deadline.passed(now) }

// Deadline is when its time is over; Never if that is never.
func (s *Source) Deadline() Instant { return Instant(s.deadline.at.Load()) }

// Never is the deadline of what lives until it is told to go.
const Never Instant = math.MaxInt64

// A deadline is when something that was pushed goes, unless it is pushed again.
// Its zero value has passed, but not ended: what has ended stays so.
type deadline struct{ at atomic.Int64 }

const over = math.MinInt64

// set sets the deadline. It returns false if the thing has ended.
func (d *deadline) set(at Instant) bool {
	for {
		old := d.at.Load()
		if old == over {
			return false
		}
		if old == int64(at) || d.at.CompareAndSwap(old, int64(at)) {
			return true
		}
	}
}

func (d *deadline) passed(now Instant) bool { return d.at.Load() <= int64(now) }

// end ends the thing if its deadline has passed, and tells whether it has ended.
func (d *deadline) end(now Instant) bool {
	for {
		old := d.at.Load()
		if old > int64(now) {
			return false
		}
		if old == over || d.at.CompareAndSwap(old, over) {
			return true
		}
	}
}
