package metric

import "sync/atomic"

// A Counter counts what happens between two ticks of PeriodicallyEmit. The zero value
// is a counter at zero. A Counter is safe for concurrent use and must not be copied.
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

// TakeDelta returns the count since the last call of TakeDelta and resets the counter
// to zero. PeriodicallyEmit and Monitor.Flush call it for the counters of a Monitor; if
// the program calls it as well, that count is missing from the events. In Concourse,
// this method is called Delta.
func (c *Counter) TakeDelta() float64 { return float64(c.value.Swap(0)) }
