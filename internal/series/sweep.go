package series

import "time"

// Swept counts what a sweep removed.
type Swept struct {
	Owners int // without those that never sent a heartbeat
	Series int
}

// Sweep removes the owners that sent no heartbeat within the store's limit, along with
// all of their series, and the series that were not updated within their family's
// limit. It never blocks updates.
//
// Instants are only as precise as the ticks of the clock. tolerance is the time between
// ticks; Sweep adds it to every limit.
func (st *Store) Sweep(now Instant, tolerance time.Duration) (swept Swept) {
	swept = st.sweepOwners(now, tolerance)
	for _, f := range st.Families() {
		if f.canExpire && !f.owners {
			swept.Series += f.sweep(now, tolerance)
		}
	}
	return swept
}

// extend returns limit+by, or limit if the sum overflows.
func extend(limit, by time.Duration) time.Duration {
	if sum := limit + by; sum > limit {
		return sum
	}
	return limit
}

func (f *Family) sweep(now Instant, tolerance time.Duration) (swept int) {
	f.order.sweep(func(s *Series) {
		if f.expire(s, now, tolerance) && f.kill(s) {
			f.unlink(s)
			swept += int(f.rows)
		}
	})
	return swept
}

// expire makes the series expire if it is stale or its owner has expired. It reports
// whether the series has expired; no later update refreshes it then.
func (f *Family) expire(s *Series, now Instant, tolerance time.Duration) bool {
	switch {
	case s.owner != nil && s.owner.expired():
		return true
	case f.overflow.Load() == s:
		return false
	case f.ownership == Heartbeat && s.liveness.expire(now, extend(f.store.ownerLimit, tolerance)):
		return true
	}
	return f.idleTTL > 0 && s.liveness.expire(now, extend(f.idleTTL, tolerance))
}

// unlink removes a series that was just killed from the table. It holds the lock for
// this one series only, so that the creation of series never waits for long.
func (f *Family) unlink(s *Series) {
	var array [8]string
	values := Plain(s.labels.append(array[:0])...)
	values.rehash()
	f.mu.Lock()
	f.table.remove(values.hash, s)
	f.addMemory(-f.memoryOf(int(s.labels.size)))
	f.mu.Unlock()
}
