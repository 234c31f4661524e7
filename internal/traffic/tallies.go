package traffic

import (
	"iter"
	"sync"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// Tallies counts received events by name. The count of an event continues when its
// rules change. The zero value is ready to use. Tallies is safe for concurrent use.
type Tallies struct {
	mu     sync.Mutex // protects byName
	byName map[string]*series.Tally

	// Unknown counts unknown events.
	Unknown series.Tally
}

// Of returns the tally of a known event. It creates the tally if necessary. Only the
// operator chooses the names of known events, so their number is bounded.
func (t *Tallies) Of(event string) *series.Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	tally := t.byName[event]
	if tally == nil {
		if t.byName == nil {
			t.byName = make(map[string]*series.Tally)
		}
		tally = new(series.Tally)
		t.byName[event] = tally
	}
	return tally
}

// All yields the names and counts of all events that are or were known. It holds the
// lock during the iteration, so the loop must not call Of.
func (t *Tallies) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for name, tally := range t.byName {
			if !yield(name, tally.Value()) {
				return
			}
		}
	}
}

// Total returns the number of events received, including unknown ones.
func (t *Tallies) Total() uint64 {
	n := t.Unknown.Value()
	for _, count := range t.All() {
		n += count
	}
	return n
}
