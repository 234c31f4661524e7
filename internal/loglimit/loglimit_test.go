package loglimit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type step struct {
	now      time.Duration
	ok       bool
	unlogged uint64
}

func expect(t *testing.T, l *Limiter, steps []step) {
	t.Helper()
	for i, s := range steps {
		if ok, unlogged := l.Allow(time.Hour + s.now); ok != s.ok || unlogged != s.unlogged {
			t.Errorf("step %d, at %v: got %v, %d unlogged; expected %v, %d", i, s.now, ok, unlogged, s.ok, s.unlogged)
		}
	}
}

func TestOneMessagePerSecond(t *testing.T) {
	expect(t, new(Limiter), []step{
		{0, true, 0},
		{0, false, 0},
		{time.Second - 1, false, 0},
		{time.Second, true, 2},
		{10 * time.Second, true, 0},
		{10 * time.Second, false, 0},
		{time.Second, true, 1}, // the clock was set back
		{time.Second + 1, false, 0},
	})
}

func TestABurst(t *testing.T) {
	expect(t, &Limiter{Burst: 3}, []step{
		{0, true, 0},
		{0, true, 0},
		{0, true, 0},
		{0, false, 0},
		{time.Second, true, 1},
		{time.Second, false, 0},
		{3 * time.Second, true, 1}, // two were due
		{3 * time.Second, true, 0},
		{3 * time.Second, false, 0},
		{time.Hour, true, 1}, // after a quiet period, the full burst is available again
		{time.Hour, true, 0},
		{time.Hour, true, 0},
		{time.Hour, false, 0},
	})
}

func TestALimiterIsSafeForConcurrentUse(t *testing.T) {
	l := &Limiter{Burst: 5}
	var allowed, unlogged atomic.Uint64
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 1000 {
				if ok, n := l.Allow(time.Hour); ok {
					allowed.Add(1)
					unlogged.Add(n)
				}
			}
		})
	}
	running.Wait()
	_, rest := l.Allow(2 * time.Hour)
	if allowed.Load() != 5 || unlogged.Load()+rest != 4000-5 {
		t.Errorf("got %d allowed and %d unlogged, expected 5 and %d", allowed.Load(), unlogged.Load()+rest, 4000-5)
	}
}

func TestAllowDoesNotAllocate(t *testing.T) {
	l := new(Limiter)
	if n := testing.AllocsPerRun(100, func() { l.Allow(time.Hour) }); n != 0 {
		t.Errorf("got %v allocations, expected 0", n)
	}
}
