package main

import (
	"math"
	"net/http"
)

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
//
// They are made in no order, as workers and jobs come: what is made in the order of
// the page lies in memory as if for the page.
//
// Whole numbers, and times with milliseconds, are quick to format. A quarter of the
// gauges, the last-seen times counted, have all the digits that there are.
func (s *store) fill(sh *shape, n int) (again func() error) {
	whole := 3 // values in a row
	if sh.lastSeen != "" {
		n, whole = n/2, 1
	}
	keys, value := inNoOrder(sh.keys(n)), 0.0
	again = func() error {
		for i, key := range keys {
			value++
			if i%(whole+1) == whole {
				s.set(key, value*0.37+math.Sqrt2)
			} else {
				s.set(key, value)
			}
		}
		return nil
	}
	again()
	return again
}
