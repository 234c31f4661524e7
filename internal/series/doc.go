// Package series is the store: metric families, their series, and the sweep that
// removes stale series. It knows nothing about events.
//
// # Concurrency
//
// Any number of goroutines may update series while others scrape and sweep. An update
// of an existing series takes no lock: it finds the series in a table that is read with
// atomic loads only (table.go), or has a pointer to it (handle.go), and changes it with
// an atomic operation. A family's lock is held to create a series or to unlink a swept one, each time for a small,
// bounded amount of work. Scrapes walk immutable pages of series in label order
// (order.go), and never block an update of an existing series. Histograms with native
// buckets, which are optional, are an exception: observing and reading such a histogram
// takes its lock.
//
// # How a series is removed
//
// A series is removed in three steps:
//
//  1. Its liveness, or that of its owner, expires by a compare-and-swap (liveness.go).
//     A concurrent update either comes first, which makes the compare-and-swap fail, or
//     finds that the series has expired, and creates a new one.
//  2. The series is killed: a mark replaces its value. An update that passed the first
//     step but was interrupted before it wrote the value finds the mark, and creates a
//     new series as well.
//  3. The series is unlinked from the table and from the pages.
//
// So no update is written to a series that is no longer served, even if a goroutine
// still has a pointer to it.
//
// Times in this package are Instants, read from a Clock.
package series
