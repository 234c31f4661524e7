package series

// Reservations are the series and owners that several updates would create. Check uses
// them to apply the limits to these updates together. The zero value has none. It is
// not safe for concurrent use.
type Reservations struct {
	series map[*Family]map[uint64]struct{} // by the hash of the label values
	owners map[string]struct{}             // owners that would get a series in the last-seen family
}

// Check returns the result that Update would have if the updates that were checked with
// the same Reservations had taken place. It changes only the Reservations. Concurrent
// updates and sweeps can make a later Update differ.
func (f *Family) Check(values *Values, owner string, v float64, r *Reservations) Result {
	if result := f.checkNumber(v); result != OK || f.unlabeled != nil {
		return result
	}
	values.rehash()
	if f.table.find(&f.layout, values) != nil {
		return OK
	}
	for _, i := range values.Order {
		if result := f.store.checkValue(values.All[i]); result != OK {
			return result
		}
	}
	reserved := r.series[f]
	if _, ok := reserved[values.hash]; ok || f.typ != Gauge && values.allEqual(Overflow) {
		return OK
	}
	if f.count.Load()+int64(len(reserved)+1)*f.rows > f.limit {
		if f.typ == Gauge {
			return NoRoom
		}
		return Overflowed
	}
	if result := f.checkOwner(owner, r); result != OK {
		return result
	}
	if reserved == nil {
		if r.series == nil {
			r.series = make(map[*Family]map[uint64]struct{})
		}
		reserved = make(map[uint64]struct{})
		r.series[f] = reserved
	}
	reserved[values.hash] = struct{}{}
	return OK
}

// checkOwner is Check for the owner of a new series. It does nothing if the family is
// Unowned.
func (f *Family) checkOwner(owner string, r *Reservations) Result {
	if f.ownership == Unowned {
		return OK
	}
	if result := f.store.checkValue(owner); result != OK {
		return result
	}
	seen := f.store.lastSeen
	if _, ok := r.owners[owner]; ok || f.ownership != Heartbeat || seen == nil || f.store.owners.has(owner) {
		return OK
	}
	if seen.count.Load()+int64(len(r.owners)) >= seen.limit {
		return NoRoom
	}
	if r.owners == nil {
		r.owners = make(map[string]struct{})
	}
	r.owners[owner] = struct{}{}
	return OK
}
