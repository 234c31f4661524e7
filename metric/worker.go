package metric

import (
	"fmt"
	"slices"

	"code.cloudfoundry.org/lager/v3"
)

// A WorkerResource is a kind of resource that a scheduler counts for each worker.
type WorkerResource uint8

// The resources of a worker. Unknown containers and volumes exist on the worker, but
// the scheduler has no record of them.
const (
	WorkerContainers WorkerResource = iota
	WorkerVolumes
	WorkerTasks
	WorkerUnknownContainers
	WorkerUnknownVolumes
)

// The attributes of each type are the first few of worker, platform, team_name and
// tags. WorkerUsage.EmitTo relies on this.
var workerUsage = eventTable{"worker resource", []eventTypeID{
	WorkerContainers:        define("worker containers", "worker", "platform", "team_name", "tags"),
	WorkerVolumes:           define("worker volumes", "worker", "platform", "team_name", "tags"),
	WorkerTasks:             define("worker tasks", "worker", "platform"),
	WorkerUnknownContainers: define("worker unknown containers", "worker"),
	WorkerUnknownVolumes:    define("worker unknown volumes", "worker"),
}}

// A WorkerUsage event reports how many of a resource a worker currently has. Its value
// is the count. A Resource other than the constants is logged as an error and not
// emitted.
type WorkerUsage struct {
	Resource   WorkerResource
	WorkerName string
	Platform   string   // ignored for unknown containers and volumes
	TeamName   string   // used only for containers and volumes; empty for a worker that all teams share
	Tags       []string // used only for containers and volumes; the attribute joins them with slashes
	Count      int
}

// Emit emits the event to Metrics.
func (e WorkerUsage) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor. It allocates memory each time if the joined tags
// are longer than 256 bytes.
func (e WorkerUsage) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // before joining the tags
	}
	m.emit(logger, workerUsage.at(logger, int(e.Resource)), float64(e.Count),
		e.WorkerName, e.Platform, e.TeamName, joinTags(e.Tags))
}

var workerState = define("worker state", "state")

// WorkerStates reports how many workers are in each state. It emits one event for each
// of the five states, including those without workers. The events' values are the
// counts.
type WorkerStates struct {
	Running  int
	Stalled  int
	Landing  int
	Landed   int
	Retiring int
}

// workerStateNames are the names of the states, in the order of counts.
var workerStateNames = [...]string{"running", "stalled", "landing", "landed", "retiring"}

func (s *WorkerStates) counts() [len(workerStateNames)]*int {
	return [...]*int{&s.Running, &s.Stalled, &s.Landing, &s.Landed, &s.Retiring}
}

// CountWorkerStates counts workers by state, from a map of worker names to states. If a
// worker is in a state that WorkerStates does not have, CountWorkerStates counts the
// others and returns an error that names one such worker.
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
