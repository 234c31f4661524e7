// Package loglimit limits the number of log lines about things that can happen very
// often.
package loglimit

import (
	"sync/atomic"
	"time"
)

// interval is the time between two lines after a burst.
const interval = time.Second

// A Limiter allows a burst of log lines, then one line a second, and counts the others.
// The zero value allows one line a second. It is safe for concurrent use and takes no
// lock.
type Limiter struct {
	// Burst is the number of lines allowed at once after a quiet period. 0 means 1.
	Burst int

	// next is when the next line would be allowed without a burst: the theoretical
	// arrival time of the generic cell rate algorithm (ITU-T I.371).
	next     atomic.Int64
	unlogged atomic.Uint64
}

// Allow reports whether to log now, and returns the number of lines that were not
// logged since the last one allowed. now is the time since any fixed moment. If it goes
// back by more than the limiter can have allowed in advance, the limiter starts over.
func (l *Limiter) Allow(now time.Duration) (ok bool, unlogged uint64) {
	burst := time.Duration(max(l.Burst, 1)) * interval
	for {
		next := l.next.Load()
		due := max(time.Duration(next), now)
		if due-now > burst {
			due = now // the clock was set back
		}
		if due-now > burst-interval {
			l.unlogged.Add(1)
			return false, 0
		}
		if l.next.CompareAndSwap(next, int64(due+interval)) {
			return true, l.unlogged.Swap(0)
		}
	}
}
