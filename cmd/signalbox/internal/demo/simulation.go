package demo

import (
	"math"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/simulate"
	"github.com/signalbox-ci/signalbox/metric"
)

// epoch is the time at which the simulation begins: on a Monday, before the busiest
// hours.
var epoch = time.Date(2026, time.January, 5, epochHour, 0, 0, 0, time.UTC)

const epochHour = 10

// A config configures a simulation.
type config struct {
	monitor *metric.Monitor
	logger  lager.Logger
	seed    uint64

	// staleAfter and agentTTL are the simulated times after which the daemon removes
	// the series of a worker and of an agent. They decide how often workers and agents
	// report, and how long they are absent.
	staleAfter, agentTTL time.Duration
}

// A simulation is the state of the simulated CI system. It is not safe for concurrent
// use.
type simulation struct {
	config
	simulate.Random
	simulate.Agenda // its time is since the epoch

	tally  tally
	pusher *pusher // if nil, nothing is pushed

	jobs       []*job
	workers    []*worker
	queue      []*build // builds that wait for a worker, oldest first
	resources  []*resource
	workspaces []*workspace
	databases  []*database

	builds   int     // number of builds so far
	running  int     // number of builds that have started and not finished
	slowness float64 // factor for durations of the node and its databases; 1 except during an incident
}

// newSimulation returns a simulation at the epoch. No event has been emitted yet.
func newSimulation(c config) *simulation {
	s := &simulation{config: c, Random: simulate.NewRandom(c.seed), slowness: 1}
	s.jobs = newJobs()
	s.workers = newFleet(s.Random)
	s.resources = newResources()
	s.workspaces = newWorkspaces()

	for _, w := range s.workers {
		s.After(s.Uniform(0, s.heartbeatInterval()), func() { s.heartbeat(w) })
		s.planOutage(w)
	}
	for _, j := range s.jobs {
		s.planTrigger(j)
	}
	for _, r := range s.resources {
		s.After(s.Uniform(0, checkInterval), func() { s.enqueueCheck(r) })
	}
	for _, w := range s.workspaces {
		s.After(s.Uniform(0, s.agentTTL/6), func() { s.open(w) })
	}
	s.startNode()
	s.planIncidents()
	return s
}

// slowed returns a duration multiplied by the current slowness of the node.
func (s *simulation) slowed(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.slowness)
}

// load returns the activity of users at the current time of day: 1 in the early
// afternoon, and a quarter of that at night.
func (s *simulation) load() float64 {
	const busiest = 14 * time.Hour
	untilBusiest := busiest - epochHour*time.Hour - s.Now
	return .625 + .375*math.Cos(2*math.Pi*untilBusiest.Hours()/24)
}
