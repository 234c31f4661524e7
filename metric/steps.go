package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// StepsWaitingLabels describe steps that wait for a worker.
type StepsWaitingLabels struct {
	Platform   string
	TeamId     string
	TeamName   string
	Type       string // of the step: task, get, put, check or run
	WorkerTags string // joined with slashes
}

// TasksWaitingLabels describe tasks that wait for a worker.
type TasksWaitingLabels struct {
	TeamId     string
	WorkerTags string // joined with slashes
	Platform   string
}

var (
	stepsWaiting         = define("steps waiting", "platform", "teamId", "teamName", "type", "workerTags")
	stepsWaitingDuration = define("steps waiting duration", "platform", "teamId", "teamName", "type", "workerTags")
	tasksWaiting         = define("tasks waiting", "teamId", "workerTags", "platform")
	tasksWaitingDuration = define("tasks waiting duration", "teamId", "workerTags", "platform")
)

func (l StepsWaitingLabels) emit(logger lager.Logger, m *Monitor, t eventTypeID, value float64) {
	m.emit(logger, t, value, l.Platform, l.TeamId, l.TeamName, l.Type, l.WorkerTags)
}

func (l TasksWaitingLabels) emit(logger lager.Logger, m *Monitor, t eventTypeID, value float64) {
	m.emit(logger, t, value, l.TeamId, l.WorkerTags, l.Platform)
}

// A StepsWaitingDuration event reports how long a step waited for a worker. Its value
// is the duration in seconds. Monitor.StepsWaiting holds the number of waiting steps.
type StepsWaitingDuration struct {
	Labels   StepsWaitingLabels
	Duration time.Duration
}

// Emit emits the event to Metrics.
func (e StepsWaitingDuration) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e StepsWaitingDuration) EmitTo(logger lager.Logger, m *Monitor) {
	e.Labels.emit(logger, m, stepsWaitingDuration, e.Duration.Seconds())
}

// A TasksWaitingDuration event reports how long a task waited for a worker. Its value
// is the duration in seconds. Monitor.TasksWaiting holds the number of waiting tasks.
type TasksWaitingDuration struct {
	Labels   TasksWaitingLabels
	Duration time.Duration
}

// Emit emits the event to Metrics.
func (e TasksWaitingDuration) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e TasksWaitingDuration) EmitTo(logger lager.Logger, m *Monitor) {
	e.Labels.emit(logger, m, tasksWaitingDuration, e.Duration.Seconds())
}
