package main

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/metric"
)

// Two goroutines emit at the same time. In the first contest each updates its own
// series, and the result is compared with a single goroutine. The bare arithmetic shows
// how much faster two goroutines can be than one on this machine. In the second contest
// both update the same series, compared with bare atomic operations.

const (
	oneGoroutineName = signalboxName + ", one goroutine"
	casName          = "bare float, compare-and-swap loop"
	atomicAddName    = "bare atomic.Uint64, Add"
	twoAloneName     = "bare arithmetic, two goroutines"
	oneAloneName     = "bare arithmetic, one goroutine"
)

func goroutineContests(v values) []contest {
	return []contest{
		{
			name: "goroutines on distinct series" + v.name,
			contenders: []contender{
				{signalboxName, func() (*task, error) { return emittingGoroutines(2, true, v) }},
				{oneGoroutineName, func() (*task, error) { return emittingGoroutines(1, true, v) }},
				{twoAloneName, arithmetic(2)},
				{oneAloneName, arithmetic(1)},
			},
			compare: func(m *measurement) []comparison {
				results := m.results(func(t turn) float64 { return 1e3 / t.nanoseconds() })
				for i := range results {
					results[i].noRatio = i > 1
				}
				return []comparison{{
					work: "Emit, `worker containers`, two goroutines, 500 workers each" + v.name, unit: unit{"million/s", true},
					results: results,
					goals:   []goal{{peer: oneGoroutineName, value: 1.8}, {of: ofAllocs, value: 0}},
				}}
			},
		},
		{
			name: "goroutines on one series" + v.name,
			contenders: []contender{
				{signalboxName, func() (*task, error) { return emittingGoroutines(2, false, v) }},
				{casName, contend(addWithCompareAndSwap)},
				{atomicAddName, contend(func(v *atomic.Uint64) { v.Add(1) })},
			},
			compare: func(m *measurement) []comparison {
				return []comparison{{
					work: "Emit, `worker containers`, two goroutines, a single worker" + v.name, unit: nanoseconds,
					results: m.results(turn.nanoseconds),
					goals:   []goal{{of: ofAllocs, value: 0}},
				}}
			},
		},
	}
}

// emittingGoroutines returns the task of emitting events in goroutines. Each goroutine
// has half of the workers, or all have the same worker.
func emittingGoroutines(goroutines int, distinct bool, v values) (*task, error) {
	p, err := newSignalbox()
	if err != nil {
		return nil, err
	}
	return inGoroutines(goroutines, func(g int) *task {
		events := workerEvents()
		if distinct {
			events = events[g*emitWorkers/2:][:emitWorkers/2]
		} else {
			events = events[:1]
		}
		return each(events, v, func(e *metric.Event) { p.Emit(logger, *e) })
	}), nil
}

// inGoroutines returns a task that divides its operations among goroutines.
func inGoroutines(goroutines int, start func(g int) *task) *task {
	var tasks []*task
	for g := range goroutines {
		tasks = append(tasks, start(g))
	}
	return &task{run: func(n int) error {
		var running sync.WaitGroup
		for _, t := range tasks {
			running.Go(func() { t.run(n / goroutines) })
		}
		running.Wait()
		return nil
	}}
}

// arithmetic returns a task whose operations take about as long as an update.
func arithmetic(goroutines int) func() (*task, error) {
	return func() (*task, error) {
		return inGoroutines(goroutines, func(int) *task {
			return cycle(emitWorkers, func(int, int) { calculate(60) })
		}), nil
	}
}

// contend returns a task in which two goroutines do an operation on the same value.
func contend(work func(*atomic.Uint64)) func() (*task, error) {
	return func() (*task, error) {
		var value atomic.Uint64
		return inGoroutines(2, func(int) *task {
			return cycle(emitWorkers, func(int, int) { work(&value) })
		}), nil
	}
}

func addWithCompareAndSwap(v *atomic.Uint64) {
	for {
		old := v.Load()
		if v.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+1)) {
			return
		}
	}
}
