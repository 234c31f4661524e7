package series

import (
	"math"
	"sync/atomic"
	"time"
)

// A pulse is when something was last heard of, until it stops. Stopping is a
// compare-and-swap: a beat at the same moment either prevents it, or finds that it
// came too late. Its zero value was last heard of at instant 0.
type pulse struct{ last atomic.Int64 }

const stopped = math.MinInt64

// beat records that the thing was heard of now. It returns false if it has
// stopped. Between two ticks of the clock all but the first beat find nothing to
// store, which would be dear on a cache line that processors share.
func (p *pulse) beat(now Instant) bool {
	for {
		last := p.last.Load()
		if last == stopped {
			return false
		}
		if last >= int64(now) || p.last.CompareAndSwap(last, int64(now)) {
			return true
		}
	}
}

// stop stops the pulse if there was no beat for the limit, and reports whether it did.
func (p *pulse) stop(now Instant, limit time.Duration) bool {
	last := p.last.Load()
	return last != stopped && int64(now)-last >= int64(limit) && p.last.CompareAndSwap(last, stopped)
}

func (p *pulse) hasStopped() bool { return p.last.Load() == stopped }
