package forge

import (
	"fmt"
	"slices"
	"time"
)

// A pool is a poolPlan with the jobs that its runners execute, and those that wait.
type pool struct {
	poolPlan
	simulation *Simulation
	idle       []string // names of runners
	busy       int
	offline    int // number of runners that accept no jobs
	queue      []*job
}

func newPool(s *Simulation, plan poolPlan) *pool {
	p := &pool{poolPlan: plan, simulation: s}
	for i := range plan.runners {
		p.idle = append(p.idle, fmt.Sprintf("%s-runner-%d", plan.name, i+1))
	}
	return p
}

// add adds a job to the queue.
func (p *pool) add(j *job) {
	p.queue = append(p.queue, j)
	p.assign()
}

// remove removes a job from the queue, if it is there.
func (p *pool) remove(j *job) {
	if i := slices.Index(p.queue, j); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
}

// release makes a runner available again.
func (p *pool) release(runner string) {
	p.busy--
	p.idle = append(p.idle, runner)
	p.assign()
}

// assign assigns waiting jobs to runners.
func (p *pool) assign() {
	for len(p.queue) > 0 && len(p.idle) > p.offline {
		j := p.queue[0]
		p.queue = p.queue[1:]
		j.runner = p.idle[0]
		p.idle = p.idle[1:]
		p.busy++
		p.simulation.agenda.After(p.simulation.Lognormal(p.boot, .4), j.start)
	}
}

// planOutage adds the next outage of a pool to the agenda. For a few minutes, most of
// its runners accept no jobs.
func (s *Simulation) planOutage(p *pool) {
	s.agenda.After(s.Exponential(40*time.Minute), func() {
		p.offline = p.runners * 2 / 3
		s.agenda.After(s.Uniform(2*time.Minute, 5*time.Minute), func() {
			p.offline = 0
			p.assign()
			s.planOutage(p)
		})
	})
}
