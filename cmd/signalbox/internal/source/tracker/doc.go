// Package tracker keeps the state of runs, jobs and workers, and turns what CI
// systems report about them into events.
//
// CI systems deliver reports late, twice, in any order, or not at all. The tracker
// remembers the most advanced state that it has seen of each object, so that in
// whatever order and however often deliveries arrive, each attempt is counted once and
// its times are observed once.
//
// A Tracker takes every time as an argument, and its results depend on nothing but the
// sequence of calls. Applying the same calls again leads to the same state and events.
package tracker
