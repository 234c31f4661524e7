package series

import "time"

// Swept is what a sweep took away.
type Swept struct {
	Owners int // that had sent a heartbeat, some time
	Series int
}

// Sweep takes away, as of now, the owners that have not been heard of for the
// store's limit, with all of their series, and the series that have not been
// updated for as long as their family allows. No update waits for it.
//
// An instant is as coarse as the ticks of the clock: tolerance is how far apart
// those are, and is granted to everything on top of its limit.
func (st *Store) Sweep(now Instant, tolerance time.Duration) (swept Swept) {
	swept.Owners = st.sweepOwners(now, extend(st.ownerLimit, tolerance))
	for _, f := range st.Families() {
		if f.mortal {
			swept.Series += f.sweep(now, tolerance)
		}
	}
	var unreported []*Owner
	st.owners.sift(func(o *Owner) bool {
		if o.reported.Load() == waiting {
			unreported = append(unreported, o)
		}
		return false
	})
	for _, o := range unreported {
		st.report(o, now)
	}
	return swept
}

func extend(limit, by time.Duration) time.Duration {
	if sum := limit + by; sum > limit {
		return sum
	}
	return limit
}

// sweepOwners removes the owners that are gone, and returns how many of them were
// ever heard of.
func (st *Store) sweepOwners(now Instant, limit time.Duration) (swept int) {
	st.owners.sift(func(o *Owner) bool {
		if !o.pulse.stop(now, limit) {
			return false
		}
		if st.lastSeen == nil || o.reported.Load() != unheard {
			swept++
		}
		return true
	})
	return swept
}

func (f *Family) sweep(now Instant, tolerance time.Duration) (swept int) {
	f.order.sift(func(s *Series) {
		if f.isOver(s, now, tolerance) && s.kill() {
			f.count.Add(-1)
			f.unlink(s)
			swept++
		}
	})
	return swept
}

// isOver tells whether the series' time is over. If so, no update revives it.
func (f *Family) isOver(s *Series, now Instant, tolerance time.Duration) bool {
	switch {
	case s.owner != nil && s.owner.gone():
		return true
	case f.overflow.Load() == s:
		return false
	case f.ownership == Heartbeat && s.pulse.stop(now, extend(f.store.ownerLimit, tolerance)):
		return true
	}
	return f.idleTTL > 0 && s.pulse.stop(now, extend(f.idleTTL, tolerance))
}

// unlink takes a series that was just killed out of the table. It takes the lock
// for this one series, so that those who make new ones are never kept waiting.
func (f *Family) unlink(s *Series) {
	var array [8]string
	values := Plain(f.layout.values(array[:0], s.labels)...)
	values.rehash()
	f.mu.Lock()
	f.table.remove(values.hash, s)
	f.mu.Unlock()
}
