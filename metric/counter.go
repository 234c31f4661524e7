package metric

import "sync/atomic"

// A Counter counts things that happen, until somebody asks how many there
// were. The zero value is at zero. It is safe for concurrent use, and must not
// be copied.
type Counter struct {
	value atomic.Int64
}

// Inc counts one.
func (c *Counter) Inc() { c.value.Add(1) }

// IncDelta counts delta. What happened cannot be undone: a negative delta is
// ignored.
func (c *Counter) IncDelta(delta int) {
	if delta > 0 {
		c.value.Add(int64(delta))
	}
}

// Delta returns what was counted since it was last asked.
func (c *Counter) Delta() float64 { return float64(c.value.Swap(0)) }
