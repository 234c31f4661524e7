package main

import (
	"fmt"
)

// In these contests, so many workers take turns in random order that the data of a
// worker is no longer in the caches when its turn comes. The order is the same for all
// contenders.

const bareMapName = "bare `map[string]*float64`"

func rotationContests(v values) []contest {
	contests := []contest{rotationContest(100_000, v), rotationContest(1_000_000, v)}
	if v == constant {
		for _, workers := range []int{1_000, 10_000} {
			c := rotationContest(workers, v)
			c.plot = true
			contests = append(contests, c)
		}
	}
	return contests
}

func rotationContest(workers int, v values) contest {
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
			shuffle(keys)
			return rotate(s, keys, v), nil
		}
	}
	return contest{
		name: fmt.Sprintf("rotation of %d workers%s", workers, v.name),
		contenders: []contender{
			{signalboxName, rotation(signalboxStore)},
			{vectorName, rotation(gaugesOnly(clientGolang))},
			{victoriaName, rotation(gaugesOnly(victoriaMetrics))},
			{bareMapName, rotation(bareMap)},
		},
		rounds: 5,
		compare: func(m *measurement) []comparison {
			results := m.results(turn.nanoseconds)
			results[len(results)-1].noRatio = true
			return []comparison{{
				work: fmt.Sprintf("Emit, `worker containers`, %s workers in random order%s", thousands(workers), v.name), unit: nanoseconds,
				results: results,
				goals:   []goal{{of: ofAllocs, value: 0}},
				plot:    v.plot(plotEmit), series: workers,
			}}
		},
	}
}

// bareMap returns a store that only looks up the value of a worker by name. It shows
// the cost of memory accesses alone.
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
