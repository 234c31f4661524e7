package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Build is what the build events tell of.
type Build interface {
	// ID is the build's number among all builds.
	ID() int

	// Attributes tell which build it is: build, build_id, job, pipeline,
	// team_name and the like. The map is only read, and not kept.
	Attributes() map[string]string

	// Status is how the build ended. Only finished builds are asked.
	Status() BuildStatus

	// StartTime and EndTime are zero for a build that never started, such as
	// one that was aborted while it waited.
	StartTime() time.Time
	EndTime() time.Time
}

// A BuildStatus is how a build ended.
type BuildStatus string

// The ways in which a build can end.
const (
	BuildSucceeded BuildStatus = "succeeded"
	BuildFailed    BuildStatus = "failed"
	BuildAborted   BuildStatus = "aborted"
	BuildErrored   BuildStatus = "errored"
)

// Build events are no event types: their attributes are the build's.
const (
	buildStartedName       = "build started"
	buildFinishedName      = "build finished"
	checkBuildFinishedName = "check build finished"

	buildStatusAttribute = "build_status"
)

// BuildStarted tells that a build started. The event's value is the build's ID.
type BuildStarted struct {
	Build Build
}

// Emit emits the event to Metrics.
func (e BuildStarted) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e BuildStarted) EmitTo(logger lager.Logger, m *Monitor) {
	l := m.borrow()
	if l == nil {
		return
	}
	defer l.giveBack()
	l.deliver(logger, Event{
		Name:       buildStartedName,
		Value:      float64(e.Build.ID()),
		Attributes: l.merge(e.Build.Attributes()),
	})
}

// BuildFinished tells that a build other than a check ended, with its status
// as the attribute build_status. The event's value is how long it ran, in
// milliseconds; 0 if it never started.
type BuildFinished struct {
	Build Build
}

// Emit emits the event to Metrics.
func (e BuildFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e BuildFinished) EmitTo(logger lager.Logger, m *Monitor) {
	emitFinished(logger, m, buildFinishedName, e.Build)
}

// CheckBuildFinished is BuildFinished for a build that checks a resource.
type CheckBuildFinished struct {
	Build Build
}

// Emit emits the event to Metrics.
func (e CheckBuildFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e CheckBuildFinished) EmitTo(logger lager.Logger, m *Monitor) {
	emitFinished(logger, m, checkBuildFinishedName, e.Build)
}

func emitFinished(logger lager.Logger, m *Monitor, name string, build Build) {
	l := m.borrow()
	if l == nil {
		return
	}
	defer l.giveBack()
	attributes := l.merge(build.Attributes())
	attributes[buildStatusAttribute] = string(build.Status())
	l.deliver(logger, Event{
		Name:       name,
		Value:      milliseconds(buildDuration(build)),
		Attributes: attributes,
	})
}

// buildDuration is 0 for a build that never started: the time since the year 1
// would spoil every sum that it is added to.
func buildDuration(build Build) time.Duration {
	start, end := build.StartTime(), build.EndTime()
	if start.IsZero() || end.Before(start) {
		return 0
	}
	return end.Sub(start)
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}
