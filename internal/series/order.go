package series

import (
	"slices"
	"sync"
	"sync/atomic"
)

// An order keeps the series of a family sorted by label values, so that all scrapes
// list them in the same order without sorting them. The sorted series are stored in
// immutable pages, and a scrape walks the pages that were current when it began. Series
// that were added since the last merge are pending: the next scrape or sweep merges
// them, and copies only the pages into which they fall.
type order[S ordered[S]] struct {
	sorted atomic.Pointer[[]page[S]]

	merging sync.Mutex // held during a merge or sweep; only its holder stores to sorted

	// pending are the series added since the last merge, in chunks, so that adding one
	// never copies more than a chunk. It is guarded by pendingMu.
	pendingMu sync.Mutex
	pending   [][]S

	// pendingCount is the number of series that have been added but are not in sorted
	// yet.
	pendingCount atomic.Int64
}

// ordered is implemented by the two kinds of series.
type ordered[S any] interface {
	comparable
	compare(S) int // by the labels
	dead() bool
}

// A page is a run of the sorted series. It is never empty, and it is immutable once it
// is stored in order.sorted.
type page[S ordered[S]] []S

const (
	pageLen  = 256
	chunkLen = 512 // append grows a slice to exactly this capacity
)

// add adds a new series. It is merged into the pages later.
func (o *order[S]) add(s S) {
	o.pendingMu.Lock()
	defer o.pendingMu.Unlock()
	last := len(o.pending) - 1
	if last < 0 || len(o.pending[last]) == chunkLen {
		o.pending = append(o.pending, nil)
		last++
	}
	o.pending[last] = append(o.pending[last], s)
	o.pendingCount.Add(1)
}

// walk calls yield with the series in the order of their label values, page by page,
// until yield returns false. The pages can include dead series.
func (o *order[S]) walk(yield func([]S) bool) {
	if o.pendingCount.Load() > 0 {
		o.merging.Lock()
		o.mergePending()
		o.merging.Unlock()
	}
	for _, p := range o.pages() {
		if !yield(p) {
			return
		}
	}
}

// sweep calls visit with every series, and then removes the dead ones from the pages.
func (o *order[S]) sweep(visit func(S)) {
	o.merging.Lock()
	defer o.merging.Unlock()
	o.mergePending()
	pages := o.pages()
	anyDead := false
	for _, p := range pages {
		for _, s := range p {
			visit(s)
			anyDead = anyDead || s.dead()
		}
	}
	if anyDead {
		kept := withoutDead(pages)
		o.sorted.Store(&kept)
	}
}

func (o *order[S]) pages() []page[S] {
	if p := o.sorted.Load(); p != nil {
		return *p
	}
	return nil
}

// mergePending merges the pending series into the pages. The caller must hold
// o.merging.
func (o *order[S]) mergePending() {
	o.pendingMu.Lock()
	chunks := o.pending
	o.pending = nil
	o.pendingMu.Unlock()

	if len(chunks) == 0 {
		return
	}
	added := slices.Concat(chunks...)
	n := len(added)
	added = slices.DeleteFunc(added, S.dead)
	slices.SortFunc(added, S.compare)

	pages := merge(o.pages(), added)
	o.sorted.Store(&pages)
	// This must come after the store to sorted: a walk that finds pendingCount zero
	// relies on the pages being complete.
	o.pendingCount.Add(int64(-n))
}

// merge returns the pages with the added series, which must be sorted, in their places.
// It reuses the pages into which none of them falls.
func merge[S ordered[S]](pages []page[S], added []S) []page[S] {
	merged := make([]page[S], 0, len(pages)+len(added)/pageLen+1)
	for i, p := range pages {
		n := len(added)
		if i+1 < len(pages) {
			n, _ = slices.BinarySearchFunc(added, pages[i+1][0], S.compare)
		}
		if n == 0 {
			merged = append(merged, p)
			continue
		}
		merged = appendPages(merged, mergeTwo(p, added[:n]))
		added = added[n:]
	}
	return appendPages(merged, added)
}

func mergeTwo[S ordered[S]](a, b []S) []S {
	merged := make([]S, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if b[0].compare(a[0]) < 0 {
			merged, b = append(merged, b[0]), b[1:]
		} else {
			merged, a = append(merged, a[0]), a[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// appendPages divides the sorted series into pages of about equal length, at most
// pageLen. Each page has its own array: a shared array would keep the swept series of
// one page in memory until all of the other pages have been replaced, too.
func appendPages[S ordered[S]](pages []page[S], sorted []S) []page[S] {
	for n := (len(sorted) + pageLen - 1) / pageLen; n > 0; n-- {
		cut := len(sorted) / n
		pages = append(pages, slices.Clone(sorted[:cut]))
		sorted = sorted[cut:]
	}
	return pages
}

// withoutDead returns the pages without the dead series. It joins adjacent pages that
// together are at most half full.
func withoutDead[S ordered[S]](pages []page[S]) []page[S] {
	kept := make([]page[S], 0, len(pages))
	for _, p := range pages {
		if slices.ContainsFunc(p, S.dead) {
			p = slices.DeleteFunc(slices.Clone(p), S.dead)
		}
		if last := len(kept) - 1; last >= 0 && len(kept[last])+len(p) <= pageLen/2 {
			kept[last] = slices.Concat(kept[last], p)
		} else if len(p) > 0 {
			kept = append(kept, p)
		}
	}
	return kept
}
