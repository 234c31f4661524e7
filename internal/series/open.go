package series

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
)

// An OpenStore is a set of families that come and go with what is pushed: their
// label names are not fixed beforehand, nor are those of one family's series the
// same. A series is identified by the text of its labels.
//
// The caller must hold the store's lock to create or remove families and series. Updates
// of existing series do not take it. A scrape takes it only to list the families after
// some were created or removed.
type OpenStore struct {
	sync.Mutex
	families map[string]*OpenFamily

	version atomic.Uint64 // counts the comings and goings of families
	listing sync.Mutex
	listed  atomic.Pointer[listing]
}

// A listing is the families, sorted by name, as of a version.
type listing struct {
	version  uint64
	families []*OpenFamily
}

// NewOpenStore makes an empty store.
func NewOpenStore() *OpenStore {
	st := &OpenStore{families: make(map[string]*OpenFamily)}
	st.listed.Store(&listing{})
	return st
}

// Families are the families, sorted by name. The slice must not be changed.
func (st *OpenStore) Families() []*OpenFamily {
	if l := st.listed.Load(); l.version == st.version.Load() {
		return l.families
	}
	st.listing.Lock()
	defer st.listing.Unlock()
	st.Lock()
	l := &listing{version: st.version.Load(), families: slices.Collect(maps.Values(st.families))}
	st.Unlock()
	slices.SortFunc(l.families, func(a, b *OpenFamily) int { return strings.Compare(a.name, b.name) })
	st.listed.Store(l)
	return l.families
}

// Family is the family of that name, or nil. The caller holds the lock.
func (st *OpenStore) Family(name string) *OpenFamily { return st.families[name] }

// AddFamily adds a family, of which there must be none of that name. It goes with
// the last of its series. The caller holds the lock.
func (st *OpenStore) AddFamily(name, help string, typ Type) *OpenFamily {
	f := &OpenFamily{store: st, name: name, typ: typ, cells: make(map[string]*cell)}
	f.SetHelp(help)
	st.families[name] = f
	st.version.Add(1)
	return f
}

// An OpenFamily is the series of one metric that was pushed.
type OpenFamily struct {
	store *OpenStore
	name  string
	typ   Type
	help  atomic.Pointer[string]

	order order[*OpenSeries]
	cells map[string]*cell // by labels; guarded by the store's lock
}

// A cell is one label set of a family, as a page shows it.
type cell struct {
	labels string
	holder any
	series *OpenSeries // the one that joined last
	n      int         // that have joined and not left
}

// Name is the family's name.
func (f *OpenFamily) Name() string { return f.name }

// Help is the family's help text; empty if nobody gave one.
func (f *OpenFamily) Help() string { return *f.help.Load() }

// SetHelp changes the help text.
func (f *OpenFamily) SetHelp(help string) { f.help.Store(&help) }

// Type is the family's type.
func (f *OpenFamily) Type() Type { return f.typ }

// Holder is who has the series with the labels: nil if there is none. One whose time is
// over is ended by asking, and the family goes with its last one. The caller holds the
// store's lock.
func (f *OpenFamily) Holder(labels string, now Instant) any {
	c := f.cells[labels]
	if c == nil {
		return nil
	}
	if c.series.fold == Alone && c.series.end(now) {
		f.drop(c)
		return nil
	}
	return c.holder
}

// HeldBeside reports whether the family has live series of another holder. It visits the
// holder's series, expired series, and at most one other. It removes the expired series,
// and the family if none is left. The caller must hold the store's lock.
func (f *OpenFamily) HeldBeside(holder any, now Instant) bool {
	for labels, c := range f.cells {
		if c.holder != holder && f.Holder(labels, now) != nil {
			return true
		}
	}
	return false
}

// Only is the holder's only series with the labels, or nil. The caller holds the
// store's lock.
func (f *OpenFamily) Only(labels string, holder any) *OpenSeries {
	if c := f.cells[labels]; c != nil && c.holder == holder {
		return c.series
	}
	return nil
}

// Join adds a series with the labels. Nobody else may hold them; the same holder
// may, if the series fold. source is what its end depends on besides its own
// deadline, or nil. The series is shown as soon as its deadline is set. The caller
// holds the store's lock.
func (f *OpenFamily) Join(labels string, holder any, source *Source, fold Fold) *OpenSeries {
	c := f.cells[labels]
	if c == nil {
		c = &cell{labels: labels, holder: holder}
		f.cells[labels] = c
	}
	s := &OpenSeries{labels: c.labels, source: source, fold: fold}
	c.series = s
	c.n++
	f.order.arrive(s)
	return s
}

// Leave ends a series, if it has not ended yet, and gives its labels up. The caller
// holds the store's lock.
func (f *OpenFamily) Leave(s *OpenSeries) {
	if !s.kill() {
		return
	}
	if c := f.cells[s.labels]; c.n > 1 {
		c.n--
	} else {
		f.drop(c)
	}
}

// drop forgets a cell, and the family with its last one.
func (f *OpenFamily) drop(c *cell) {
	delete(f.cells, c.labels)
	if len(f.cells) == 0 && f.store.families[f.name] == f {
		delete(f.store.families, f.name)
		f.store.version.Add(1)
	}
}

// Sift forgets the series that have ended. It should be called now and then; what
// has ended is not shown before that either.
func (f *OpenFamily) Sift() { f.order.sift(func(*OpenSeries) {}) }

// A Row is what a page shows of a series, or of several that fold into one.
type Row struct {
	Labels string  // as Series.Labels
	Value  float64 // of a counter, gauge or untyped series

	// Metric, if not nil, is all there is to say, and Value is to be ignored: the
	// content of a histogram or summary, or a counter that has an exemplar or a time
	// of creation. It has no labels. It must not be changed.
	Metric *dto.Metric
}

// Rows calls yield with what the family has to show as of now, in the order of the
// labels, until it returns false. The row is good until yield returns.
func (f *OpenFamily) Rows(now Instant) func(yield func(*Row) bool) {
	return func(yield func(*Row) bool) {
		var row Row
		var run folding
		for page := range f.order.walk {
			for _, s := range page {
				if !s.alive(now) {
					continue
				}
				if run.n > 0 && (s.fold == Alone || s.labels != run.labels) && !run.end(&row, yield) {
					return
				}
				if s.fold != Alone {
					run.add(s)
					continue
				}
				row.Labels, row.Metric = s.labels, s.metric.Load()
				if row.Metric == nil {
					row.Value = s.Value()
				}
				if !yield(&row) {
					return
				}
			}
		}
		if run.n > 0 {
			run.end(&row, yield)
		}
	}
}
