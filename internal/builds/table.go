package builds

import (
	"container/list"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// Texts are cut to these lengths, in bytes.
const (
	maxShortBytes = 64 // of systems and instances
	maxTextBytes  = 256
	maxURLBytes   = 1 << 10
)

// A name identifies an entry of a table: a pipeline, or a class of runners.
type name struct{ system, instance, repository, pipeline, runnerClass string }

// newName returns a name with short texts. They can be parts of a large request.
func newName(system, instance, repository, pipeline, runnerClass string) name {
	return name{
		excerpt.Prefix(system, maxShortBytes), excerpt.Prefix(instance, maxShortBytes),
		excerpt.Prefix(repository, maxTextBytes), excerpt.Prefix(pipeline, maxTextBytes), excerpt.Prefix(runnerClass, maxTextBytes),
	}
}

func (n name) clone() name {
	return name{strings.Clone(n.system), strings.Clone(n.instance), strings.Clone(n.repository), strings.Clone(n.pipeline), strings.Clone(n.runnerClass)}
}

func (n name) compare(m name) int {
	return slices.Compare([]string{n.repository, n.pipeline, n.runnerClass, n.system, n.instance}, []string{m.repository, m.pipeline, m.runnerClass, m.system, m.instance})
}

// An entry has the window of a pipeline or of a class of runners.
type entry struct {
	name
	window
	at     int           // index in table.entries, or -1 when it has been removed
	active *list.Element // in table.active
}

// entryBytes is the memory for an entry without its texts and cells, and for its places
// in the table.
const entryBytes = 168 + 48 + 200

func (e *entry) size() int64 {
	return entryBytes + 8*int64(cap(e.cells)) +
		int64(len(e.system)+len(e.instance)+len(e.repository)+len(e.pipeline)+len(e.runnerClass))
}

// A table has a bounded number of entries, in a bounded amount of memory. Beyond it, the
// entry that has been inactive for the longest time is forgotten.
type table struct {
	maxEntries int
	maxBytes   int64
	memory     *membudget.Budget // counts what the table uses; may be nil

	byName    map[name]*entry
	entries   []*entry
	active    list.List // of *entry; the first one has been inactive for the longest time
	bytes     int64
	forgotten uint64 // those that were removed because of the limits
	pruned    slot   // when prune found nothing more to remove
}

// count counts keys for the entry with the name, which it adds if necessary.
func (t *table) count(n name, at, now slot, keys ...key) {
	if at = min(at, now); hourOf(at) < now-slotsPerDay {
		return
	}
	e := t.byName[n]
	if e == nil {
		e = &entry{name: n.clone(), at: len(t.entries)}
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

// prune removes entries without anything in the last day, except one, a few at a time.
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
