package tracker_test

import (
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// BenchmarkApply applies the three changes of each object. The table is full.
func BenchmarkApply(b *testing.B) {
	tr, now := tracker.New(tracker.Options{}), start
	states := []tracker.State{tracker.Queued, tracker.Started, tracker.Ended}
	changes := make([]tracker.Change, 300_000)
	for i := range changes {
		changes[i] = realistic(i/3, states[i%3], now)
	}
	for _, c := range changes {
		tr.Apply(c, now)
	}
	tr.Tick(now.Add(26 * time.Hour)) // forgets all
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(changes) == 0 {
			tr.Tick(now.Add(26 * time.Hour))
		}
		tr.Apply(changes[i%len(changes)], now)
	}
}

// BenchmarkDuplicate applies a change that has no effect.
func BenchmarkDuplicate(b *testing.B) {
	tr, c := tracker.New(tracker.Options{}), realistic(1, tracker.Ended, start)
	b.ReportAllocs()
	for b.Loop() {
		tr.Apply(c, start)
	}
}

// BenchmarkTick calls Tick with 100,000 active jobs.
func BenchmarkTick(b *testing.B) {
	tr := tracker.New(tracker.Options{})
	for n := range 100_000 {
		tr.Apply(realistic(n, tracker.State(1+n%3), start), start)
	}
	b.ReportAllocs()
	for b.Loop() {
		tr.Tick(start)
	}
}
