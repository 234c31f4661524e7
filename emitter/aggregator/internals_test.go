package aggregator

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newDefault(t *testing.T) *Agents {
	t.Helper()
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a.Agents
}

// TestAgentsWithEqualHashes gives several agents the same hash, since the hashes in
// other tests do not collide.
func TestAgentsWithEqualHashes(t *testing.T) {
	a := newDefault(t)
	var agents []*agent
	for i := range 4 {
		agents = append(agents, a.add(42, []string{fmt.Sprint(i), "", "", ""}))
	}
	for _, i := range []int{2, 3, 0} { // middle, first, last
		a.removeAgent(agents[i])
		agents[i] = nil
		for k, ag := range agents {
			if found := a.find(42, []string{fmt.Sprint(k), "", "", ""}); found != ag {
				t.Errorf("after agent %d was removed, agent %d is %v, want %v", i, k, found, ag)
			}
		}
	}
	a.removeAgent(agents[1])
	if len(a.byHash) != 0 {
		t.Error("byHash is not empty after all agents were removed")
	}
}

// TestAgentIsRemovedDuringUpdate removes an agent while an update waits for its lock.
func TestAgentIsRemovedDuringUpdate(t *testing.T) {
	a := newDefault(t)
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
	a.removeAgent(ag)
	ag.mu.Unlock()
	wg.Wait()
	if current := a.lock(values); current == ag || len(current.entries) != 1 {
		t.Errorf("the update was applied to the removed agent")
	}
}

// TestSweepSkipsBusyAgents sweeps while an update of one agent is in progress. The
// sweep must remove the other agents, and must not wait.
func TestSweepSkipsBusyAgents(t *testing.T) {
	now := time.Unix(1e9, 0)
	a, err := New(Options{Clock: func() time.Time { return now }, AgentTTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"busy", "idle"} {
		if err := a.Agents.Update(context.Background(), Labels{Username: user}, []Metric{{Name: "x", Type: Gauge}}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Hour)
	busy := a.Agents.lock([]string{"busy", "", "", ""})
	a.Sweep()
	if len(a.Agents.byHash) != 1 {
		t.Errorf("got %d agents after a sweep, expected only the one that is being updated", len(a.Agents.byHash))
	}
	busy.mu.Unlock()
	a.Sweep()
	if len(a.Agents.byHash) != 0 {
		t.Error("the agent was not removed by the sweep after its update")
	}
}

// TestTypesChangeInLinearTime changes the types of all metrics of an agent, in both
// directions. If the time were quadratic, it would take many minutes.
func TestTypesChangeInLinearTime(t *testing.T) {
	a := newDefault(t)
	metrics := make([]Metric, 40_000)
	for i := range metrics {
		metrics[i] = Metric{Name: fmt.Sprintf("x%d", i/2), Labels: []Label{{Name: "l", Value: fmt.Sprint(i)}}}
	}
	for round, typ := range []Type{Gauge, Counter, Gauge} {
		for i := range metrics {
			metrics[i].Type, metrics[i].Value = typ, float64(round)
		}
		if err := a.Update(context.Background(), Labels{Username: "alice"}, metrics); err != nil {
			t.Fatal(err)
		}
	}
	ag := a.lock([]string{"alice", "", "", ""})
	defer ag.mu.Unlock()
	if n := a.seriesCount.Load(); len(ag.entries) != len(metrics) || n != int64(len(metrics)) {
		t.Errorf("got %d entries and %d series, expected %d", len(ag.entries), n, len(metrics))
	}
	for i := range metrics {
		if e := ag.find(&metrics[i]); e == nil || e.typ != Gauge || e.series.Value() != 2 {
			t.Fatalf("got entry %+v of metric %d, expected a gauge with the last value", e, i)
		}
	}
}

// An endingContext ends when Err has been called a number of times.
type endingContext struct {
	context.Context
	calls int
}

func (c *endingContext) Err() error {
	if c.calls--; c.calls < 0 {
		return context.Canceled
	}
	return nil
}

// TestUpdateStopsWithItsContext ends the context in the middle of an update.
func TestUpdateStopsWithItsContext(t *testing.T) {
	a := newDefault(t)
	metrics := make([]Metric, 10*contextInterval)
	for i := range metrics {
		metrics[i] = Metric{Name: fmt.Sprintf("x%d", i), Type: Gauge}
	}
	ctx := &endingContext{Context: context.Background(), calls: 3}
	if err := a.Update(ctx, Labels{Username: "alice"}, metrics); err == nil {
		t.Error("the update returned no error")
	}
	if n := a.seriesCount.Load(); n == 0 || n >= 4*contextInterval {
		t.Errorf("got %d series, expected those that were applied before the context ended", n)
	}
}

// TestExpiredSeriesAreFreed pushes different series each time, without scrapes. Expired
// series must not remain in memory.
func TestExpiredSeriesAreFreed(t *testing.T) {
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
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
}

// Flushed calls the callback that the storage calls after each write.
func Flushed(a *Aggregator, err error) { a.Groups.flushed(1, time.Millisecond, err) }

// The types of the overview.
type (
	GroupsSection = groupsSection
	GroupEntry    = groupEntry
	AgentsSection = agentsSection
	AgentEntry    = agentEntry
	LabelEntry    = labelEntry
)

// If the process was stopped for longer than the TTL, agents that pushed all along keep
// their series: time during which nothing ran does not count.
func TestAGapDoesNotExpireAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		a, err := New(Options{AgentTTL: time.Minute, Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		a.realTime = true // but the test stops it
		stop := a.Run(t.Context())
		defer stop()
		begun := a.clock.Now()
		now = now.Add(time.Hour)
		if passed := time.Duration(a.clock.Now() - begun); passed > 15*time.Second {
			t.Errorf("%s have passed for metrics, expected at most an eighth of the TTL", passed)
		}
		stop()
		now = now.Add(time.Hour)
		if passed := time.Duration(a.clock.Now() - begun); passed < time.Hour {
			t.Errorf("%s have passed without ticks, expected an hour", passed)
		}
	})
}
