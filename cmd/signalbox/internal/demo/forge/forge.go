package forge

import (
	"fmt"
	"math"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/simulate"
)

// A Simulation is the state of the organizations. It is not safe for concurrent use.
// Create it with New.
type Simulation struct {
	simulate.Random
	agenda simulate.Agenda // its time is since begin
	begin  time.Time

	organizations []*organization
	closed        bool // no more runs start

	objects   int // number of runs, jobs and deployments so far
	arrived   []Delivery
	unarrived int // number of deliveries on their way

	tally   Tally
	observe func(report) // called with each report, including those that are lost; nil except in tests
}

// An organization is an organizationPlan with the state of its runners.
type organization struct {
	organizationPlan
	pools map[string]*pool
}

// New returns a simulation that begins at a time. The same seed and time lead to the
// same deliveries.
func New(seed uint64, begin time.Time) *Simulation {
	s := &Simulation{Random: simulate.NewRandom(seed), begin: begin.UTC().Truncate(time.Second)}
	for _, plan := range plans {
		o := &organization{plan, make(map[string]*pool)}
		s.organizations = append(s.organizations, o)
		for _, p := range plan.pools {
			o.pools[p.name] = newPool(s, p)
			s.planOutage(o.pools[p.name])
		}
		for i := range plan.repositories {
			r := &plan.repositories[i]
			for j := range r.workflows {
				s.planRun(o, r, &r.workflows[j])
			}
		}
	}
	s.planForgery()
	return s
}

// Advance simulates up to a time, and returns the deliveries that arrive until then, in
// order.
func (s *Simulation) Advance(until time.Time) []Delivery {
	s.arrived = nil
	s.agenda.Advance(max(until.Sub(s.begin), s.agenda.Now))
	return s.arrived
}

// Close prevents further runs, so that the simulation ends when all runs have.
func (s *Simulation) Close() { s.closed = true }

// Idle reports whether all runs have ended, and their deliveries have arrived or are
// lost.
func (s *Simulation) Idle() bool {
	for _, o := range s.organizations {
		for _, p := range o.pools {
			if p.busy > 0 || len(p.queue) > 0 {
				return false
			}
		}
	}
	return s.unarrived == 0
}

// Tally returns how many deliveries each of the faults has affected so far.
func (s *Simulation) Tally() Tally { return s.tally }

// now returns the current time.
func (s *Simulation) now() time.Time { return s.begin.Add(s.agenda.Now) }

// load returns how often people push at the moment, as a factor. It rises and falls
// within minutes, so that queues grow and shrink while the user is watching.
func (s *Simulation) load() float64 {
	const period = 12 * time.Minute
	return 1 + .7*math.Sin(2*math.Pi*s.agenda.Now.Seconds()/period.Seconds())
}

// nextID returns a number for a run, a job or a deployment.
func (s *Simulation) nextID() int {
	s.objects++
	return 17_000_000 + s.objects
}

// hash returns a random hash of a commit.
func (s *Simulation) hash() string {
	return fmt.Sprintf("%016x%016x%08x", s.Uint64(), s.Uint64(), s.Uint32())
}

// uuid returns a random UUID.
func (s *Simulation) uuid() string {
	a, b := s.Uint64(), s.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
