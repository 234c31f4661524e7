package aggregator

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

func newPlain(t *testing.T, options ...Option) *Aggregator {
	t.Helper()
	a, err := New(lager.NewLogger("test"), nil, time.Minute, nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAgentsOfOneHash lets agents share a hash, of which there is no other way to
// have some.
func TestAgentsOfOneHash(t *testing.T) {
	a := newPlain(t)
	var agents []*agent
	for i := range 4 {
		agents = append(agents, a.makeAgent(42, []string{fmt.Sprint(i), "", "", ""}))
	}
	for _, i := range []int{2, 3, 0} { // in the middle, first, last
		a.forgetAgent(agents[i])
		agents[i] = nil
		for k, ag := range agents {
			if found := a.findAgent(42, []string{fmt.Sprint(k), "", "", ""}); found != ag {
				t.Errorf("after %d was forgotten, %d is %v, want %v", i, k, found, ag)
			}
		}
	}
	a.forgetAgent(agents[1])
	if len(a.agents.byHash) != 0 {
		t.Error("not all are forgotten")
	}
}

// TestAgentIsForgottenMeanwhile forgets an agent while an update is on its way to it.
func TestAgentIsForgottenMeanwhile(t *testing.T) {
	a := newPlain(t)
	values := []string{"alice", "", "", ""}
	ag := a.lockAgent(values)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Update(context.Background(), Labels{Username: "alice"}, []Metric{{Name: "x", Type: Gauge, Value: 1}}); err != nil {
			t.Error(err)
		}
	})
	for range 100 {
		runtime.Gosched()
	}
	a.forgetIfEmpty(ag)
	ag.mu.Unlock()
	wg.Wait()
	if now := a.lockAgent(values); now == ag || len(now.entries) != 1 {
		t.Errorf("the update went to an agent that is forgotten")
	}
}

// TestNothingIsKept pushes other series every time, and nobody scrapes: what has
// expired must not stay in memory.
func TestNothingIsKept(t *testing.T) {
	now := time.Unix(1e9, 0)
	a := newPlain(t, WithClock(func() time.Time { return now }))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	round := func(n int) {
		var metrics []Metric
		for i := range 1000 {
			metrics = append(metrics, Metric{Name: fmt.Sprintf("x%d", i%3), Type: Gauge, Labels: []Label{{Name: "l", Value: fmt.Sprint(n, "-", i)}}})
		}
		if err := a.Update(context.Background(), Labels{Username: fmt.Sprint(n)}, metrics); err != nil {
			t.Fatal(err)
		}
		if err := a.Update(context.Background(), Labels{Username: "stays"}, metrics[:3]); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Second)
		a.Sweep()
	}
	for n := range 10 {
		round(n)
	}
	before := heap()
	for n := range 100 {
		round(10 + n)
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("it grew from %d to %d KiB", before>>10, after>>10)
	}
}

// Flushed is what the storage says after an attempt to bring pushes to disk.
func Flushed(a *Aggregator, err error) { a.jobs.flushed(1, time.Millisecond, err) }
