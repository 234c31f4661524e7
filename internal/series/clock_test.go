package series

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// systemClocks are the clocks of a machine that the test advances.
type systemClocks struct{ reading }

func (c *systemClocks) advance(d time.Duration) {
	c.monotonic += int64(d)
	c.wall += int64(d)
}

func (c *systemClocks) read() reading { return c.reading }

func newSystemClocks() *systemClocks {
	return &systemClocks{reading{monotonic: int64(time.Hour), wall: time.UnixMilli(1_700_000_000_000).UnixNano()}}
}

// Setting the system time neither moves the times of the past nor changes their
// distance on the scale of the clock. Nor does a machine that was suspended, during
// which the monotonic clock stands still.
func TestSettingTheSystemTimeDoesNotMoveThePast(t *testing.T) {
	system := newSystemClocks()
	clock := newClock(system.read)
	r := rand.New(rand.NewPCG(1, 2))
	type event struct {
		at   Instant
		wall int64 // in milliseconds
	}
	var events []event
	first, began := clock.Now(), system.monotonic
	for range 500 {
		system.advance(time.Duration(r.IntN(2000)) * time.Millisecond)
		switch r.IntN(4) {
		case 0:
			system.wall += int64(time.Duration(r.IntN(7200)-3600) * time.Second)
		case 1:
			system.wall += int64(time.Duration(r.IntN(100)-50) * time.Millisecond) // too small to matter
		}
		before := clock.Now()
		events = append(events, event{at: clock.Tick()})
		e := &events[len(events)-1]
		if e.at < before {
			t.Fatalf("the clock went backward by %s", time.Duration(before-e.at))
		}
		e.wall = clock.Wall().UnixMilli(e.at)
		if d := time.Duration(e.wall*1e6 - system.wall).Abs(); d > minCorrection+time.Millisecond {
			t.Fatalf("the wall-clock time differs by %s", d)
		}
	}
	wall := clock.Wall()
	for i, e := range events {
		if got := wall.UnixMilli(e.at); got != e.wall {
			t.Fatalf("event %d moved by %d ms", i, got-e.wall)
		}
	}
	if age := time.Duration(clock.Now() - first); age != time.Duration(system.monotonic-began) {
		t.Errorf("got an age of %s, expected %s", age, time.Duration(system.monotonic-began))
	}
}

func TestTheNumberOfCorrectionsIsLimited(t *testing.T) {
	system := newSystemClocks()
	clock := newClock(system.read)
	first := clock.Tick()
	expected := clock.Wall().UnixMilli(first)
	for range maxCorrections + 10 {
		system.advance(time.Second)
		system.wall += int64(time.Hour)
		clock.Tick()
	}
	if n := len(clock.Wall()); n != maxCorrections {
		t.Errorf("got %d corrections, expected %d", n, maxCorrections)
	}
	if got := clock.Wall().UnixMilli(first); got != expected {
		t.Errorf("the first time moved by %d ms", got-expected)
	}
	if got := clock.Wall().UnixMilli(clock.Now()); got != system.wall/1e6 {
		t.Errorf("the current time is %d, expected %d", got, system.wall/1e6)
	}
}

// A gap between ticks does not count, and does not change the times of the past either.
func TestAClockSkipsGaps(t *testing.T) {
	system := newSystemClocks()
	clock := newClock(system.read)
	clock.SkipGaps(time.Second)
	before := clock.Tick()
	past := clock.Wall().UnixMilli(before)
	system.advance(time.Hour)
	after := clock.Tick()
	if d := time.Duration(after - before); d != time.Second {
		t.Errorf("the clock advanced by %s, expected 1s", d)
	}
	if got := clock.Wall().UnixMilli(before); got != past {
		t.Errorf("the past moved by %d ms", got-past)
	}
	if got := clock.Wall().UnixMilli(after); got != system.wall/1e6 {
		t.Errorf("the current time is %d, expected %d", got, system.wall/1e6)
	}
	clock.SkipGaps(0)
	system.advance(time.Hour)
	if d := time.Duration(clock.Tick() - after); d != time.Hour {
		t.Errorf("the clock advanced by %s, expected 1h", d)
	}
}

func TestASteadyClockSkipsGaps(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	clock := NewSteadyClock(func() time.Time { return now })
	clock.SkipGaps(time.Minute)
	var advanced []time.Duration
	last := clock.Now()
	for _, d := range []time.Duration{time.Second, time.Minute, time.Hour, -time.Hour, time.Second} {
		now = now.Add(d)
		at := clock.Tick()
		advanced = append(advanced, time.Duration(at-last))
		last = at
	}
	if expected := []time.Duration{time.Second, time.Minute, time.Minute, 0, time.Second}; !slices.Equal(advanced, expected) {
		t.Errorf("the clock advanced by %v, expected %v", advanced, expected)
	}
}

// Workers that reported until a gap began are not stale when it ends.
func TestAGapExtendsLifetimes(t *testing.T) {
	system := newSystemClocks()
	clock := newClock(system.read)
	clock.SkipGaps(time.Second)
	st := NewStore(Options{Clock: clock, OwnerLimit: time.Minute})
	st.Heartbeat("w", clock.Now())
	system.advance(time.Hour)
	if swept := st.Sweep(clock.Tick(), 0); swept.Owners != 0 {
		t.Error("the worker was removed after a gap")
	}
	for range 59 {
		system.advance(time.Second)
		clock.Tick()
	}
	if swept := st.Sweep(clock.Tick(), 0); swept.Owners != 1 {
		t.Error("the worker was not removed, although it was silent for longer than the limit")
	}
}
