package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"time"
)

// A contest is contenders that do the same work, in turns: in each round, each of
// them has one.
type contest struct {
	name       string // unique, and short
	contenders []contender

	// operations are those of a turn. 0 means as many as take turnTime, of each
	// contender, found out beforehand, which warms it up as well.
	operations int

	// rounds is how many at most, for what is slow. 0 means as many as asked for.
	rounds int

	// fresh contenders begin each round in a new process.
	fresh bool

	// scrape says that a page is scraped, and that the pages must agree.
	scrape bool

	// compare makes of it what is shown.
	compare func(*measurement) []comparison

	quick bool // -check runs it
	plot  bool // run for a plot only
}

// turnTime is how long a turn should take, and so what a contender that is that
// slow is asked for is one operation.
const turnTime = 100 * time.Millisecond

// A measurement is the turns of a contest, by contender and round.
type measurement struct {
	contest contest
	turns   [][]turn
}

// measure holds the contest.
func (c contest) measure(ctx context.Context, o options) (*measurement, error) {
	log.Printf("%s", c.name)
	m := &measurement{contest: c, turns: make([][]turn, len(c.contenders))}
	children := make([]*child, len(c.contenders))
	operations := make([]int, len(c.contenders))
	defer func() {
		for _, child := range children {
			if child != nil {
				child.stop()
			}
		}
	}()
	if !c.fresh {
		for i := range c.contenders {
			var err error
			if children[i], err = startChild(ctx, c.name, c.contenders[i].name); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if operations[i] = c.operations; operations[i] == 0 {
				if operations[i], err = calibrate(children[i]); err != nil {
					return nil, fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
		if err := c.check(children); err != nil {
			return nil, err
		}
	}

	rounds := o.rounds
	if c.rounds > 0 {
		rounds = min(rounds, c.rounds)
	}
	for round := range rounds {
		for turn := range c.contenders {
			i := (round + turn) % len(c.contenders) // everyone comes first sometimes
			var err error
			if c.fresh {
				err = m.freshTurn(ctx, i)
			} else {
				err = m.turn(i, children[i], operations[i])
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return m, nil
}

func (m *measurement) turn(i int, child *child, operations int) error {
	t, err := child.turn(request{Operations: operations})
	if err == nil {
		m.turns[i] = append(m.turns[i], t)
	}
	return err
}

func (m *measurement) freshTurn(ctx context.Context, i int) error {
	child, err := startChild(ctx, m.contest.name, m.contest.contenders[i].name)
	if err != nil {
		return err
	}
	return errors.Join(m.turn(i, child, m.contest.operations), child.stop())
}

// check fails unless the contenders' pages have the same number of samples, and of
// bytes of them but for a tenth: they write numbers in other ways.
func (c contest) check(children []*child) error {
	if !c.scrape {
		return nil
	}
	first := children[0].ready.Facts
	for _, child := range children {
		facts := child.ready.Facts
		if facts[factSamples] == 0 || facts[factSamples] != first[factSamples] ||
			math.Abs(facts[factSampleBytes]-first[factSampleBytes]) > first[factSampleBytes]/10 {
			return fmt.Errorf("%s: the pages do not agree: %s has %v, %s %v", c.name, children[0].name, first, child.name, facts)
		}
	}
	return nil
}

// calibrate finds out how many operations take turnTime.
func calibrate(c *child) (int, error) {
	for n := 1; ; {
		t, err := c.turn(request{Operations: n, WarmUp: true})
		if err != nil {
			return 0, err
		}
		elapsed := time.Duration(max(t.Nanoseconds, 1))
		if elapsed >= turnTime/4 {
			return max(1, int(math.Round(float64(n)*float64(turnTime)/float64(elapsed)))), nil
		}
		// Not all at once: the first operations are slower.
		n = min(n*100, int(float64(n)*float64(turnTime)/float64(elapsed))+1)
	}
}

// results are those of the contenders with these names, or of all of them, with
// a figure of each turn.
func (m *measurement) results(figure func(turn) float64, names ...string) []result {
	if len(names) == 0 {
		for _, c := range m.contest.contenders {
			names = append(names, c.name)
		}
	}
	var results []result
	for _, name := range names {
		r := result{contender: name}
		var allocs, bytes []float64
		for _, t := range m.of(name) {
			r.rounds = append(r.rounds, figure(t))
			allocs = append(allocs, float64(t.Mallocs)/float64(t.Operations))
			bytes = append(bytes, float64(t.Bytes)/float64(t.Operations))
		}
		r.allocs, r.bytes = median(allocs), median(bytes)
		results = append(results, r)
	}
	return results
}

// of are the turns of a contender.
func (m *measurement) of(name string) []turn {
	for i, c := range m.contest.contenders {
		if c.name == name {
			return m.turns[i]
		}
	}
	return nil
}

// fact is a figure that the contenders tell themselves.
func fact(name string) func(turn) float64 {
	return func(t turn) float64 { return t.Facts[name] }
}
