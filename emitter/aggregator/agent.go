package aggregator

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// An agent is identified by the values of its base labels. It has the series that were
// pushed with them.
type agent struct {
	hash   uint64
	values []string // of the base labels
	next   *agent   // next agent with the same hash; protected by Agents.mu

	// updated is the Instant of the last update that was applied at least in part.
	updated atomic.Int64

	// mu protects the following fields. An update holds it; a sweep and the overview
	// hold it while they examine this agent. A sweep only tries to lock it. Scrapes do
	// not need it. It is locked before Agents.mu and the store's lock.
	mu      sync.Mutex
	removed bool             // the agent was removed: the next update creates a new one
	entries []entry          // in the order of their first push
	cursor  int              // index of the entry that find tries first
	updates uint64           // number of updates
	version uint64           // see otherNames.version; at the last update
	index   map[uint64]int32 // by hash of a metric; index of its first entry
	dropped int              // number of entries that an update has dropped

	// byFamily contains the indexes of the entries by family. It is nil unless the
	// current update has changed the type of a metric.
	byFamily map[*series.OpenFamily][]int32

	normalized, inKey []Label // results of normalize and pieces, reused by the next call

	// clashed contains the errors of metrics that conflict with other families, for the
	// current update; it may be nil. These errors are cached because the check takes
	// time proportional to the number of series.
	clashed map[clashKey]error
}

// A clashKey identifies a metric by its name and type.
type clashKey struct {
	name string
	typ  Type
}

// An entry is one series of an agent. Its size is limited to 64 bytes, and its key is a
// single string, so that an update touches few cache lines.
type entry struct {
	update uint64 // number of the agent's latest update that contained the series
	next   int32  // index of the next entry with the same hash; -1 if there is none
	typ    Type
	summed bool   // whether series is a sum of several agents' counters
	key    string // see appendKey; empty if the entry was dropped

	family *series.OpenFamily
	series *series.OpenSeries

	// If summed: the last value of the counter, and the instant at which it expires.
	last     float64
	deadline series.Instant
}

// find returns the agent's entry for a metric, or nil. Agents usually push the same
// metrics and labels in the same order. So find first tries the entry that follows the
// one it found last, which needs no hash.
func (ag *agent) find(m *Metric) *entry {
	if ag.cursor < len(ag.entries) && ag.entries[ag.cursor].matches(m.Name, m.Labels) {
		ag.cursor++
		return &ag.entries[ag.cursor-1]
	}
	labels := ag.normalize(m.Labels)
	for i := ag.first(hashMetric(m.Name, labels)); i >= 0; i = ag.entries[i].next {
		e := &ag.entries[i]
		if e.key == "" {
			continue
		}
		if name, pushed := ag.pieces(e); name == m.Name && slices.Equal(pushed, labels) {
			ag.cursor = int(i) + 1
			return e
		}
	}
	return nil
}

// appendKey appends the key of an entry to b. The key consists of the metric's name and
// the names and values of its labels, in the order of the first push. Each piece is
// preceded by its length in two bytes. Empty labels are omitted.
func appendKey(b []byte, name string, labels []Label) []byte {
	b = appendPiece(b, name)
	for _, l := range labels {
		if l.Value != "" {
			b = appendPiece(appendPiece(b, l.Name), l.Value)
		}
	}
	return b
}

// pieces returns the name and the labels in the entry's key. The labels are sorted.
// They are valid until the next call.
func (ag *agent) pieces(e *entry) (name string, labels []Label) {
	next := func(key string) (piece, rest string) {
		n := 2 + int(key[0]) + int(key[1])<<8
		return key[2:n], key[n:]
	}
	ag.inKey = ag.inKey[:0]
	name, rest := next(e.key)
	for rest != "" {
		var l Label
		l.Name, rest = next(rest)
		l.Value, rest = next(rest)
		ag.inKey = append(ag.inKey, l)
	}
	sortLabels(ag.inKey)
	return name, ag.inKey
}

func appendPiece(b []byte, s string) []byte {
	return append(append(b, byte(len(s)), byte(len(s)>>8)), s...)
}

// matches reports whether the entry has this name and these labels. It returns false if
// the order of the labels differs from the first push.
func (e *entry) matches(name string, labels []Label) bool {
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

// cutPiece returns the key without the piece s at its beginning. ok is false if the key
// does not begin with s.
func cutPiece(key, s string) (rest string, ok bool) {
	n := 2 + len(s)
	if len(key) < n || int(key[0])|int(key[1])<<8 != len(s) || key[2:n] != s {
		return "", false
	}
	return key[n:], true
}

// normalize returns the labels sorted by name, without empty ones. They are valid until
// the next call.
func (ag *agent) normalize(labels []Label) []Label {
	ag.normalized = ag.normalized[:0]
	for _, l := range labels {
		if l.Value != "" {
			ag.normalized = append(ag.normalized, l)
		}
	}
	sortLabels(ag.normalized)
	return ag.normalized
}

// first returns the index of the first entry with the hash, or -1.
func (ag *agent) first(hash uint64) int32 {
	if i, ok := ag.index[hash]; ok {
		return i
	}
	return -1
}

// add adds an entry.
func (ag *agent) add(e entry) *entry {
	ag.entries = append(ag.entries, e)
	last := len(ag.entries) - 1
	ag.addToIndex(last)
	if ag.byFamily != nil {
		ag.byFamily[e.family] = append(ag.byFamily[e.family], int32(last))
	}
	return &ag.entries[last]
}

// inFamily returns the indexes of the entries of a family. The first call in an update
// visits all entries, so an update that changes the type of each of its metrics takes
// time proportional to their number.
func (ag *agent) inFamily(f *series.OpenFamily) []int32 {
	if ag.byFamily == nil {
		ag.byFamily = make(map[*series.OpenFamily][]int32)
		for i := range ag.entries {
			if e := &ag.entries[i]; e.key != "" {
				ag.byFamily[e.family] = append(ag.byFamily[e.family], int32(i))
			}
		}
	}
	return ag.byFamily[f]
}

// drop marks an entry as dropped, so that find no longer returns it. The indexes of
// other entries remain valid. The update must call finish at its end.
func (ag *agent) drop(e *entry) {
	e.key = ""
	ag.dropped++
}

// finish ends an update: it removes the dropped entries.
func (ag *agent) finish() {
	ag.byFamily, ag.clashed = nil, nil
	if ag.dropped > 0 {
		ag.dropped = 0
		ag.remove(func(e *entry) bool { return e.key == "" })
	}
}

// addToIndex adds the i-th entry to the index.
func (ag *agent) addToIndex(i int) {
	e := &ag.entries[i]
	name, labels := ag.pieces(e)
	hash := hashMetric(name, labels)
	e.next = ag.first(hash)
	ag.index[hash] = int32(i)
}

// remove removes the entries for which del returns true, and returns them.
func (ag *agent) remove(del func(*entry) bool) (removed []entry) {
	kept := 0
	for i := range ag.entries {
		if e := ag.entries[i]; del(&ag.entries[i]) {
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
			ag.addToIndex(i)
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
