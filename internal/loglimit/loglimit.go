// Package loglimit limits the number of log messages about frequent events.
package loglimit

import (
	"sync/atomic"
	"time"
)

// interval is the minimum time between two messages after a burst.
const interval = time.Second

// DataKey is the key, in the data of a log message, of the number of similar messages
// that were not logged since the last one that was.
const DataKey = "similar_not_logged"

// A Limiter allows a burst of log messages, and then one message per second. It counts
// the messages that it does not allow. The zero value allows one message per second
// without a burst. A Limiter is safe for concurrent use and takes no lock.
type Limiter struct {
	// Burst is the number of messages allowed at once after a quiet period. Zero means
	// one.
	Burst int

	// next is the time at which the next message would be allowed without a burst. It
	// is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371).
	next     atomic.Int64
	unlogged atomic.Uint64 // number of messages not allowed since the last one allowed
}

// Allow reports whether to log a message now. If so, it also returns the number of
// messages that were not allowed since the last one. now is the time since an arbitrary
// fixed moment. If now goes back so far that the wait for the next message would be
// longer than after a full burst, the limiter resets.
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
