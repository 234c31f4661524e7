package series

import (
	"math"
	"sync/atomic"
	"time"
)

// A liveness is the time when a series or an owner was last active, until it expires.
// It expires by a compare-and-swap: a concurrent refresh either prevents that, or
// returns false because it came too late. The zero value was last active at instant 0.
type liveness struct{ last atomic.Int64 }

// expired is the value of last after expiry. It never changes again.
const expired = math.MinInt64

// refresh records activity at now. It returns false if the liveness has expired. Only
// the first refresh after a tick of the clock stores a value: a store would be
// expensive on a cache line that processors share.
func (l *liveness) refresh(now Instant) bool {
	for {
		last := l.last.Load()
		if last == expired {
			return false
		}
		if last >= int64(now) || l.last.CompareAndSwap(last, int64(now)) {
			return true
		}
	}
}

// expire makes the liveness expire if there was no activity within the limit. It
// returns false if the liveness did not expire, or had already expired before.
func (l *liveness) expire(now Instant, limit time.Duration) bool {
	last := l.last.Load()
	return last != expired && int64(now)-last >= int64(limit) && l.last.CompareAndSwap(last, expired)
}

func (l *liveness) expired() bool { return l.last.Load() == expired }
