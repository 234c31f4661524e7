//go:build !race

package metric_test

// raceEnabled reports whether the race detector is enabled.
const raceEnabled = false
