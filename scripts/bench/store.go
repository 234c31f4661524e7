package main

import (
	"math"
	"net/http"
)

// A store holds series of one shape and serves them: Signalbox, or one of its peers.
//
// Each call of set has the value of the first label, as an event would. A program could
// also keep the gauges of a peer in its own map by worker. But then it would do part of
// the work of the store, so this is not measured.
type store struct {
	set  func(key string, value float64)
	page http.Handler
}

// A newStore function creates a store.
type newStore func(*shape) (*store, error)

// fill creates n series in total: n of the shape or, if it has last-seen times, n/2 of
// the shape and n/2 last-seen times. It returns a function that sets each series to a
// new value.
//
// The series are created in the order into which arrange brings their keys. With
// shuffle, it is as random as the order in which workers and jobs appear. With
// slices.Sort, it is the order of the page, so a scrape reads memory in order.
//
// Integers, and times in milliseconds, are fast to format. So a quarter of all gauges
// have fractions with all digits; the last-seen times are in the other three quarters.
func (s *store) fill(sh *shape, n int, arrange func([]string)) (update func() error) {
	integers := 3 // in a row
	if sh.lastSeen != "" {
		n, integers = n/2, 1
	}
	keys, value := sh.keys(n), 0.0
	arrange(keys)
	update = func() error {
		for i, key := range keys {
			value++
			if i%(integers+1) == integers {
				s.set(key, value*0.37+math.Sqrt2)
			} else {
				s.set(key, value)
			}
		}
		return nil
	}
	update()
	return update
}
