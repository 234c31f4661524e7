package main

import (
	"math"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	comparisons := []comparison{{
		work: "Emit",
		unit: unit{name: "ns"},
		results: []result{
			{contender: "Signalbox", rounds: []float64{10, 12, 11}},
			{contender: "peer", rounds: []float64{100, 240, 99}, allocs: 3, bytes: 240},
			{contender: "a|bar", rounds: []float64{5}, allocs: -1, noRatio: true},
		},
		goals: []goal{{peer: "peer", value: 15}, {of: ofAllocs, value: 0}, {value: 10}},
	}, {
		work:    "only for a plot",
		unit:    unit{name: "ns"},
		results: []result{{contender: "Signalbox", rounds: []float64{1}}},
		hidden:  true,
	}, {
		work: "throughput",
		unit: unit{name: "events/s", moreIsBetter: true},
		results: []result{
			{contender: "Signalbox", rounds: []float64{300}, allocs: -1, detail: "p50 3 ns"},
			{contender: "peer", rounds: []float64{100}, allocs: -1},
		},
		goals: []goal{{peer: "peer", value: 3}},
	}}
	var b strings.Builder
	if err := writeTable(&b, comparisons); err != nil {
		t.Fatal(err)
	}
	const want = `| work | contender | median (range of the rounds) | ratio to Signalbox | allocations per operation | goal | met |
|---|---|---:|---:|---:|---|---|
| Emit | Signalbox | 11 ns (10–12) |  | 0 | 0 allocations; ≤ 10 ns | yes; **no** |
|  | peer | 100 ns (99–240) | 10× (9–20) | 3 (240 B) | ≥ 15× | **no** |
|  | a\|bar | 5 ns |  |  |  |  |
| throughput | Signalbox | 300 events/s; p50 3 ns |  |  |  |  |
|  | peer | 100 events/s | 3× |  | ≥ 3× | yes |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestCheck(t *testing.T) {
	c := comparison{
		work: "Emit", unit: unit{name: "ns"},
		results: []result{{contender: "Signalbox", rounds: []float64{10}}, {contender: "peer", rounds: []float64{74}}},
		goals:   []goal{{peer: "peer", value: 15, wide: true}, {peer: "peer", value: 1000}},
	}
	err := check([]comparison{c})
	if err == nil || !strings.Contains(err.Error(), "got the ratio 7.4× to peer") {
		t.Errorf("got the error %v", err)
	}
	c.results[1].rounds[0] = 76
	if err := check([]comparison{c}); err != nil {
		t.Errorf("got the error %v", err)
	}

	c.results[1].rounds[0] = math.NaN()
	if err := check([]comparison{c}); err == nil {
		t.Error("got no error for NaN")
	}
	c.results[1].rounds[0] = 150
	c.goals = append(c.goals, goal{of: ofAllocs}, goal{of: ofBytes, value: 100}, goal{value: 1})
	if err := check([]comparison{c}); err != nil {
		t.Errorf("got the error %v", err)
	}
	c.results[0].allocs, c.results[0].bytes = 2, 101
	err = check([]comparison{c})
	if err == nil || !strings.Contains(err.Error(), "got 2 allocations") || !strings.Contains(err.Error(), "got 101 bytes allocated") {
		t.Errorf("got the error %v", err)
	}
}

func TestNothingMeasured(t *testing.T) {
	for _, test := range []struct {
		check    bool
		excluded []string
		want     string
	}{
		{false, nil, `no measurement matches "push"`},
		{true, []string{"daemon pushes"}, `no measurement that matches "push" is part of -check`},
		{false, []string{"for a plot"}, `measurements that match "push" require -plots`},
	} {
		if got := nothingMeasured("push", test.check, test.excluded); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
