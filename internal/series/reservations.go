package series

import "strings"

// Reservations are the series and owners that several updates would create. Check uses
// them to apply the limits to these updates together. The zero value has none. All
// updates must be of families in the same store. It is not safe for concurrent use.
type Reservations struct {
	// Reserve, if not nil, reserves memory for the Reservations themselves, and reports
	// whether there is room. After it has returned false, the Reservations lack some of
	// the series and owners, so the results of Check are not exact.
	Reserve func(bytes int64) bool

	series map[*Family]map[uint64]struct{} // by the hash of the label values
	owners map[string]bool                 // owners that would be created or shown, and whether each would be shown
	seen   int64                           // owners that would be shown
	bytes  int64                           // memory of the series and owners in the store
}

// The approximate memory in Reservations for a series, and for an owner in addition to
// its name. A map is less than half full after it has grown.
const (
	reservedSeriesBytes = 40
	reservedOwnerBytes  = 80
)

// Check returns the result that Update would have if the updates that were checked with
// the same Reservations had taken place. It changes only the Reservations, and counts a
// rejection by the memory budget. Concurrent updates and sweeps can make a later Update
// differ.
func (f *Family) Check(values *Values, owner string, v float64, r *Reservations) Result {
	if result := f.checkNumber(v); result != OK || f.unlabeled != nil {
		return result
	}
	values.rehash()
	if f.table.find(values) != nil {
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
		return f.overLimit(NoRoom)
	}
	bytes := f.memoryFor(values)
	if !f.internal && !f.store.memory.HasRoom(r.bytes+bytes) {
		return f.overLimit(NoMemory)
	}
	o, result := f.checkOwner(owner, bytes, r)
	if result != OK || !r.reserve(owner, o) {
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
	r.bytes += bytes + o.bytes
	return OK
}

// A reservedOwner is what an update would create for the owner of a new series.
type reservedOwner struct {
	created bool  // the owner
	seen    bool  // it would be shown
	bytes   int64 // its memory
}

// checkOwner is Check for the owner of a new series that takes the given memory.
func (f *Family) checkOwner(name string, seriesBytes int64, r *Reservations) (o reservedOwner, _ Result) {
	if f.ownership == Unowned {
		return o, OK
	}
	st := f.store
	if result := st.checkValue(name); result != OK {
		return o, result
	}
	seen, reserved := r.owners[name]
	existing := st.findOwner(name)
	o.created = existing == nil && !reserved
	if existing != nil && existing.bits.Load() == shown {
		seen = true
	}
	if f.ownership == Heartbeat && !seen {
		o.seen = st.owners.count.Load()+r.seen < st.owners.limit
		if o.created && !o.seen {
			return o, NoRoom
		}
	}
	if o.created {
		o.bytes = st.owners.memoryFor(Plain(name))
		if !st.memory.HasRoom(r.bytes + seriesBytes + o.bytes) {
			return o, NoMemory
		}
	}
	return o, OK
}

// reserve adds an owner, unless nothing would be created for it. It reports whether
// there is memory for that, and for a series.
func (r *Reservations) reserve(name string, o reservedOwner) bool {
	n := int64(reservedSeriesBytes)
	if o.created || o.seen {
		n += reservedOwnerBytes + int64(len(name))
	}
	if r.Reserve != nil && !r.Reserve(n) {
		return false
	}
	if !o.created && !o.seen {
		return true
	}
	if r.owners == nil {
		r.owners = make(map[string]bool)
	}
	if o.seen {
		r.seen++
	}
	r.owners[strings.Clone(name)] = o.seen
	return true
}
