package series

import "time"

// An Owner is a worker to which series belong. If it sends no heartbeat within the
// store's limit, a sweep makes it expire, and removes all of its series, in every
// family. A later heartbeat creates a new Owner with the same name.
//
// An owner is itself a series: that of its last heartbeat, in the store's family of
// owners. Its value is one of the constants below.
type Owner Series

// The values of owners, as bits.
const (
	hidden         = iota // it has not sent a heartbeat, so scrapes do not show it
	waitingForRoom        // it has sent a heartbeat, but the family has no room for it
	shown
)

// Name returns the owner's name.
func (o *Owner) Name() (name string) {
	for name = range o.labels.each {
	}
	return name
}

func (o *Owner) expired() bool { return o.liveness.expired() }

// newOwners returns the family of owners for a store. Scrapes do not see it before
// AddLastSeen replaces it.
func (st *Store) newOwners(name, help, label string) (*Family, error) {
	f, err := st.NewFamily(FamilyOptions{
		Name: name, Help: help, Type: Gauge, Labels: []string{label}, IdleTTL: st.ownerLimit, Internal: name == "",
	})
	if err != nil {
		return nil, err
	}
	f.owners = true
	return f, nil
}

// owner returns the owner with the name. It creates the owner if necessary; a new owner
// counts as active at now, so that its series live at least for the limit. If heartbeat
// is true, owner also records a heartbeat at now. If the name is invalid as a label
// value, or if the limit on owners or on memory is reached, it returns nil and the
// reason.
func (st *Store) owner(name string, now Instant, heartbeat bool) (*Owner, Result) {
	if r := st.checkValue(name); r != OK {
		return nil, r
	}
	values := Plain(name)
	values.rehash()
	for {
		o, r := st.owners.findOrCreateOwner(values, now, heartbeat)
		if o == nil || !heartbeat {
			return o, r
		}
		if o.liveness.refresh(now) {
			st.owners.show(o)
			return o, OK
		}
	}
}

// findOwner returns the owner with the name, or nil.
func (st *Store) findOwner(name string) *Owner {
	values := Plain(name)
	values.rehash()
	s := st.owners.table.find(values)
	if s == nil || s.liveness.expired() {
		return nil
	}
	return (*Owner)(s)
}

// findOrCreateOwner returns the owner with the values, which must be hashed. It creates
// the owner if necessary, unless heartbeat is true and the family has no room to show it.
// f is the family of owners.
func (f *Family) findOrCreateOwner(values *Values, now Instant, heartbeat bool) (*Owner, Result) {
	if s := f.table.find(values); s != nil && !s.liveness.expired() {
		return (*Owner)(s), OK
	}
	if heartbeat && f.full() {
		f.refused.Add(1)
		return nil, NoRoom
	}
	reserved := f.memoryFor(values)
	if !f.store.memory.TryAcquire(reserved) {
		return nil, NoMemory
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.table.find(values); s != nil {
		if !s.liveness.expired() {
			f.store.memory.Release(reserved)
			return (*Owner)(s), OK
		}
		f.removeLocked(s, values.hash)
	}
	f.bytes += reserved
	return (*Owner)(f.create(values, nil, now)), OK
}

// show lets scrapes show an owner that has sent a heartbeat. If the family is full, the
// next sweep tries again.
func (f *Family) show(o *Owner) {
	if o.bits.Load() == shown {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	state := o.bits.Load()
	if state == shown || state == killed {
		return
	}
	if f.full() {
		f.refused.Add(1)
		o.bits.CompareAndSwap(state, waitingForRoom)
		return
	}
	f.count.Add(1)
	if !o.bits.CompareAndSwap(state, shown) {
		f.count.Add(-1) // a sweep has just killed it
	}
}

// sweepOwners removes the owners that have expired, and then shows those that waited
// for room.
func (st *Store) sweepOwners(now Instant, tolerance time.Duration) (swept Swept) {
	f := st.owners
	var waiting []*Owner
	f.order.sweep(func(s *Series) {
		state := s.bits.Load()
		if !f.expire(s, now, tolerance) {
			if state == waitingForRoom {
				waiting = append(waiting, (*Owner)(s))
			}
			return
		}
		if !f.kill(s) {
			return // a heartbeat has just replaced it
		}
		f.unlink(s)
		if state != hidden {
			swept.Owners++
		}
		if state == shown && !f.internal {
			swept.Series++
		}
	})
	for _, o := range waiting {
		f.show(o)
	}
	return swept
}
