package metric

import "sync/atomic"

// A Counter counts what happens between two ticks of PeriodicallyEmit. The zero value
// is a counter at zero. It is safe for concurrent use and must not be copied.
type Counter struct {
	value atomic.Int64
}

// Inc adds 1.
func (c *Counter) Inc() { c.value.Add(1) }

// IncDelta adds delta. Counters only grow: a negative delta is ignored.
func (c *Counter) IncDelta(delta int) {
	if delta > 0 {
		c.value.Add(int64(delta))
	}
}

// TakeDelta returns what was counted since the last call of TakeDelta, and sets the
// counter to zero. PeriodicallyEmit and Monitor.Flush call it for the counters of a
// Monitor; a count that a program takes is missing from the events. (Concourse's name
// for it, used only by its metric package and by tests, is Delta.)
func (c *Counter) TakeDelta() float64 { return float64(c.value.Swap(0)) }
