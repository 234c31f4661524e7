package emitter

import (
	"iter"
	"sync"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// tallies count the events that were received, by name. They outlive the plans that
// count with them: an event goes on counting from where it was when its rules change.
// Its zero value is ready to use.
type tallies struct {
	mu     sync.Mutex // guards byName
	byName map[string]*series.Tally

	// unplanned are the events that no rule knows.
	unplanned series.Tally
}

// of returns the tally of an event that rules know, made if need be. Only the
// operator chooses these names, so there are never many.
func (t *tallies) of(event string) *series.Tally {
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

// all are the names and counts of the events that rules know, or knew. It holds the
// lock while it yields, so of must not be called in between.
func (t *tallies) all() iter.Seq2[string, uint64] {
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

// total is how many events were received, unknown ones included.
func (t *tallies) total() uint64 {
	n := t.unplanned.Value()
	for _, count := range t.all() {
		n += count
	}
	return n
}
