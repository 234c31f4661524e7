package main

import (
	"context"
	"slices"
)

// contests returns all contests.
func contests() []contest {
	return slices.Concat(
		emitContests(constant), emitContests(varying),
		typedContests(constant), typedContests(varying),
		goroutineContests(constant), goroutineContests(varying),
		rotationContests(constant), rotationContests(varying),
		newSeriesContests(),
		scrapeContests(),
		histogramContests(),
		formatContests(),
		latencyContests(),
		agentContests(),
		webhookContests(),
	)
}

// benchmark returns the benchmark that runs the contest.
func (c contest) benchmark() benchmark {
	return benchmark{name: c.name, quick: c.quick, plot: c.plot, run: func(ctx context.Context, o options) ([]comparison, error) {
		m, err := c.measure(ctx, o)
		if err != nil {
			return nil, err
		}
		comparisons := c.compare(m)
		for i := range comparisons {
			comparisons[i].hidden = c.plot
		}
		return comparisons, nil
	}}
}

// findContender returns a contender of a contest, for the process that runs it.
func findContender(contest, name string) (contender, bool) {
	for _, c := range contests() {
		if c.name != contest {
			continue
		}
		for _, contender := range c.contenders {
			if contender.name == name {
				return contender, true
			}
		}
	}
	return contender{}, false
}
