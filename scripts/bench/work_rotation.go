package main

import (
	"fmt"
)

// So many workers take turns, in no order, that none of what is kept of a worker is
// in the caches when its turn comes. The order is the same for all.

const bareMapName = "bare `map[string]*float64`"

func rotationContests() []contest {
	contests := []contest{
		rotationContest(1_000), rotationContest(10_000), rotationContest(100_000), rotationContest(1_000_000),
	}
	contests[0].plot, contests[1].plot = true, true
	return contests
}

func rotationContest(workers int) contest {
	rotation := func(start newStore) func() (*task, error) {
		return func() (*task, error) {
			s, err := start(&workerContainers)
			if err != nil {
				return nil, err
			}
			keys := workerContainers.keys(workers)
			for i, key := range keys {
				s.set(key, float64(i))
			}
			inNoOrder(keys)
			return rotate(s, keys), nil
		}
	}
	return contest{
		name: fmt.Sprintf("rotation of %d workers", workers),
		contenders: []contender{
			{signalboxName, rotation(signalboxStore)},
			{vectorName, rotation(alone(clientGolang))},
			{victoriaName, rotation(alone(victoriaMetrics))},
			{bareMapName, rotation(bareMap)},
		},
		rounds: 5,
		compare: func(m *measurement) []comparison {
			results := m.results(turn.nanoseconds)
			results[len(results)-1].bound = true
			return []comparison{{
				work: fmt.Sprintf("Emit, `worker containers`, %s workers in no order", thousands(workers)), unit: nanoseconds,
				results: results,
				goals:   []goal{{of: ofAllocs, value: 0}},
				plot:    plotEmit, series: workers,
			}}
		},
	}
}

// bareMap is what memory alone costs: to find a worker's value by its name.
func bareMap(*shape) (*store, error) {
	values := map[string]*float64{}
	return &store{set: func(key string, value float64) {
		v := values[key]
		if v == nil {
			v = new(float64)
			values[key] = v
		}
		*v = value
	}}, nil
}
