package main

import (
	"context"
	"slices"
)

// A trial is a contest, and what to make of it.
type trial struct {
	contest
	compare func(*measurement) []comparison
	quick   bool // -check runs it
	plot    bool // run for a plot only
}

// trials are all of them.
func trials() []trial {
	return slices.Concat(
		emitTrials(),
		typedTrials(),
		goroutineTrials(),
		rotationTrials(),
		newSeriesTrials(),
		scrapeTrials(),
		histogramTrials(),
		formatTrials(),
		latencyTrials(),
		agentTrials(),
	)
}

func (t trial) work() work {
	return work{name: t.name, quick: t.quick, plot: t.plot, run: func(ctx context.Context, o options) ([]comparison, error) {
		m, err := t.measure(ctx, o)
		if err != nil {
			return nil, err
		}
		comparisons := t.compare(m)
		for i := range comparisons {
			comparisons[i].hidden = t.plot
		}
		return comparisons, nil
	}}
}

// findContender finds a contender for its own process.
func findContender(contest, name string) (contender, bool) {
	for _, t := range trials() {
		if t.contest.name != contest {
			continue
		}
		for _, c := range t.contenders {
			if c.name == name {
				return c, true
			}
		}
	}
	return contender{}, false
}
