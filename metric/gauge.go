package metric

import "sync"

// A Gauge holds a number that goes up and down, such as the number of running builds.
// Because PeriodicallyEmit reads it only at its ticks, a Gauge remembers its peak
// between two ticks. The zero value is a gauge at zero. A Gauge is safe for concurrent
// use and must not be copied.
type Gauge struct {
	// A mutex rather than atomics, because value and peak must change together, so that
	// no peak between two calls of TakePeak is lost.
	mu      sync.Mutex // protects the following fields
	value   int64
	changed bool  // since the last TakePeak
	peak    int64 // the highest value since the last TakePeak, if changed
}

// Inc adds 1.
func (g *Gauge) Inc() { g.add(1) }

// Dec subtracts 1.
func (g *Gauge) Dec() { g.add(-1) }

// Set sets the gauge to a value.
func (g *Gauge) Set(value int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setLocked(value)
}

func (g *Gauge) add(delta int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setLocked(g.value + delta)
}

func (g *Gauge) setLocked(value int64) {
	g.value = value
	if !g.changed || value > g.peak {
		g.peak = value
	}
	g.changed = true
}

// TakePeak returns the highest value that the gauge was changed to since the last call
// of TakePeak, or the current value if it was not changed. PeriodicallyEmit and
// Monitor.Flush call it for the gauges of a Monitor; if the program calls it as well,
// that peak is missing from the events. In Concourse, this method is called Max.
func (g *Gauge) TakePeak() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.changed {
		return float64(g.value)
	}
	g.changed = false
	return float64(g.peak)
}
