package simulate

import "time"

// An Agenda is the time of a simulation and a priority queue of the actions to run, by
// simulated time. Actions with the same time are in the order in which they were added.
// The zero value is an empty Agenda at the beginning of time.
type Agenda struct {
	// Now is the simulated time since the simulation began.
	Now time.Duration

	entries []entry // a binary heap
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

// After adds an action to run in d of simulated time.
func (a *Agenda) After(d time.Duration, do func()) { a.add(a.Now+d, do) }

// Next returns the time of the first action. The agenda must not be empty.
func (a *Agenda) Next() time.Duration { return a.entries[0].at }

// Step runs the first action. The agenda must not be empty.
func (a *Agenda) Step() {
	first := a.pop()
	a.Now = first.at
	first.do()
}

// Advance runs all actions up to a simulated time.
func (a *Agenda) Advance(until time.Duration) {
	for len(a.entries) > 0 && a.Next() <= until {
		a.Step()
	}
	a.Now = until
}

// add adds an action to run at a time.
func (a *Agenda) add(at time.Duration, do func()) {
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

// pop removes and returns the first entry. The agenda must not be empty.
func (a *Agenda) pop() entry {
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
