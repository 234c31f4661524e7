package traffic

import (
	"iter"
	"sync"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// Tallies counts the events received, by name. A count continues when the event's rules
// change. The zero value is ready to use. It is safe for concurrent use.
type Tallies struct {
	mu     sync.Mutex // protects byName
	byName map[string]*series.Tally

	// Unknown counts the events that no rule knows.
	Unknown series.Tally
}

// Of returns the tally of an event that rules know. Only the operator chooses these
// names, so their number is bounded.
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

// All yields the names and counts of the events that rules know, or knew before. It
// holds the lock while it iterates, so the loop must not call Of.
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
