package demo

import (
	"math"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// epoch is when the simulation begins: on a Monday, with the busiest hours to come.
var epoch = time.Date(2026, time.January, 5, epochHour, 0, 0, 0, time.UTC)

const epochHour = 10

// A setting is what a simulation needs to know.
type setting struct {
	monitor *metric.Monitor
	logger  lager.Logger
	seed    uint64

	// After how long a worker's series, and what an agent has pushed, are dropped, in
	// simulated time: how long they are away goes by that, and how often one hears of
	// them.
	staleAfter, agentTTL time.Duration
}

// A simulation is the CI system. Only one goroutine may use it.
type simulation struct {
	setting
	random

	now    time.Duration // since the epoch
	agenda agenda
	tally  tally
	pusher *pusher // nil while nothing is pushed

	jobs       []*job
	workers    []*worker
	queue      []*build // those that wait for a worker, the longest first
	resources  []*resource
	workspaces []*workspace
	databases  []*database

	builds   int     // how many there were
	running  int     // how many have started and not finished
	slowness float64 // of the node and its database; 1 unless there is an incident
}

// newSimulation makes the system, in which nothing has happened yet.
func newSimulation(of setting) *simulation {
	s := &simulation{setting: of, random: newRandom(of.seed), slowness: 1}
	s.jobs = newJobs()
	s.workers = newFleet(s.random)
	s.resources = newResources()
	s.workspaces = newWorkspaces()

	for _, w := range s.workers {
		s.after(s.between(0, s.heartbeats()), func() { s.heartbeat(w) })
		s.planFate(w)
	}
	for _, j := range s.jobs {
		s.planTrigger(j)
	}
	for _, r := range s.resources {
		s.after(s.between(0, checkInterval), func() { s.enqueueCheck(r) })
	}
	for _, w := range s.workspaces {
		s.after(s.between(0, s.agentTTL/6), func() { s.open(w) })
	}
	s.startNode()
	s.planIncidents()
	return s
}

// after notes what is to be done in a while.
func (s *simulation) after(d time.Duration, do func()) { s.agenda.note(s.now+d, do) }

// step does what comes next: a handful of events at most.
func (s *simulation) step() {
	next := s.agenda.take()
	s.now = next.at
	next.do()
}

// advance does all that happens until a time.
func (s *simulation) advance(until time.Duration) {
	for s.agenda.next() <= until {
		s.step()
	}
	s.now = until
}

// slowed is how long something takes that the node does or waits for.
func (s *simulation) slowed(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.slowness)
}

// load is how busy people are at this time of the day: 1 in the early afternoon, and a
// quarter of that by night.
func (s *simulation) load() float64 {
	const busiest = 14 * time.Hour
	untilBusiest := busiest - epochHour*time.Hour - s.now
	return .625 + .375*math.Cos(2*math.Pi*untilBusiest.Hours()/24)
}
