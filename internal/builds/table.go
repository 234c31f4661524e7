package builds

import (
	"cmp"
	"container/list"
	"slices"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// An entry contains the window of a pipeline or of a class of runners.
type entry struct {
	window
	name   string        // the bytes of its texts
	at     int           // index in table.entries, or -1 when it has been removed
	active *list.Element // in table.active
}

// entryBytes is the memory in bytes for an entry without its texts and cells, and for
// the references to it in the table.
const entryBytes = 64 + 48 + 70

func (e *entry) size() int64 { return entryBytes + 8*int64(cap(e.cells)) + int64(len(e.name)) }

// texts returns the texts that identify the entry.
func (e *entry) texts() texts { return texts(e.name) }

// compare orders entries by their texts, the system and the instance last.
func (e *entry) compare(other *entry) int {
	a, b := e.texts().list(), other.texts().list()
	return cmp.Or(slices.Compare(a[textRepository:], b[textRepository:]), slices.Compare(a, b))
}

// A table has a bounded number of entries, in a bounded amount of memory. Beyond either
// limit, it forgets the entry that has been inactive for the longest time.
type table struct {
	maxEntries int
	maxBytes   int64
	memory     *membudget.Budget // counts what the table uses; may be nil

	byName    map[string]*entry
	entries   []*entry
	active    list.List // of *entry; the first one has been inactive for the longest time
	bytes     int64
	forgotten uint64 // number of entries that were removed because of the limits
	pruned    slot   // when prune found nothing more to remove
}

// count counts keys in the slot at, for the entry with the texts, which it adds if
// necessary. It ignores slots that are more than a day before now.
func (t *table) count(name texts, at, now slot, keys ...key) {
	if at = min(at, now); hourOf(at) < now-slotsPerDay {
		return
	}
	e := t.byName[string(name)]
	if e == nil {
		e = &entry{name: string(name), at: len(t.entries)}
		t.byName[e.name] = e
		t.entries = append(t.entries, e)
		e.active = t.active.PushBack(e)
		t.use(e.size())
	}
	t.active.MoveToBack(e.active)
	before := e.size()
	for _, k := range keys {
		e.add(k, at, now)
	}
	t.use(e.size() - before)
	for t.first() != e && (len(t.entries) > t.maxEntries || t.bytes > t.maxBytes) {
		t.forgotten++
		t.remove(t.first())
	}
	if now != t.pruned {
		t.prune(e, now)
	}
}

// prune removes up to two entries that have no counts in the last day, other than
// except.
func (t *table) prune(except *entry, now slot) {
	for range 2 {
		old := t.first()
		if old == except || len(old.since(now-slotsPerDay, now)) > 0 {
			t.pruned = now
			return
		}
		t.remove(old)
	}
}

func (t *table) use(bytes int64) {
	t.bytes += bytes
	t.memory.Add(bytes)
}

// first returns the entry that has been inactive for the longest time.
func (t *table) first() *entry { return t.active.Front().Value.(*entry) }

func (t *table) remove(e *entry) {
	t.active.Remove(e.active)
	delete(t.byName, e.name)
	last := t.entries[len(t.entries)-1]
	t.entries[e.at], last.at = last, e.at
	t.entries[len(t.entries)-1] = nil
	t.entries = t.entries[:len(t.entries)-1]
	e.at = -1
	t.use(-e.size())
}
