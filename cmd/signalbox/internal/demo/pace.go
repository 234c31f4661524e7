package demo

import (
	"context"
	"time"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// tick is the real time between bursts of the simulation.
	tick = 5 * time.Millisecond

	// maxBurst is the maximum duration of a burst. The simulation can be stopped only
	// between bursts.
	maxBurst = 20 * time.Millisecond

	// maxBacklog limits how far the emitted events can fall behind the rate. A machine
	// that is too slow need not catch up on events that were due earlier.
	maxBacklog = 100 * time.Millisecond
)

// A pace controls the speed of a simulation.
type pace struct {
	speed           float64 // simulated seconds per second of real time
	eventsPerSecond float64 // number of events per second of real time; if not 0, speed is ignored

	owed float64 // number of events that are due and not yet emitted
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

// catchUp simulates the time that corresponds to the elapsed real time.
func (p *pace) catchUp(s *simulation, elapsed time.Duration) {
	until := s.Now + time.Duration(float64(elapsed)*p.speed)
	begin := time.Now()
	for steps := 1; s.Next() <= until; steps++ {
		s.Step()
		if isLong(steps, begin) {
			return
		}
	}
	s.Now = until
}

// emitDue emits the events that are due after the elapsed real time.
func (p *pace) emitDue(s *simulation, elapsed time.Duration) {
	p.owed = min(p.owed+elapsed.Seconds()*p.eventsPerSecond, max(1, maxBacklog.Seconds()*p.eventsPerSecond))
	begin, before := time.Now(), s.tally.total()
	for steps := 1; p.owed >= 1; steps++ {
		s.Step()
		after := s.tally.total()
		p.owed -= float64(after - before)
		before = after
		if isLong(steps, begin) {
			return
		}
	}
}

// isLong reports whether a burst has reached maxBurst. It reads the clock only every 64
// steps, because reading it takes as long as emitting an event.
func isLong(steps int, begin time.Time) bool {
	return steps%64 == 0 && time.Since(begin) > maxBurst
}
