//go:build !race

package emitter_test

const raceEnabled = false
