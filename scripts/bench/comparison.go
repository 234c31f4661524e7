package main

// A comparison is a section of the table: a piece of work, and the result of each
// contender. Contenders take turns within a round, so that other load on the machine,
// and changes of its clock frequency, affect all of them in the same way.
type comparison struct {
	work string // "Emit, `worker containers`, 1,000 workers"
	unit unit

	// results has the result of Signalbox first, and then those of its peers.
	results []result

	goals []goal

	// plot, if not empty, is the name of the plot to which the comparison adds points,
	// at this number of series.
	plot   string
	series int

	// hidden excludes the comparison from the table. Only the plot shows it.
	hidden bool
}

// A result contains the figures of one contender.
type result struct {
	contender string    // "Signalbox", "client_golang, promhttp"
	rounds    []float64 // by round, in the comparison's unit
	allocs    float64   // allocations per operation; negative if not measured
	bytes     float64   // allocated bytes per operation; negative if not measured

	// detail, if not empty, is shown after the figure.
	detail string

	// noRatio is set if the contender is not a peer: it shows what the machine allows,
	// or it is Signalbox with other flags. The table shows no ratio for it.
	noRatio bool
}

// withoutAllocs returns the result without allocations, which were not measured.
func withoutAllocs(r result) result {
	r.allocs, r.bytes = -1, -1
	return r
}

// A goal is a figure that Signalbox should reach in a comparison.
type goal struct {
	peer  string  // the peer of a ratio; "" for an absolute goal
	value float64 // the ratio, or the absolute figure in the comparison's unit

	// of is the figure of Signalbox's result that an absolute goal is about.
	of figure

	// wide is set if the margin of a ratio is so wide that -check can require half of
	// the ratio on any machine.
	wide bool
}

// checked reports whether -check checks the goal.
func (g goal) checked() bool {
	return g.wide || g.of == ofAllocs || g.of == ofBytes
}

// A figure selects one of the figures of a result.
type figure uint8

const (
	ofRounds figure = iota // the median of the rounds
	ofAllocs
	ofBytes
)

// A unit is the unit of the figures of a comparison.
type unit struct {
	name         string // "ns", "ms", "B", "events/s per core"
	moreIsBetter bool
}

// resultOf returns the result of a contender.
func (c *comparison) resultOf(contender string) (result, bool) {
	for _, r := range c.results {
		if r.contender == contender {
			return r, true
		}
	}
	return result{}, false
}

// ratios returns the ratio of Signalbox to a peer in each round. A ratio of 3 means
// that Signalbox was three times as good as the peer.
func (c *comparison) ratios(peer result) []float64 {
	ours := c.results[0]
	n := min(len(ours.rounds), len(peer.rounds))
	ratios := make([]float64, n)
	for i := range ratios {
		if c.unit.moreIsBetter {
			ratios[i] = ours.rounds[i] / peer.rounds[i]
		} else {
			ratios[i] = peer.rounds[i] / ours.rounds[i]
		}
	}
	return ratios
}

// A verdict is the result of comparing Signalbox with a goal.
type verdict struct {
	goal
	reached float64
	met     bool
}

// judge returns the verdicts on the goals that concern a contender: ratios if it is a
// peer, and absolute goals if it is Signalbox, which has the first result.
func (c *comparison) judge(contender string) []verdict {
	var verdicts []verdict
	for _, g := range c.goals {
		v := verdict{goal: g}
		switch {
		case g.peer == contender:
			peer, _ := c.resultOf(g.peer)
			v.reached = median(c.ratios(peer))
			v.met = v.reached >= g.value
		case g.peer == "" && contender == c.results[0].contender:
			v.reached = c.results[0].figure(g.of)
			v.met = v.reached <= g.value
			switch {
			case g.of == ofAllocs:
				v.met = v.reached < g.value+allocsTolerance
			case g.of == ofRounds && c.unit.moreIsBetter:
				v.met = v.reached >= g.value
			}
		default:
			continue
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// allocsTolerance is the number of allocations per operation that goals and the table
// ignore: garbage collections and timers of the runtime allocate, too.
const allocsTolerance = 0.01

func (r result) figure(of figure) float64 {
	switch of {
	case ofAllocs:
		return r.allocs
	case ofBytes:
		return r.bytes
	}
	return median(r.rounds)
}
