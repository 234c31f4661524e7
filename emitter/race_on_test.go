//go:build race

package emitter_test

// raceEnabled tells that pools drop some of what is put in, which costs allocations.
const raceEnabled = true
