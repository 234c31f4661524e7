//go:build race

package metric_test

// raceEnabled reports whether the race detector is enabled. The race detector makes
// sync.Pool drop items at random, so tests cannot count allocations.
const raceEnabled = true
