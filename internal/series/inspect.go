package series

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// Owners calls yield with each owner that has sent a heartbeat, and with the time of
// its last one, in the order of their names, until yield returns false. Stale owners
// that the next sweep will remove are included. Owners holds no lock while it calls
// yield.
func (st *Store) Owners(yield func(o *Owner, last Instant) bool) {
	for page := range st.owners.Sorted {
		for _, s := range page {
			last, state := s.liveness.last.Load(), s.bits.Load()
			if last != expired && (state == shown || state == waitingForRoom) && !yield((*Owner)(s), Instant(last)) {
				return
			}
		}
	}
}

// OwnerLimit returns the time after which an owner without heartbeats expires.
func (st *Store) OwnerLimit() time.Duration { return st.ownerLimit }

// Owner returns the owner of the series, or nil if it has none.
func (s *Series) Owner() *Owner { return s.owner }

// Values appends the label values of the series to dst, in the order of the family's
// labels. Constant labels and the label that shows the state are not included.
func (f *Family) Values(dst []string, s *Series) []string { return s.labels.append(dst) }

// Has reports whether the family has a series with the labels in a text that LabelText
// returned, which include the constant ones. It returns false for families with states.
func (f *Family) Has(labels string) bool {
	l, constants := &f.layout, 0
	values := make([]string, len(l.names))
	for name, value := range LabelsOf(labels) {
		i, ok := slices.BinarySearchFunc(l.pairs, name, func(p pair, name string) int { return strings.Compare(p.name, name) })
		switch {
		case value == "": // the same as no label
		case !ok:
			return false
		case l.pairs[i].value >= 0:
			values[l.pairs[i].value] = value
		case l.pairs[i].constant != value:
			return false
		default:
			constants++
		}
	}
	for _, p := range l.pairs {
		if p.value < 0 && p.constant != "" {
			constants--
		}
	}
	if f.states != nil || constants != 0 {
		return false
	}
	v := Plain(values...)
	v.rehash()
	s := f.table.find(v)
	return s != nil && f.shows(s)
}

// Time returns the wall-clock time of an instant, in UTC, rounded to milliseconds.
func (w Wall) Time(at Instant) time.Time { return time.UnixMilli(w.UnixMilli(at)).UTC() }

// A LabelCount is the number of distinct values that a label has in a family.
type LabelCount struct {
	Name   string
	Values int
}

var countSeed = maphash.MakeSeed()

// CountValues counts the distinct values of each of the family's own labels, without
// those of the overflow series. The label with the most values comes first. CountValues
// visits all series, and uses memory in proportion to the counts.
func (f *Family) CountValues() []LabelCount {
	counts := make([]LabelCount, len(f.layout.names))
	seen := make([]map[uint64]struct{}, len(counts))
	for i, name := range f.layout.names {
		counts[i].Name = name
		seen[i] = make(map[uint64]struct{})
	}
	var values, before []string
	for page := range f.Sorted {
		for _, s := range page {
			if !f.shows(s) || s == f.overflow.Load() {
				continue
			}
			values = s.labels.append(values[:0])
			for i, v := range values {
				// Series are sorted by labels, so a value is often the same as in the
				// previous series.
				if before == nil || before[i] != v {
					seen[i][maphash.String(countSeed, v)] = struct{}{}
				}
			}
			values, before = before, values
		}
	}
	for i := range counts {
		counts[i].Values = len(seen[i])
	}
	if f.states != nil && f.Len() > 0 {
		counts = append(counts, LabelCount{f.states.label, len(f.states.values)})
	}
	slices.SortFunc(counts, func(a, b LabelCount) int {
		return cmp.Or(cmp.Compare(b.Values, a.Values), strings.Compare(a.Name, b.Name))
	})
	return counts
}
