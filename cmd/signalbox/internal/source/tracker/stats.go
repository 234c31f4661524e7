package tracker

import (
	"maps"
	"slices"
)

// phases are the states of objects as label values.
var phases = [...]string{"pending", "blocked", "executing", "ended", "available", "busy", "offline"}

const (
	phaseEnded   = int(Ended) - 1
	phaseOffline = int(Offline) - 1
)

// A system contains the counts of the objects of a CI system.
type system struct {
	entries, expired, evicted [len(phases)]uint64
	anomalies                 [anomalyKinds]uint64
	hasWorkers                bool // reported at least one
}

// Stats are statistics about a tracker. The counts are sorted by system.
type Stats struct {
	// Entries are the numbers of objects in the table by state: pending, blocked,
	// executing and ended. The last one includes objects that have expired, and runs
	// that are only known from their jobs. Systems that report workers also have the
	// states available, busy and offline.
	Entries []Count

	// Expired are the numbers of objects that reached QueuedLimit or RunningLimit, by
	// state. Evicted are the numbers of objects that were removed because of
	// MaxObjects or ObjectBytes, by state.
	Expired, Evicted []Count

	// Anomalies are the numbers of anomalies by kind, in accepted changes.
	Anomalies []Count
}

// A Count is a number of objects or anomalies.
type Count struct {
	System string
	Name   string // the state or the kind of anomaly
	Count  uint64
}

// Stats returns the current statistics. It includes counts that are 0, for the systems
// in Options and each system that had a change.
func (t *Tracker) Stats() Stats {
	var s Stats
	for _, name := range slices.Sorted(maps.Keys(t.systems)) {
		system := t.systems[name]
		for i, phase := range phases {
			if i > phaseEnded && !system.hasWorkers {
				break
			}
			s.Entries = append(s.Entries, Count{name, phase, system.entries[i]})
			s.Evicted = append(s.Evicted, Count{name, phase, system.evicted[i]})
			if i < phaseEnded {
				s.Expired = append(s.Expired, Count{name, phase, system.expired[i]})
			}
		}
		for a := NegativeQueue; a < anomalyKinds; a++ {
			s.Anomalies = append(s.Anomalies, Count{name, a.String(), system.anomalies[a]})
		}
	}
	return s
}

// system returns the counts of a CI system, and creates them if necessary.
func (t *Tracker) system(name string) *system {
	s := t.systems[name]
	if s == nil {
		s = &system{}
		t.systems[name] = s
	}
	return s
}

func (s *system) count(anomalies [anomalyKinds]uint64) {
	for a, n := range anomalies {
		s.anomalies[a] += n
	}
}
