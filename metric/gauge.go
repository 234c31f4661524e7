package metric

import "sync"

// A Gauge follows a number that goes up and down, such as the builds running
// now. Since it is asked only now and then, it remembers the peak in between.
// The zero value is at zero. It is safe for concurrent use, and must not be
// copied.
type Gauge struct {
	// A mutex rather than atomics: the value and the peak change together,
	// and a peak between two calls of Max must not get lost.
	mu      sync.Mutex // protects the following fields
	value   int64
	changed bool  // since the last Max
	peak    int64 // the highest value since the last Max, if changed
}

// Inc adds one.
func (g *Gauge) Inc() { g.add(1) }

// Dec subtracts one.
func (g *Gauge) Dec() { g.add(-1) }

// Set makes the value the gauge's.
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

// Max returns the highest value that the gauge was brought to since Max was
// last asked, or its current value if nothing happened in between.
func (g *Gauge) Max() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.changed {
		return float64(g.value)
	}
	g.changed = false
	return float64(g.peak)
}
