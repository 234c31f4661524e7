package series

import "sync/atomic"

// A Handle updates the series of a family that has certain label values. It keeps a
// pointer to the series, so it needs no lookup unless the series was removed. It is safe
// for concurrent use.
type Handle struct {
	family *Family
	values Values
	owner  string

	// series is the series that was updated last. It may have been removed since, in
	// which case updates of it fail.
	series atomic.Pointer[Series]
}

// Handle returns a Handle for the series with the label values. owner is as in Update.
// The caller must not change the slices in values afterwards. Handle creates no series;
// the first update does.
func (f *Family) Handle(values Values, owner string) *Handle {
	h := &Handle{family: f, values: values, owner: owner}
	h.series.Store(f.unlabeled)
	return h
}

// Update does the same as Family.Update with the values and the owner of the Handle.
func (h *Handle) Update(op Op, v float64, now Instant) Result {
	f := h.family
	if r := f.checkNumber(v); r != OK {
		return r
	}
	if s := h.series.Load(); s != nil && f.refresh(s, now) && f.apply(s, op, v, &h.values, now) {
		return OK
	}
	return h.find(op, v, now)
}

// find looks up the series, updates it, and keeps it for the next update.
func (h *Handle) find(op Op, v float64, now Instant) Result {
	values := h.values // a copy, because Update stores the hash in it
	r := h.family.Update(op, &values, h.owner, v, now)
	if r == OK {
		h.series.Store(h.family.table.find(&values)) // nil if it has just been removed
	}
	return r
}
