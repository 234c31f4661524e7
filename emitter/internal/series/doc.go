// Package series is the store: metric families, their series, and the sweep
// that takes away what went stale. It has never heard of events.
//
// # What runs at the same time
//
// Updates come from any number of goroutines, scrapes and sweeps from others.
// An update of a series that exists takes no lock: it finds the series in a
// table that is only ever read with atomic loads (table.go), and changes it
// with one atomic operation. A family's lock is taken to create a series or to
// unlink a swept one, for a bounded, small amount of work each time. Scrapes
// walk immutable pages of series in label order (order.go) and take no lock
// that an update could want.
//
// # How a series dies
//
// A swept series is first killed, then unlinked. Killing swaps its value for a
// mark in one compare-and-swap, so an update that is under way at the same
// moment either came first, and then the series is no longer stale, or finds
// the mark, and then goes to a new series instead. Nothing can be written to a
// series that is no longer served, whoever still holds a pointer to it.
//
// Time in this package is an Instant, as told by a Clock.
package series
