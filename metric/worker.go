package metric

import (
	"fmt"
	"slices"

	"code.cloudfoundry.org/lager/v3"
)

// A WorkerResource is something that a worker has a number of.
type WorkerResource uint8

// The resources of a worker. The unknown ones are those that it has but the
// scheduler does not know of.
const (
	WorkerContainers WorkerResource = iota
	WorkerVolumes
	WorkerTasks
	WorkerUnknownContainers
	WorkerUnknownVolumes
)

// The attributes of each are the first of worker, platform, team_name and
// tags: emit relies on it.
var workerUsage = eventTable{"worker resource", []eventType{
	WorkerContainers:        define("worker containers", "worker", "platform", "team_name", "tags"),
	WorkerVolumes:           define("worker volumes", "worker", "platform", "team_name", "tags"),
	WorkerTasks:             define("worker tasks", "worker", "platform"),
	WorkerUnknownContainers: define("worker unknown containers", "worker"),
	WorkerUnknownVolumes:    define("worker unknown volumes", "worker"),
}}

// WorkerUsage tells how many of a resource a worker has now. The event's value
// is the count.
type WorkerUsage struct {
	Resource   WorkerResource
	WorkerName string
	Platform   string   // not part of the unknown resources' events
	TeamName   string   // part of the containers' and volumes' events only; empty for a worker of all teams
	Tags       []string // part of the containers' and volumes' events only, joined with slashes
	Count      int
}

// Emit emits the event to Metrics.
func (e WorkerUsage) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor. A set of tags that is longer than 256
// bytes, joined, costs an allocation each time.
func (e WorkerUsage) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // before the work on the tags
	}
	m.emit(logger, workerUsage.at(logger, int(e.Resource)), float64(e.Count),
		e.WorkerName, e.Platform, e.TeamName, joinTags(e.Tags))
}

var workerState = define("worker state", "state")

// WorkerStates tells how many workers are in each state. It is one event for
// each of the five states, those that no worker is in included; the events'
// value is the count.
type WorkerStates struct {
	Running  int
	Stalled  int
	Landing  int
	Landed   int
	Retiring int
}

// workerStateNames are the states, in the order of counts.
var workerStateNames = [...]string{"running", "stalled", "landing", "landed", "retiring"}

func (s *WorkerStates) counts() [len(workerStateNames)]*int {
	return [...]*int{&s.Running, &s.Stalled, &s.Landing, &s.Landed, &s.Retiring}
}

// CountWorkerStates counts the workers by their states. A worker in a state
// that is none of the five is not counted, and is an error; the others are
// counted all the same.
func CountWorkerStates[State ~string](byWorker map[string]State) (WorkerStates, error) {
	var states WorkerStates
	var err error
	for worker, state := range byWorker {
		if !states.add(string(state)) {
			err = fmt.Errorf("worker %q is in state %q, expected running, stalled, landing, landed or retiring", worker, state)
		}
	}
	return states, err
}

func (s *WorkerStates) add(state string) bool {
	i := slices.Index(workerStateNames[:], state)
	if i < 0 {
		return false
	}
	*s.counts()[i]++
	return true
}

// Emit emits the events to Metrics.
func (s WorkerStates) Emit(logger lager.Logger) { s.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (s WorkerStates) EmitTo(logger lager.Logger, m *Monitor) {
	for i, count := range s.counts() {
		m.emit(logger, workerState, float64(*count), workerStateNames[i])
	}
}
