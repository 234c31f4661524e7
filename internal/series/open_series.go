package series

import (
	"math"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
)

// An OpenSeries is a pushed series. Updating and reading it take no lock. Only one
// goroutine at a time may update it, except with Add.
type OpenSeries struct {
	labels string
	source *Source // nil if it expires only at its own deadline
	fold   Fold

	deadline deadline
	updated  atomic.Int64               // Instant of the last update; for Last
	bits     atomic.Uint64              // float64 bits of the value
	metric   atomic.Pointer[dto.Metric] // if not nil, shown instead of bits
}

// Labels returns the series' labels as written between the braces of a sample.
func (s *OpenSeries) Labels() string { return s.labels }

// Value returns the series' value: that of the last Set, plus what Add has added since.
func (s *OpenSeries) Value() float64 { return math.Float64frombits(s.bits.Load()) }

// Metric returns the content set by Fill, or nil if there is none, or if Set was called
// since.
func (s *OpenSeries) Metric() *dto.Metric { return s.metric.Load() }

// Set sets the value.
func (s *OpenSeries) Set(v float64) {
	s.bits.Store(math.Float64bits(v))
	if s.metric.Load() != nil {
		s.metric.Store(nil)
	}
}

// Fill sets the content. The caller must not change m afterwards.
func (s *OpenSeries) Fill(m *dto.Metric) { s.metric.Store(m) }

// SetUpdated records the time of the last update, which a series with fold Last needs.
func (s *OpenSeries) SetUpdated(at Instant) { s.updated.Store(int64(at)) }

// Add adds v to the value. It is safe for concurrent use.
func (s *OpenSeries) Add(v float64) {
	for {
		old := s.bits.Load()
		if s.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// LiveUntil sets the deadline of the series. It returns false if the series has ended.
// Set the value before the deadline: otherwise a scrape may show the series without it.
func (s *OpenSeries) LiveUntil(at Instant) bool { return s.deadline.set(at) }

// Expired reports whether the series' own deadline has passed.
func (s *OpenSeries) Expired(now Instant) bool { return s.deadline.passed(now) }

// Ended reports whether the series has ended, which is final.
func (s *OpenSeries) Ended() bool { return s.dead() }

func (s *OpenSeries) alive(now Instant) bool {
	return !s.deadline.passed(now) && (s.source == nil || !s.source.deadline.passed(now))
}

// end ends the series if its deadline or that of its source has passed. It reports
// whether the series has ended.
func (s *OpenSeries) end(now Instant) bool {
	if s.source != nil && s.source.deadline.passed(now) {
		s.kill()
	}
	return s.deadline.end(now)
}

// kill ends the series. It returns false if the series had already ended.
func (s *OpenSeries) kill() bool { return s.deadline.at.Swap(ended) != ended }

func (s *OpenSeries) compare(t *OpenSeries) int { return compareTexts(s.labels, t.labels) }

func (s *OpenSeries) dead() bool { return s.deadline.at.Load() == ended }

// A Source is the common origin of several series, such as a group of metrics that were
// pushed together. The series expire at its deadline. The deadline of the zero value
// has passed.
type Source struct{ deadline deadline }

// LiveUntil sets the deadline of the source.
func (s *Source) LiveUntil(at Instant) { s.deadline.set(at) }

// Expired reports whether the source's deadline has passed.
func (s *Source) Expired(now Instant) bool { return s.deadline.passed(now) }

// Deadline returns the source's deadline. Never means that it does not expire.
func (s *Source) Deadline() Instant { return Instant(s.deadline.at.Load()) }

// Never is the deadline of a series or source that does not expire.
const Never Instant = math.MaxInt64

// A deadline is the time at which a pushed series or source expires, unless it is
// pushed again before. A deadline that has passed can be set again, until it is ended,
// which is final. The zero value has passed, but is not ended.
type deadline struct{ at atomic.Int64 }

const ended = math.MinInt64

// set sets the deadline. It returns false if the deadline was ended.
func (d *deadline) set(at Instant) bool {
	for {
		old := d.at.Load()
		if old == ended {
			return false
		}
		if old == int64(at) || d.at.CompareAndSwap(old, int64(at)) {
			return true
		}
	}
}

func (d *deadline) passed(now Instant) bool { return d.at.Load() <= int64(now) }

// end ends the deadline if it has passed. It reports whether the deadline was ended, by
// this call or earlier.
func (d *deadline) end(now Instant) bool {
	for {
		old := d.at.Load()
		if old > int64(now) {
			return false
		}
		if old == ended || d.at.CompareAndSwap(old, ended) {
			return true
		}
	}
}
