package demo

import (
	"context"
	"time"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// tick is how far bursts of the simulation are apart.
	tick = 5 * time.Millisecond

	// longestBurst is how long one may last before anybody who wants to stop it is
	// heard.
	longestBurst = 20 * time.Millisecond

	// mostBehind is how far behind the events may be. A machine that cannot keep up is
	// not asked to make up for more.
	mostBehind = 100 * time.Millisecond
)

// A pace is how fast a simulation goes.
type pace struct {
	speed           float64 // simulated seconds in one by the clock
	eventsPerSecond float64 // if not 0, this many, whatever the speed

	owed float64 // events
}

// run runs the simulation until the context ends.
func (p *pace) run(ctx context.Context, s *simulation) {
	last := time.Now()
	interval.Run(ctx, tick, func() {
		now := time.Now()
		if p.eventsPerSecond > 0 {
			p.emitDue(s, now.Sub(last))
		} else {
			p.catchUp(s, now.Sub(last))
		}
		last = now
	})
}

// catchUp does what happens in a time by the clock.
func (p *pace) catchUp(s *simulation, elapsed time.Duration) {
	until := s.now + time.Duration(float64(elapsed)*p.speed)
	begin := time.Now()
	for steps := 1; s.agenda.next() <= until; steps++ {
		s.step()
		if isLong(steps, begin) {
			return
		}
	}
	s.now = until
}

// emitDue emits the events that are due.
func (p *pace) emitDue(s *simulation, elapsed time.Duration) {
	p.owed = min(p.owed+elapsed.Seconds()*p.eventsPerSecond, max(1, mostBehind.Seconds()*p.eventsPerSecond))
	begin, before := time.Now(), s.tally.total()
	for steps := 1; p.owed >= 1; steps++ {
		s.step()
		after := s.tally.total()
		p.owed -= float64(after - before)
		before = after
		if isLong(steps, begin) {
			return
		}
	}
}

// isLong reports whether a burst has lasted long enough. It does not look at the clock
// each time, which costs as much as an event.
func isLong(steps int, begin time.Time) bool {
	return steps%64 == 0 && time.Since(begin) > longestBurst
}
