package main

// A comparison is one line of the table: a piece of work, and what it took each of
// those who did it. They took turns, a round each, so that whatever else the
// machine did, and however its clock drifted, in a round they shared it.
type comparison struct {
	work string // "Emit, `worker containers`, 1,000 workers"
	unit unit

	// results are Signalbox' own first, and then the peers'.
	results []result

	goals []goal

	// plot, if it is not empty, is the plot that this is a point of, at so many series.
	plot   string
	series int

	// hidden keeps it out of the table: it is there for the plot.
	hidden bool
}

// A result is what one contender took.
type result struct {
	contender string    // "Signalbox", "client_golang vector alone"
	rounds    []float64 // by round, in the comparison's unit
	allocs    float64   // per operation; negative if nobody looked
	bytes     float64   // allocated per operation; negative if nobody looked

	// detail, if it is not empty, is shown beside the figure.
	detail string

	// bound results are no peer's: they show what the machine allows, or Signalbox
	// itself with other flags. There is no sense in being so many times as good.
	bound bool
}

// withoutAllocs is a result of which nobody looked at the allocations.
func withoutAllocs(r result) result {
	r.allocs, r.bytes = -1, -1
	return r
}

// A goal is what the comparison ought to show.
type goal struct {
	peer  string  // how many times as good as that peer ("" for an absolute goal)
	value float64 // the ratio, or the absolute figure in the comparison's unit

	// of is what of Signalbox' result an absolute goal is about.
	of figure

	// wide says that a ratio's margin is so wide that -check can look for half of
	// it on any machine.
	wide bool
}

// checked says whether -check looks at the goal.
func (g goal) checked() bool {
	return g.wide || g.of == ofAllocs || g.of == ofBytes
}

// A figure is one of those that a result has.
type figure uint8

const (
	ofRounds figure = iota // the median of the rounds
	ofAllocs
	ofBytes
)

// A unit says what the figures of a comparison are, and which way is better.
type unit struct {
	name         string // "ns", "ms", "B/series", "events/s"
	moreIsBetter bool
}

// named is the result of a contender.
func (c *comparison) named(contender string) (result, bool) {
	for _, r := range c.results {
		if r.contender == contender {
			return r, true
		}
	}
	return result{}, false
}

// ratios are how many times as good as a peer Signalbox was, by round.
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

// A verdict is how a comparison stands to one of its goals.
type verdict struct {
	goal
	reached float64
	met     bool
}

// judge looks at the goals that are about a contender: ratios to a peer, and the
// absolute ones about Signalbox, which has the first result.
func (c *comparison) judge(contender string) []verdict {
	var verdicts []verdict
	for _, g := range c.goals {
		v := verdict{goal: g}
		switch {
		case g.peer == contender:
			peer, _ := c.named(g.peer)
			v.reached = median(c.ratios(peer))
			v.met = v.reached >= g.value
		case g.peer == "" && contender == c.results[0].contender:
			v.reached = c.results[0].figure(g.of)
			v.met = v.reached <= g.value
			switch {
			case g.of == ofAllocs:
				v.met = v.reached < g.value+fewAllocs
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

// fewAllocs are so few that they are not the operations': a garbage collection or a
// timer of the runtime that happens to be in a turn allocates, too.
const fewAllocs = 0.01

func (r result) figure(of figure) float64 {
	switch of {
	case ofAllocs:
		return r.allocs
	case ofBytes:
		return r.bytes
	}
	return median(r.rounds)
}
