package demo

import "time"

// An agenda is what is to happen, soonest first. Of things that happen at the same
// time, the one that was noted first comes first. It is a binary heap.
type agenda struct {
	entries []entry
	noted   uint64
}

type entry struct {
	at    time.Duration // since the simulation began
	order uint64
	do    func()
}

func (e *entry) before(other *entry) bool {
	return e.at < other.at || e.at == other.at && e.order < other.order
}

// note adds what is to be done at a time.
func (a *agenda) note(at time.Duration, do func()) {
	a.entries = append(a.entries, entry{at, a.noted, do})
	a.noted++
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

// next is when the first thing is to happen. There must be one.
func (a *agenda) next() time.Duration { return a.entries[0].at }

// take takes the first thing off. There must be one.
func (a *agenda) take() entry {
	first := a.entries[0]
	last := len(a.entries) - 1
	a.entries[0] = a.entries[last]
	a.entries[last] = entry{} // lets go of what it was to do
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
