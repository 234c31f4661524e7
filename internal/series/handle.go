package series

import "sync/atomic"

// A Handle updates the series of a family that has certain label values. Its Update is
// Family.Update with these values, but finds the series without a lookup unless it was
// removed. It is safe for concurrent use.
type Handle struct {
	family *Family
	values Values
	owner  string

	// series is the series that was updated last. It may have been removed since, in
	// which case updates of it fail.
	series atomic.Pointer[Series]
}

// Handle returns a Handle. It retains the values, and creates no series before the first
// update.
func (f *Family) Handle(values Values, owner string) *Handle {
	h := &Handle{family: f, values: values, owner: owner}
	h.series.Store(f.unlabeled)
	return h
}

// Update updates the series. It creates the series if necessary.
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

// find updates the series by its label values, and keeps it for the next update.
func (h *Handle) find(op Op, v float64, now Instant) Result {
	values := h.values // a copy, because other goroutines may hash theirs
	r := h.family.Update(op, &values, h.owner, v, now)
	if r == OK {
		h.series.Store(h.family.table.find(&values)) // nil for the overflow series
	}
	return r
}
