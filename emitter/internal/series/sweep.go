package series

import "time"

// Swept is what a sweep took away.
type Swept struct {
	Owners, Series int
}

// Sweep takes away, as of now, the owners that have not been heard of for the
// store's limit, with all of their series, and the series that have not been
// updated for as long as their family allows. No update waits for it.
//
// An instant is as coarse as the ticks of the clock: tolerance is how far apart
// those are, and is granted to everything on top of its limit.
func (st *Store) Sweep(now Instant, tolerance time.Duration) Swept {
	swept := Swept{Owners: st.owners.sweep(now, extend(st.ownerLimit, tolerance))}
	for _, f := range st.Families() {
		if f.mortal {
			swept.Series += f.sweep(now, tolerance)
		}
	}
	return swept
}

func extend(limit, by time.Duration) time.Duration {
	if sum := limit + by; sum > limit {
		return sum
	}
	return limit
}

func (f *Family) sweep(now Instant, tolerance time.Duration) (swept int) {
	f.order.settling.Lock()
	defer f.order.settling.Unlock()
	f.settle()

	pages := f.order.pages()
	anyDead := false
	for _, p := range pages {
		for _, s := range p {
			if f.killIfStale(s, now, tolerance) {
				f.count.Add(-1)
				f.unlink(s)
				swept++
			}
			anyDead = anyDead || s.dead()
		}
	}
	if anyDead {
		kept := without(pages, (*Series).dead)
		f.order.sorted.Store(&kept)
	}
	return swept
}

// killIfStale kills the series if its time has come.
func (f *Family) killIfStale(s *Series, now Instant, tolerance time.Duration) bool {
	if s.owner != nil && s.owner.gone() {
		return s.kill()
	}
	if f.isOverflow(s) {
		return false
	}
	if f.ownership == Heartbeat {
		limit := extend(f.store.ownerLimit, tolerance)
		if s.killIf(func() bool { return s.idle(now, limit) }) {
			return true
		}
	}
	if f.idleTTL > 0 {
		limit := extend(f.idleTTL, tolerance)
		return s.killIf(func() bool { return s.idle(now, limit) })
	}
	return false
}

func (f *Family) isOverflow(s *Series) bool { return f.overflow.Load() == s }

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
