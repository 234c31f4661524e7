package metric

import "sync"

// A Gauge holds a number that goes up and down, such as the number of running builds.
// Because it is read only at the ticks of PeriodicallyEmit, it remembers the peak in
// between. The zero value is a gauge at zero. It is safe for concurrent use and must
// not be copied.
type Gauge struct {
	// A mutex rather than atomics, because value and peak change together: a peak
	// between two calls of TakePeak must not be lost.
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

// TakePeak returns the highest value that the gauge took since the last call of
// TakePeak, or the current value if it has not changed since. The next peak starts
// from here: PeriodicallyEmit and Monitor.Flush call TakePeak for the gauges of a
// Monitor, and a peak that a program takes is missing from the events. (Concourse's
// name for it, used only by its metric package and by tests, is Max.)
func (g *Gauge) TakePeak() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.changed {
		return float64(g.value)
	}
	g.changed = false
	return float64(g.peak)
}
