package aggregator

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// An agent is one set of values of the base labels, and the series that were pushed
// with them.
type agent struct {
	hash   uint64
	values []string // of the base labels
	next   *agent   // with the same hash; protected by Agents.mu

	// updated is the Instant of the last update that was applied, if only in part.
	updated atomic.Int64

	// mu protects the following fields. An update holds it, and so does a sweep while
	// it looks at this agent; a scrape does not. It is locked before Agents.mu and the
	// store's lock.
	mu                sync.Mutex
	gone              bool    // the agent was removed: the next update creates a new one
	entries           []entry // in the order of their first push
	cursor            int     // index of the entry that find probably needs next
	round             uint64  // number of updates
	index             map[uint64]int32
	scratch, compared []Label

	// clashed are the metrics that the current update cannot push, or nil. Checking a
	// metric takes time proportional to the number of series.
	clashed map[clashKey]error
}

// A clashKey identifies a metric by its name and type.
type clashKey struct {
	name string
	typ  Type
}

// An entry is one series of an agent. It has 64 bytes and a key of one string, so that
// finding it touches few cache lines if the series do not fit into the caches.
type entry struct {
	round  uint64 // of the agent's latest update that contained the series
	next   int32  // index of the next entry with the same hash; -1 if there is none
	typ    Type
	summed bool
	key    string // see appendKey

	family *series.OpenFamily
	series *series.OpenSeries

	// For a counter whose series is a sum: its last value, and when that value expires.
	last     float64
	deadline series.Instant
}

// find returns the agent's entry for a metric, or nil. Agents push the same metrics and
// labels in the same order every time, so it first tries the entry after the one found
// last, which takes a comparison but no hash.
func (ag *agent) find(m *Metric) *entry {
	if ag.cursor < len(ag.entries) && ag.entries[ag.cursor].is(m.Name, m.Labels) {
		ag.cursor++
		return &ag.entries[ag.cursor-1]
	}
	labels := ag.normal(m.Labels)
	for i := ag.first(hashMetric(m.Name, labels)); i >= 0; i = ag.entries[i].next {
		e := &ag.entries[i]
		if name, pushed := ag.pieces(e); name == m.Name && slices.Equal(pushed, labels) {
			ag.cursor = int(i) + 1
			return e
		}
	}
	return nil
}

// appendKey appends the key of an entry: the metric's name and its labels, in the order
// of the first push. The length of each piece precedes it, in two bytes. Empty labels
// are left out.
func appendKey(b []byte, name string, labels []Label) []byte {
	b = appendPiece(b, name)
	for _, l := range labels {
		if l.Value != "" {
			b = appendPiece(appendPiece(b, l.Name), l.Value)
		}
	}
	return b
}

// pieces returns the name and the labels in the entry's key. The labels are sorted, and
// valid until the next call.
func (ag *agent) pieces(e *entry) (name string, labels []Label) {
	next := func(key string) (piece, rest string) {
		n := 2 + int(key[0]) + int(key[1])<<8
		return key[2:n], key[n:]
	}
	ag.compared = ag.compared[:0]
	name, rest := next(e.key)
	for rest != "" {
		var l Label
		l.Name, rest = next(rest)
		l.Value, rest = next(rest)
		ag.compared = append(ag.compared, l)
	}
	sortLabels(ag.compared)
	return name, ag.compared
}

func appendPiece(b []byte, s string) []byte {
	return append(append(b, byte(len(s)), byte(len(s)>>8)), s...)
}

// is reports whether the entry is that of the metric, with the labels in the order of
// the first push.
func (e *entry) is(name string, labels []Label) bool {
	rest, ok := cutPiece(e.key, name)
	for i := range labels {
		if l := &labels[i]; l.Value != "" && ok {
			if rest, ok = cutPiece(rest, l.Name); ok {
				rest, ok = cutPiece(rest, l.Value)
			}
		}
	}
	return ok && rest == ""
}

// cutPiece removes s from the beginning of a key. ok is false if the key does not begin
// with it.
func cutPiece(key, s string) (rest string, ok bool) {
	n := 2 + len(s)
	if len(key) < n || int(key[0])|int(key[1])<<8 != len(s) || key[2:n] != s {
		return "", false
	}
	return key[n:], true
}

// normal returns the labels sorted and without empty ones. They are valid until the
// next call.
func (ag *agent) normal(labels []Label) []Label {
	ag.scratch = ag.scratch[:0]
	for _, l := range labels {
		if l.Value != "" {
			ag.scratch = append(ag.scratch, l)
		}
	}
	sortLabels(ag.scratch)
	return ag.scratch
}

func (ag *agent) first(hash uint64) int32 {
	if i, ok := ag.index[hash]; ok {
		return i
	}
	return -1
}

// add adds an entry for the metric. It copies the strings, which may be part of a large
// request.
func (ag *agent) add(e entry, m *Metric) *entry {
	e.key = string(appendKey(nil, m.Name, m.Labels))
	ag.entries = append(ag.entries, e)
	ag.enter(len(ag.entries) - 1)
	return &ag.entries[len(ag.entries)-1]
}

// enter adds an entry to the index.
func (ag *agent) enter(i int) {
	e := &ag.entries[i]
	name, labels := ag.pieces(e)
	hash := hashMetric(name, labels)
	e.next = ag.first(hash)
	ag.index[hash] = int32(i)
}

// remove removes the entries for which gone returns true, and returns them.
func (ag *agent) remove(gone func(*entry) bool) (removed []entry) {
	kept := 0
	for i := range ag.entries {
		if e := ag.entries[i]; gone(&ag.entries[i]) {
			removed = append(removed, e)
		} else {
			ag.entries[kept] = e
			kept++
		}
	}
	if len(removed) > 0 {
		clear(ag.entries[kept:])
		ag.entries = ag.entries[:kept]
		ag.cursor = 0
		clear(ag.index)
		for i := range ag.entries {
			ag.enter(i)
		}
	}
	return removed
}

func hashMetric(name string, labels []Label) uint64 {
	h := maphash.String(hashSeed, name)
	for i := range labels {
		h = h*31 + maphash.String(hashSeed, labels[i].Name)
		h = h*31 + maphash.String(hashSeed, labels[i].Value)
	}
	return h
}
