package series

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	dto "github.com/prometheus/client_model/go"
)

// An OpenStore is a set of families that are created and removed with pushed metrics.
// Label names are not fixed in advance, and can differ between the series of a family.
//
// Each label set of a family belongs to a holder, such as a group or an agent. No other
// holder may add a series with these labels. The same holder may add several, which
// scrapes fold into one.
//
// The caller must hold the store's lock to create or remove families and series.
// Updates of existing series do not take it. A scrape takes it only to list the
// families after some were created or removed.
type OpenStore struct {
	sync.Mutex
	families map[string]*OpenFamily
	memory   func(int64) // called with the bytes that a family takes or releases

	version atomic.Uint64 // incremented whenever a family is created or removed
	listing sync.Mutex    // held while making a listing
	listed  atomic.Pointer[listing]
}

// A listing contains the families of a version of the store, sorted by name.
type listing struct {
	version  uint64
	families []*OpenFamily
}

// NewOpenStore returns an empty store. The store calls memory with OpenFamilyBytes when
// it creates a family, and with the negative number when it removes one.
func NewOpenStore(memory func(bytes int64)) *OpenStore {
	st := &OpenStore{families: make(map[string]*OpenFamily), memory: memory}
	st.listed.Store(&listing{})
	return st
}

// Families returns the families, sorted by name. The caller must not change the slice,
// and must not hold the store's lock.
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

// Family returns the family with the name, or nil. The caller must hold the store's
// lock.
func (st *OpenStore) Family(name string) *OpenFamily { return st.families[name] }

// AddFamily adds a family. The store must not contain a family with that name. The
// family is removed together with its last series. The caller must hold the store's
// lock.
func (st *OpenStore) AddFamily(name, help string, typ Type) *OpenFamily {
	f := &OpenFamily{store: st, name: name, typ: typ, labelSets: make(map[uint64]*labelSet)}
	f.SetHelp(help)
	f.bytes = OpenFamilyBytes(name, help)
	st.memory(f.bytes)
	st.families[name] = f
	st.version.Add(1)
	return f
}

// An OpenFamily is the series of one pushed metric.
type OpenFamily struct {
	store *OpenStore
	name  string
	typ   Type
	help  atomic.Pointer[string]

	quoted atomic.Bool // whether a series has had a label with a quoted name

	order     order[*OpenSeries]
	labelSets map[uint64]*labelSet // by hash of the labels' identity; guarded by the store's lock

	bytes int64 // memory of the family without its series
}

// OpenFamilyBytes returns about how much memory a family takes without its series.
func OpenFamilyBytes(name, help string) int64 { return 480 + 2*int64(len(name)) + int64(len(help)) }

// OpenSeriesBytes is about how much memory a series takes in addition to the text of
// its labels: the series, its label set, and references to them.
const OpenSeriesBytes = int64(unsafe.Sizeof(OpenSeries{})+unsafe.Sizeof(labelSet{})) + 64

// A labelSet is one label set of a family. Scrapes show at most one row for it. All
// texts of which sameIdentity reports that they are the same belong to it.
type labelSet struct {
	labels string // of the series that was added first
	hash   uint64
	next   *labelSet // next label set with the same hash
	holder any
	series *OpenSeries // the last one that Join added
	n      int         // number of series that Join added and Leave did not end
}

// Name returns the family's name.
func (f *OpenFamily) Name() string { return f.name }

// Help returns the family's help text, or an empty string if it has none.
func (f *OpenFamily) Help() string { return *f.help.Load() }

// SetHelp changes the help text.
func (f *OpenFamily) SetHelp(help string) { f.help.Store(&help) }

// HasQuoted reports whether series of the family may have labels with quoted names.
func (f *OpenFamily) HasQuoted() bool { return f.quoted.Load() }

// Type returns the family's type.
func (f *OpenFamily) Type() Type { return f.typ }

// find returns the label set of the labels, or nil.
func (f *OpenFamily) find(labels string) *labelSet {
	ls := f.labelSets[hashIdentity(labels)]
	for ls != nil && !sameIdentity(ls.labels, labels) {
		ls = ls.next
	}
	return ls
}

