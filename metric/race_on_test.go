//go:build race

package metric_test

// raceEnabled: under the race detector a sync.Pool drops items at random, and
// so allocations cannot be counted.
const raceEnabled = true
