package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"time"
)

// A contest lets contenders do the same work. They take turns: each contender has one
// turn in each round.
type contest struct {
	name       string // unique, and short
	contenders []contender

	// operations is the number of operations in a turn. 0 means as many as take
	// turnTime: before the first round, calibrate determines this number for each
	// contender, which also warms it up.
	operations int

	// rounds is the maximum number of rounds of a slow contest. 0 means no limit other
	// than the flag -rounds.
	rounds int

	// fresh starts a new process for each turn.
	fresh bool

	// scrape is set if contenders scrape a page. Their pages must then agree.
	scrape bool

	// compare turns the measurement into lines of the table.
	compare func(*measurement) []comparison

	quick bool // -check includes it
	plot  bool // run only if -plots is set
}

// turnTime is how long a turn should take. A contender whose operation takes longer
// does one operation.
const turnTime = 100 * time.Millisecond

// A measurement holds the turns of a contest, by contender and round.
type measurement struct {
	contest contest
	turns   [][]turn
}

// measure runs the contest.
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
			i := (round + turn) % len(c.contenders) // so that each comes first in some rounds
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

// check fails unless the pages of all contenders have the same number of samples. Pages
// in a text format may differ in size by a tenth, because contenders format numbers
// differently.
func (c contest) check(children []*child) error {
	if !c.scrape {
		return nil
	}
	first := children[0].ready.Facts
	for _, child := range children {
		facts := child.ready.Facts
		bytes, firstBytes := facts[factSampleBytes], first[factSampleBytes]
		if facts[factSamples] == 0 || facts[factSamples] != first[factSamples] ||
			bytes != 0 && firstBytes != 0 && math.Abs(bytes-firstBytes) > firstBytes/10 {
			return fmt.Errorf("%s: the pages differ: %s has %v, but %s has %v", c.name, children[0].name, first, child.name, facts)
		}
	}
	return nil
}

// calibrate returns how many operations take turnTime.
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
		// The first operations are slower, so the number grows in steps.
		n = min(n*100, int(float64(n)*float64(turnTime)/float64(elapsed))+1)
	}
}

// results returns the results of the contenders with these names, or of all contenders
// without names. figure returns the value of each turn.
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
		for _, t := range m.turnsOf(name) {
			r.rounds = append(r.rounds, figure(t))
			allocs = append(allocs, float64(t.Mallocs)/float64(t.Operations))
			bytes = append(bytes, float64(t.Bytes)/float64(t.Operations))
		}
		r.allocs, r.bytes = median(allocs), median(bytes)
		results = append(results, r)
	}
	return results
}

// turnsOf returns the turns of a contender.
func (m *measurement) turnsOf(name string) []turn {
	for i, c := range m.contest.contenders {
		if c.name == name {
			return m.turns[i]
		}
	}
	return nil
}

// fact returns a function that returns one of the facts that contenders report.
func fact(name string) func(turn) float64 {
	return func(t turn) float64 { return t.Facts[name] }
}
