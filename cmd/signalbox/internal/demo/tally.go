package demo

import (
	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A kind is a kind of event that the summary counts separately.
type kind uint8

const (
	buildsStarted kind = iota
	buildsFinished
	checksFinished
	jobStatuses
	jobsScheduled
	waits
	workerReports
	workerStates
	requests
	locks
	collections
	errorLogs
	deploys
	invalidEvents

	kinds // number of kinds
)

var kindNames = [kinds]string{
	buildsStarted:  "builds started",
	buildsFinished: "builds finished",
	checksFinished: "checks finished",
	jobStatuses:    "job statuses",
	jobsScheduled:  "jobs scheduled",
	waits:          "waits for workers",
	workerReports:  "worker reports",
	workerStates:   "worker states",
	requests:       "requests answered",
	locks:          "locks acquired and released",
	collections:    "garbage collections",
	errorLogs:      "errors logged",
	deploys:        "deploys (unknown to the rules)",
	invalidEvents:  "invalid events (rejected by rules)",
}

// A tally counts events by kind.
type tally [kinds]uint64

func (t *tally) total() (n uint64) {
	for _, count := range t {
		n += count
	}
	return n
}

// emit emits the events of a typed call, and counts them as one.
func emit[Call interface {
	EmitTo(lager.Logger, *metric.Monitor)
}](s *simulation, k kind, call Call) {
	s.tally[k]++
	call.EmitTo(s.logger, s.monitor)
}

// emitEvent emits an event for which there is no typed call.
func (s *simulation) emitEvent(k kind, event metric.Event) {
	s.tally[k]++
	s.monitor.Emit(s.logger, event)
}
