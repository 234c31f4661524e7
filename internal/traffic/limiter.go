package traffic

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Limiter allows one log line a second, and counts the others. The zero value is
// ready to use. It is safe for concurrent use.
type Limiter struct {
	next     atomic.Int64
	unlogged atomic.Uint64
}

// Allow reports whether to log now, and how many lines were left out since the last
// that was allowed.
func (l *Limiter) Allow(now series.Instant) (ok bool, unlogged uint64) {
	next := l.next.Load()
	if int64(now) < next && next-int64(now) <= int64(time.Second) || !l.next.CompareAndSwap(next, int64(now)+int64(time.Second)) {
		l.unlogged.Add(1)
		return false, 0
	}
	return true, l.unlogged.Swap(0)
}
