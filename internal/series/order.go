package series

import (
	"slices"
	"sync"
	"sync/atomic"
)

// An order keeps a family's series sorted by label values, so that a page is the
// same each time and a scrape need not sort it. The sorted series stand in pages
// that never change: a scrape walks those that were current when it began.
// Series that arrived since are merged in by the next scrape or sweep, which
// copies the pages that they belong to and no others.
type order[S ordered] struct {
	sorted atomic.Pointer[[]page[S]]

	settling sync.Mutex // one merge or sweep at a time

	// arrivals are the series made since the last merge, guarded by arriving.
	// They are kept in chunks, so that an arrival never copies the others.
	// waiting says how many there are.
	arriving sync.Mutex
	arrivals [][]S
	waiting  atomic.Int64
}

// What is ordered: series, by the text of their labels.
type ordered interface {
	comparable
	Labels() string
	dead() bool
}

// A page is a run of the sorted series. It is never empty, and never changed
// once others can see it.
type page[S ordered] []S

const (
	pageLen  = 256
	chunkLen = 1024
)

// arrive adds a new series.
func (o *order[S]) arrive(s S) {
	o.arriving.Lock()
	defer o.arriving.Unlock()
	last := len(o.arrivals) - 1
	if last < 0 || len(o.arrivals[last]) == chunkLen {
		o.arrivals = append(o.arrivals, nil)
		last++
	}
	o.arrivals[last] = append(o.arrivals[last], s)
	o.waiting.Add(1)
}

// walk calls yield with the series in the order of their label values, page by
// page, until it returns false. Dead ones are among them.
func (o *order[S]) walk(yield func([]S) bool) {
	if o.waiting.Load() > 0 {
		o.settling.Lock()
		o.settle()
		o.settling.Unlock()
	}
	for _, p := range o.pages() {
		touch(p)
		if !yield(p) {
			return
		}
	}
}

// sift visits every series, and then drops those that are dead.
func (o *order[S]) sift(visit func(S)) {
	o.settling.Lock()
	defer o.settling.Unlock()
	o.settle()
	pages := o.pages()
	anyDead := false
	for _, p := range pages {
		for _, s := range p {
			visit(s)
			anyDead = anyDead || s.dead()
		}
	}
	if anyDead {
		kept := without(pages)
		o.sorted.Store(&kept)
	}
}

func (o *order[S]) pages() []page[S] {
	if p := o.sorted.Load(); p != nil {
		return *p
	}
	return nil
}

// settle merges the arrivals into the pages. The caller holds settling.
func (o *order[S]) settle() {
	o.arriving.Lock()
	chunks := o.arrivals
	o.arrivals = nil
	o.arriving.Unlock()

	if len(chunks) == 0 {
		return
	}
	arrived := slices.Concat(chunks...)
	n := len(arrived)
	arrived = slices.DeleteFunc(arrived, S.dead)
	slices.SortFunc(arrived, compareLabels[S])

	pages := merge(o.pages(), arrived)
	o.sorted.Store(&pages)
	// Not before: whoever finds nothing waiting goes by the pages as they are.
	o.waiting.Add(int64(-n))
}

// merge returns the pages with the arrived series in their places. Pages into
// which nothing falls are taken over as they are.
func merge[S ordered](pages []page[S], arrived []S) []page[S] {
	merged := make([]page[S], 0, len(pages)+len(arrived)/pageLen+1)
	for i, p := range pages {
		n := len(arrived)
		if i+1 < len(pages) {
			n, _ = slices.BinarySearchFunc(arrived, pages[i+1][0], compareLabels[S])
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

func mergeTwo[S ordered](a, b []S) []S {
	merged := make([]S, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compareLabels(b[0], a[0]) < 0 {
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
func appendPages[S ordered](pages []page[S], sorted []S) []page[S] {
	for n := (len(sorted) + pageLen - 1) / pageLen; n > 0; n-- {
		cut := len(sorted) / n
		pages = append(pages, slices.Clone(sorted[:cut]))
		sorted = sorted[cut:]
	}
	return pages
}

// without returns the pages without the series that are dead. Pages that shrink
// far are joined with their neighbours.
func without[S ordered](pages []page[S]) []page[S] {
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

func compareLabels[S ordered](a, b S) int { return compareTexts(a.Labels(), b.Labels()) }

// touch reads a little of all that a page refers to. The series lie about in memory
// as they came: reading them in one go, which nothing else waits for, lets the
// processor fetch many at a time. It halves what a scrape of many takes; where they
// happen to lie in order it costs a sixth.
//
//go:noinline
func touch[S ordered](page []S) (sum byte) {
	for _, s := range page {
		if labels := s.Labels(); labels != "" {
			n := len(labels)
			sum += labels[0] + labels[n/2] + labels[n-1]
		}
	}
	return sum
}
