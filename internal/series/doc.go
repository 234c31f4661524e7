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
// that an update could want. The exception are histograms with native buckets,
// which a family has to ask for: observing and reading one takes its lock.
//
// # How a series dies
//
// In three steps. Its pulse is stopped, or that of its owner, by a compare-and-swap
// (pulse.go): an update that is under way at the same moment either came first, and
// then there is nothing to stop, or finds it stopped, and then makes a new series.
// It is killed: a mark takes the place of its value, so that an update which was
// interrupted before its last step writes to nobody, but finds the mark, and does
// the same. And it is unlinked from the table and the pages. Nothing can be written
// to a series that is no longer served, whoever still holds a pointer to it.
//
// Time in this package is an Instant, as told by a Clock.
package series
