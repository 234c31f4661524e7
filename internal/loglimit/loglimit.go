// Package loglimit limits how many log lines are written about things that can happen
// very often.
package loglimit

import (
	"sync/atomic"
	"time"
)

// interval is the time between two lines once a burst is over.
const interval = time.Second

// A Limiter allows a burst of log lines, then one a second, and counts the others. The
// zero value allows one line a second. It is safe for concurrent use, and takes no lock.
type Limiter struct {
	// Burst is how many lines are allowed at once after a quiet time. 0 means 1.
	Burst int

	// next is when the next line would be allowed if there was no burst: the theoretical
	// arrival time of the generic cell rate algorithm (ITU-T I.371).
	next     atomic.Int64
	unlogged atomic.Uint64
}

// Allow reports whether to log now, and how many lines were left out since the last one
// that was allowed. now is the time since any fixed moment; if it goes back by more than
// the limiter can have allowed in advance, the limiter starts anew.
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
