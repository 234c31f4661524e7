package aggregator

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

func newPlain(t *testing.T) *Agents {
	t.Helper()
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a.Agents
}

// TestAgentsOfOneHash gives several agents one hash, which no test could find otherwise.
func TestAgentsOfOneHash(t *testing.T) {
	a := newPlain(t)
	var agents []*agent
	for i := range 4 {
		agents = append(agents, a.add(42, []string{fmt.Sprint(i), "", "", ""}))
	}
	for _, i := range []int{2, 3, 0} { // in the middle, first, last
		a.forget(agents[i])
		agents[i] = nil
		for k, ag := range agents {
			if found := a.find(42, []string{fmt.Sprint(k), "", "", ""}); found != ag {
				t.Errorf("after %d was forgotten, %d is %v, want %v", i, k, found, ag)
			}
		}
	}
	a.forget(agents[1])
	if len(a.byHash) != 0 {
		t.Error("not all are forgotten")
	}
}

// TestAgentIsForgottenMeanwhile forgets an agent while an update is on its way to it.
func TestAgentIsForgottenMeanwhile(t *testing.T) {
	a := newPlain(t)
	values := []string{"alice", "", "", ""}
	ag := a.lock(values)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Update(context.Background(), Labels{Username: "alice"}, []Metric{{Name: "x", Type: Gauge, Value: 1}}); err != nil {
			t.Error(err)
		}
	})
	for range 100 {
		runtime.Gosched()
	}
	a.forget(ag)
	ag.mu.Unlock()
	wg.Wait()
	if now := a.lock(values); now == ag || len(now.entries) != 1 {
		t.Errorf("the update went to an agent that is forgotten")
	}
}

// TestNothingIsKept pushes other series every time, and nobody scrapes: what has
// expired must not stay in memory.
func TestNothingIsKept(t *testing.T) {
	now := time.Unix(1e9, 0)
	a, err := New(Options{Clock: func() time.Time { return now }, AgentTTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
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
		if err := a.Agents.Update(context.Background(), Labels{Username: fmt.Sprint(n)}, metrics); err != nil {
			t.Fatal(err)
		}
		if err := a.Agents.Update(context.Background(), Labels{Username: "stays"}, metrics[:3]); err != nil {
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

// Flushed does what happens after an attempt to write pushes to disk.
func Flushed(a *Aggregator, err error) { a.Groups.flushed(1, time.Millisecond, err) }

// The sections of the overview.
type (
	GroupsSection = groupsSection
	GroupEntry    = groupEntry
	AgentsSection = agentsSection
	AgentEntry    = agentEntry
	LabelEntry    = labelEntry
)
