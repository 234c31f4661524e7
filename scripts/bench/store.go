package main

import "net/http"

// A store keeps series of one shape, and serves them: Signalbox does, and its peers.
//
// The first label's value comes with each set, as it would with an event. A
// program could keep the peers' gauges in hand, by worker: then it would keep
// the table of series that is theirs to keep, and would have to look in it. That
// is not the same work, and not measured.
type store struct {
	set  func(key string, value float64)
	page http.Handler
}

// A newStore makes one.
type newStore func(*shape) (*store, error)

// fill makes n series of the shape, or half as many, with as many last-seen times
// besides. It returns what sets each of them again, to another value.
func (s *store) fill(sh *shape, n int) (again func() error) {
	if sh.lastSeen != "" {
		n /= 2
	}
	keys, value := sh.keys(n), 0.0
	again = func() error {
		for _, key := range keys {
			value++
			s.set(key, value)
		}
		return nil
	}
	again()
	return again
}
