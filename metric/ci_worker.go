package metric

import "code.cloudfoundry.org/lager/v3"

var (
	workers    = define("ci workers", "system", "instance", "queue", "state")
	workerLost = define("ci worker lost", "system", "instance", "queue", "worker")
)

// Workers reports the current numbers of workers of a queue. It emits one event for
// each state, whose value is the number of workers in that state. The caller should
// emit it like RunsActive.
type Workers struct {
	System, Instance string // as in Run
	Queue            string // what the workers take jobs from; empty if there is only one

	Available int // ready for a job
	Busy      int
	Offline   int
}

// Emit emits the events to Metrics.
func (e Workers) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e Workers) EmitTo(logger lager.Logger, m *Monitor) {
	states := [...]string{"available", "busy", "offline"}
	for i, n := range [...]int{e.Available, e.Busy, e.Offline} {
		m.emit(logger, workers, float64(n), e.System, e.Instance, e.Queue, states[i])
	}
}

// A WorkerLost event reports that a worker disappeared without signing off. Its value is
// 1.
type WorkerLost struct {
	System, Instance string // as in Run
	Queue            string // as in Workers
	Worker           string // name of the worker
}

// Emit emits the event to Metrics.
func (e WorkerLost) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e WorkerLost) EmitTo(logger lager.Logger, m *Monitor) {
	m.emit(logger, workerLost, 1, e.System, e.Instance, e.Queue, e.Worker)
}
