//go:build !race

package metric_test

// raceEnabled tells whether the race detector is on.
const raceEnabled = false