// Holder returns the holder of the series with the labels, or nil if there is none. If
// the series has expired, Holder ends and removes it, and the family if it has no other
// series. That applies only to a series whose fold is Alone. The caller must hold the
// store's lock.
func (f *OpenFamily) Holder(labels string, now Instant) any {
	ls := f.find(labels)
	if ls == nil || f.expire(ls, now) {
		return nil
	}
	return ls.holder
}

// expire removes a label set if its series has expired, and the family if it has no
// other series. It reports whether it did.
func (f *OpenFamily) expire(ls *labelSet, now Instant) bool {
	if ls.series.fold == Alone && ls.series.end(now) {
		f.removeLabelSet(ls)
		return true
	}
	return false
}

// HeldByOthers reports whether the family has live series of another holder. It visits
// the holder's series, expired series, and at most one other. It removes the expired
// series, and the family if none is left. The caller must hold the store's lock.
func (f *OpenFamily) HeldByOthers(holder any, now Instant) bool {
	for _, first := range f.labelSets {
		for ls := first; ls != nil; ls = ls.next {
			if ls.holder != holder && !f.expire(ls, now) {
				return true
			}
		}
	}
	return false
}

// Only returns the holder's series with the labels, or nil. The holder must have at
// most one such series. The caller must hold the store's lock.
func (f *OpenFamily) Only(labels string, holder any) *OpenSeries {
	if ls := f.find(labels); ls != nil && ls.holder == holder {
		return ls.series
	}
	return nil
}

// Join adds a series with the labels for the holder. If the holder already has a series
// with the same labels, even if they are written differently, the new one is shown with
// the text of that one. No other holder may hold these labels. The same holder may hold
// several series with these labels, unless fold is Alone. The series expires at its own
// deadline or, if source is not nil, at that of the source, whichever comes first.
// Scrapes show the series as soon as its deadline is set. The caller must hold the
// store's lock.
func (f *OpenFamily) Join(labels string, holder any, source *Source, fold Fold) *OpenSeries {
	ls := f.find(labels)
	if ls == nil {
		hash := hashIdentity(labels)
		ls = &labelSet{labels: labels, hash: hash, holder: holder, next: f.labelSets[hash]}
		f.labelSets[hash] = ls
		if HasQuoted(labels) {
			f.quoted.Store(true)
		}
	}
	s := &OpenSeries{labels: ls.labels, source: source, fold: fold}
	ls.series = s
	ls.n++
	f.order.add(s)
	return s
}

// Leave ends a series, unless it has already ended, and releases its labels. The caller
// must hold the store's lock.
func (f *OpenFamily) Leave(s *OpenSeries) {
	if !s.kill() {
		return
	}
	if ls := f.find(s.labels); ls.n > 1 {
		ls.n--
	} else {
		f.removeLabelSet(ls)
	}
}

// removeLabelSet removes ls, and the family if no other label set is left.
func (f *OpenFamily) removeLabelSet(ls *labelSet) {
	switch first := f.labelSets[ls.hash]; {
	case first != ls:
		for first.next != ls {
			first = first.next
		}
		first.next = ls.next
	case ls.next != nil:
		f.labelSets[ls.hash] = ls.next
	default:
		delete(f.labelSets, ls.hash)
	}
	if len(f.labelSets) == 0 && f.store.families[f.name] == f {
		delete(f.store.families, f.name)
		f.store.memory(-f.bytes)
		f.store.version.Add(1)
	}
}

// Sweep frees the memory of series that have ended. Call it regularly. Scrapes do not
// show ended series, even before Sweep was called.
func (f *OpenFamily) Sweep() { f.order.sweep(func(*OpenSeries) {}) }

// A Row is what a scrape shows of one series, or of several that are folded into one.
type Row struct {
	Labels string  // in the format of Family.AppendLabels
	Value  float64 // value of a counter, gauge or untyped series

	// Metric, if not nil, replaces Value. It is the content of a histogram or summary,
	// or of a counter with an exemplar or a creation time. It has no labels, and the
	// bounds of its buckets, or its quantiles, are distinct. It must not be changed.
	Metric *dto.Metric
}

// Rows returns an iterator over the rows of the family as of now, in the order of their
// labels. A row is valid only during its iteration.
func (f *OpenFamily) Rows(now Instant) func(yield func(*Row) bool) {
	return func(yield func(*Row) bool) {
		var row Row
		var run foldRun
		for page := range f.order.walk {
			prefetchOpen(page)
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
