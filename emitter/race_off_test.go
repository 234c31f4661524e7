//go:build !race

package emitter_test

// raceEnabled reports whether the race detector is enabled.
const raceEnabled = false
