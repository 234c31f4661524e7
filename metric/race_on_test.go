//go:build race

package metric_test

// raceEnabled reports whether the race detector is on. It makes sync.Pool drop items at
// random, so that allocations cannot be counted.
const raceEnabled = true
