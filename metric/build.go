package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Build is the build that an event is about. Emit and EmitTo call its methods in the
// goroutine that emits the event.
type Build interface {
	// ID returns the build's number, which is unique among all builds.
	ID() int

	// Attributes returns the attributes that identify the build, such as build,
	// build_id, job, pipeline and team_name. Most metrics of finished builds require
	// team_name. Emit neither changes nor keeps the map.
	Attributes() map[string]string

	// Status returns the outcome of the build. It is called only for finished builds.
	Status() BuildStatus

	// StartTime returns when the build started. It returns the zero time for a build
	// that never started, such as one that was aborted while it was waiting.
	StartTime() time.Time

	// EndTime returns when the build ended. It may return the zero time for a build
	// that never started.
	EndTime() time.Time
}

// A BuildStatus is the outcome of a build.
type BuildStatus string

// The outcomes of a build.
const (
	BuildSucceeded BuildStatus = "succeeded"
	BuildFailed    BuildStatus = "failed"
	BuildAborted   BuildStatus = "aborted"
	BuildErrored   BuildStatus = "errored"
)

// Build events have no EventType, since their attributes depend on the build.
const (
	buildStartedName       = "build started"
	buildFinishedName      = "build finished"
	checkBuildFinishedName = "check build finished"

	buildStatusAttribute = "build_status"
)

// A BuildStarted event reports that a build started. Its value is the build's ID.
type BuildStarted struct {
	Build Build // must not be nil
}

// Emit emits the event to Metrics.
func (e BuildStarted) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e BuildStarted) EmitTo(logger lager.Logger, m *Monitor) {
	s := m.acquire()
	if s == nil {
		return
	}
	defer s.release()
	s.deliver(logger, Event{
		Name:       buildStartedName,
		Value:      float64(e.Build.ID()),
		Attributes: s.merge(e.Build.Attributes()),
	}, nil)
}

// A BuildFinished event reports that a build ended. Its value is the build's duration
// in milliseconds, or 0 if the build never started or ends before it starts. The
// attribute build_status is the build's status. For builds that check a resource, use
// CheckBuildFinished.
type BuildFinished struct {
	Build Build // must not be nil
}

// Emit emits the event to Metrics.
func (e BuildFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e BuildFinished) EmitTo(logger lager.Logger, m *Monitor) {
	emitFinished(logger, m, buildFinishedName, e.Build)
}

// A CheckBuildFinished event reports that a build that checks a resource ended. Its
// value and attributes are those of BuildFinished.
type CheckBuildFinished struct {
	Build Build // must not be nil
}

// Emit emits the event to Metrics.
func (e CheckBuildFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e CheckBuildFinished) EmitTo(logger lager.Logger, m *Monitor) {
	emitFinished(logger, m, checkBuildFinishedName, e.Build)
}

func emitFinished(logger lager.Logger, m *Monitor, name string, build Build) {
	s := m.acquire()
	if s == nil {
		return
	}
	defer s.release()
	attributes := s.merge(build.Attributes())
	attributes[buildStatusAttribute] = string(build.Status())
	s.deliver(logger, Event{
		Name:       name,
		Value:      milliseconds(buildDuration(build)),
		Attributes: attributes,
	}, nil)
}

// buildDuration returns the build's duration, or 0 for a build that never started: its
// StartTime is the zero time, and centuries since then would distort sums of durations.
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
