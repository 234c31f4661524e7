package series

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// An order keeps a family's series sorted by label values, so that a page is the
// same each time and a scrape need not sort it. The sorted series stand in pages
// that never change: a scrape walks those that were current when it began.
// Series that arrived since are merged in by the next scrape or sweep, which
// copies the pages that they belong to and no others.
type order struct {
	sorted atomic.Pointer[[]page]

	settling sync.Mutex // one merge or sweep at a time

	// arrivals are the series made since the last merge; guarded by the
	// family's lock. They are kept in chunks, so that an arrival never copies
	// the others. waiting says how many there are.
	arrivals [][]*Series
	waiting  atomic.Int64
}

// A page is a run of the sorted series. It is never empty, and never changed
// once others can see it.
type page []*Series

const (
	pageLen  = 256
	chunkLen = 1024
)

// arrive adds a new series. The caller holds the family's lock.
func (o *order) arrive(s *Series) {
	last := len(o.arrivals) - 1
	if last < 0 || len(o.arrivals[last]) == chunkLen {
		o.arrivals = append(o.arrivals, nil)
		last++
	}
	o.arrivals[last] = append(o.arrivals[last], s)
	o.waiting.Add(1)
}

// Sorted calls yield with the family's series in the order of their label
// values, page by page, until it returns false. Series that were swept are
// among them: reading their value tells.
func (f *Family) Sorted(yield func([]*Series) bool) {
	if f.order.waiting.Load() > 0 {
		f.order.settling.Lock()
		f.settle()
		f.order.settling.Unlock()
	}
	for _, p := range f.order.pages() {
		if !yield(p) {
			return
		}
	}
}

func (o *order) pages() []page {
	if p := o.sorted.Load(); p != nil {
		return *p
	}
	return nil
}

// settle merges the arrivals into the pages. The caller holds order.settling.
func (f *Family) settle() {
	f.mu.Lock()
	chunks := f.order.arrivals
	f.order.arrivals = nil
	f.mu.Unlock()

	if len(chunks) == 0 {
		return
	}
	arrived := slices.Concat(chunks...)
	n := len(arrived)
	arrived = slices.DeleteFunc(arrived, (*Series).dead)
	slices.SortFunc(arrived, compareSeries)

	pages := merge(f.order.pages(), arrived)
	f.order.sorted.Store(&pages)
	// Not before: whoever finds nothing waiting goes by the pages as they are.
	f.order.waiting.Add(int64(-n))
}

// merge returns the pages with the arrived series in their places. Pages into
// which nothing falls are taken over as they are.
func merge(pages []page, arrived []*Series) []page {
	merged := make([]page, 0, len(pages)+len(arrived)/pageLen+1)
	for i, p := range pages {
		n := len(arrived)
		if i+1 < len(pages) {
			n, _ = slices.BinarySearchFunc(arrived, pages[i+1][0], compareSeries)
		}
		if n == 0 {
			merged = append(merged, p)
			continue
		}
		merged = appendPages(merged, mergeTwo(p, arrived[:n]))
		arrived = arrived[n:]
	}
	return appendPages(merged, arrived)
}

func mergeTwo(a, b []*Series) []*Series {
	merged := make([]*Series, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compareSeries(b[0], a[0]) < 0 {
			merged, b = append(merged, b[0]), b[1:]
		} else {
			merged, a = append(merged, a[0]), a[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// appendPages cuts the series into pages of at most pageLen, about equally long.
// Each has an array of its own: sharing one would keep what was swept from one
// page in memory until the last of the others changes.
func appendPages(pages []page, sorted []*Series) []page {
	for n := (len(sorted) + pageLen - 1) / pageLen; n > 0; n-- {
		cut := len(sorted) / n
		pages = append(pages, slices.Clone(sorted[:cut]))
		sorted = sorted[cut:]
	}
	return pages
}

// without returns the pages without the series that are dead. Pages that shrink
// far are joined with their neighbours.
func without(pages []page, dead func(*Series) bool) []page {
	kept := make([]page, 0, len(pages))
	for _, p := range pages {
		if slices.ContainsFunc(p, dead) {
			p = slices.DeleteFunc(slices.Clone(p), dead)
		}
		if last := len(kept) - 1; last >= 0 && len(kept[last])+len(p) <= pageLen/2 {
			kept[last] = slices.Concat(kept[last], p)
		} else if len(p) > 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

func compareSeries(a, b *Series) int { return cmp.Compare(compareTexts(a.labels, b.labels), 0) }
