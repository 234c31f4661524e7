package series

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// Name is the owner's name.
func (o *Owner) Name() string { return o.name }

// Owners calls yield with the owners that have sent a heartbeat, and when they sent
// the last one, in any order, until it returns false. Those that are yet to be swept
// are among them. No update waits for what yield does.
func (st *Store) Owners(yield func(o *Owner, last Instant) bool) {
	var heard []*Owner
	for i := range st.owners.shards {
		heard = heard[:0]
		sh := &st.owners.shards[i]
		sh.mu.Lock()
		for _, o := range sh.byName {
			if st.lastSeen == nil || o.reported.Load() != unheard {
				heard = append(heard, o)
			}
		}
		sh.mu.Unlock()
		for _, o := range heard {
			if last := o.pulse.last.Load(); last != stopped && !yield(o, Instant(last)) {
				return
			}
		}
	}
}

// OwnerLimit is how long an owner stays without a heartbeat.
func (st *Store) OwnerLimit() time.Duration { return st.ownerLimit }

// Owner is whom the series belongs to; nil if to nobody.
func (s *Series) Owner() *Owner { return s.owner }

// Values appends the values of the series' labels to dst, in the order of the family's labels.
func (f *Family) Values(dst []string, s *Series) []string { return f.layout.values(dst, s.labels) }

// Time is the wall-clock time of an instant, to the millisecond, in UTC.
func (w Wall) Time(at Instant) time.Time { return time.UnixMilli(w.UnixMilli(at)).UTC() }

// A LabelCount is how many values a label has among the series of a family.
type LabelCount struct {
	Name   string
	Values int
}

var countSeed = maphash.MakeSeed()

// CountValues counts the values of each of the family's own labels, the overflow
// series left out; the label that has the most comes first. It looks at all series,
// and takes memory in proportion to the largest count.
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
			if s.dead() || s == f.overflow.Load() {
				continue
			}
			values = f.layout.values(values[:0], s.labels)
			for i, v := range values {
				// In the order of the labels, many have the value of the one before.
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
	slices.SortFunc(counts, func(a, b LabelCount) int {
		return cmp.Or(cmp.Compare(b.Values, a.Values), strings.Compare(a.Name, b.Name))
	})
	return counts
}
