package demo

import "time"

// An agenda is a priority queue of actions by simulated time, implemented as a binary
// heap. Actions with the same time are in the order in which they were added.
type agenda struct {
	entries []entry
	added   uint64
}

type entry struct {
	at    time.Duration // since the simulation began
	order uint64
	do    func()
}

func (e *entry) before(other *entry) bool {
	return e.at < other.at || e.at == other.at && e.order < other.order
}

// add adds an action to run at a time.
func (a *agenda) add(at time.Duration, do func()) {
	a.entries = append(a.entries, entry{at, a.added, do})
	a.added++
	i := len(a.entries) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !a.entries[i].before(&a.entries[parent]) {
			return
		}
		a.entries[i], a.entries[parent] = a.entries[parent], a.entries[i]
		i = parent
	}
}

// next returns the time of the first entry. The agenda must not be empty.
func (a *agenda) next() time.Duration { return a.entries[0].at }

// pop removes and returns the first entry. The agenda must not be empty.
func (a *agenda) pop() entry {
	first := a.entries[0]
	last := len(a.entries) - 1
	a.entries[0] = a.entries[last]
	a.entries[last] = entry{} // so that the action can be garbage collected
	a.entries = a.entries[:last]
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && a.entries[child+1].before(&a.entries[child]) {
			child++
		}
		if !a.entries[child].before(&a.entries[i]) {
			return first
		}
		a.entries[i], a.entries[child] = a.entries[child], a.entries[i]
		i = child
	}
}
