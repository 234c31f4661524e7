package aggregator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// content returns the memory of everything that agents have in the store: a model of
// what they count.
func (a *Agents) content() (bytes int64) {
	for ag := range a.all {
		bytes += ag.memory()
		for i := range ag.entries {
			bytes += ag.entries[i].memory()
		}
	}
	for _, f := range a.store.Families() {
		bytes += series.OpenFamilyBytes(f.Name(), "")
		if a.aggregated && f.Type() == series.Counter {
			for row := range f.Rows(a.clock.Now()) {
				bytes += series.OpenSeriesBytes + textBytes(row.Labels)
			}
		}
	}
	return bytes
}

// newAgentsWithMemory returns Agents with the options and a clock that the test sets.
func newAgentsWithMemory(t *testing.T, o Options, size int64) (a *Aggregator, memory *membudget.Budget, now *time.Time) {
	t.Helper()
	memory = membudget.Divide(2 * size).Held
	now = new(time.Unix(1e9, 0))
	o.Memory, o.Clock = memory, func() time.Time { return *now }
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a, memory, now
}

// TestDroppedEntriesReleaseTheirMemory drops entries for each of the reasons for which
// an update drops them. No sweep removes expired entries in the meantime.
func TestDroppedEntriesReleaseTheirMemory(t *testing.T) {
	type update struct {
		agent string
		typ   Type
	}
	for name, updates := range map[string][]update{
		"the type has changed": {{"a", Gauge}, {"a", Counter}},
		"the metric had expired, and another agent has pushed it with another type":             {{"a", Gauge}, {"b", Counter}, {"a", Gauge}},
		"the metric had expired, another agent has changed its type, and so does the new value": {{"a", Gauge}, {"b", Counter}, {"a", Counter}},
	} {
		a, memory, now := newAgentsWithMemory(t, Options{}, 1<<20)
		for i, u := range updates {
			if i > 0 && u.agent != updates[i-1].agent {
				*now = now.Add(time.Hour)
			}
			metrics := []Metric{{Name: "m", Type: u.typ, Labels: []Label{{Name: "l", Value: "a label value"}}}}
			if err := a.Agents.Update(context.Background(), Labels{Username: u.agent}, metrics); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if used, expected := memory.Used(), a.Agents.content(); used != expected {
				t.Errorf("%s: %d bytes are in use, expected %d", name, used, expected)
			}
		}
		*now = now.Add(time.Hour)
		a.Sweep()
		if memory.Used() != 0 {
			t.Errorf("%s: %d bytes are in use after everything has expired", name, memory.Used())
		}
	}
}

// TestMemoryOfAgentsIsThatOfTheirContent performs random operations, and compares the
// memory that agents count with that of what they have.
func TestMemoryOfAgentsIsThatOfTheirContent(t *testing.T) {
	for _, o := range []Options{{}, {AgentAggregateBy: []string{"username"}}, {AgentAggregateBy: []string{"template_name"}}} {
		for seed := range uint64(10) {
			random := rand.New(rand.NewPCG(seed, 1))
			a, memory, now := newAgentsWithMemory(t, o, 3000+random.Int64N(60_000))
			for step := range 600 {
				if random.IntN(4) == 0 {
					*now = now.Add(time.Duration(random.Int64N(int64(time.Minute))))
				}
				switch random.IntN(20) {
				case 0:
					a.Sweep()
				default:
					var metrics []Metric
					for range random.IntN(10) {
						metrics = append(metrics, Metric{
							Name: fmt.Sprint("m", random.IntN(4)), Type: Counter + Type(random.IntN(2)), Value: float64(random.IntN(9)),
							Labels: []Label{{Name: "l", Value: fmt.Sprint(random.IntN(3))}, {Name: "username", Value: fmt.Sprint(random.IntN(2))}},
						})
					}
					labels := Labels{Username: fmt.Sprint(random.IntN(4)), TemplateName: "t"}
					a.Agents.Update(context.Background(), labels, metrics) //nolint:errcheck // some are rejected
				}
				if used, expected := memory.Used(), a.Agents.content(); used != expected {
					t.Fatalf("%v, seed %d, step %d: %d bytes are in use, expected %d", o.AgentAggregateBy, seed, step, used, expected)
				}
			}
			*now = now.Add(time.Hour)
			a.Sweep()
			if used, expected := memory.Used(), a.Agents.content(); used != expected || !a.Agents.aggregated && used != 0 {
				t.Errorf("%v, seed %d: %d bytes are in use after everything has expired, expected %d", o.AgentAggregateBy, seed, used, expected)
			}
		}
	}
}
