package demo

import (
	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A kind is a kind of events, as the summary tells them apart.
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
	mistakes

	kinds // how many there are
)

var kindNames = [kinds]string{
	buildsStarted:  "builds started",
	buildsFinished: "builds finished",
	checksFinished: "checks finished",
	jobStatuses:    "job statuses",
	jobsScheduled:  "jobs scheduled",
	waits:          "waits for workers",
	workerReports:  "reports of workers",
	workerStates:   "states of workers",
	requests:       "requests answered",
	locks:          "locks taken and given back",
	collections:    "garbage collections",
	errorLogs:      "errors logged",
	deploys:        "deploys, which no rule knows",
	mistakes:       "mistakes, which rules reject",
}

// A tally counts events by their kind.
type tally [kinds]uint64

func (t *tally) total() (n uint64) {
	for _, count := range t {
		n += count
	}
	return n
}

// tell makes a typed call.
func tell[Call interface {
	EmitTo(lager.Logger, *metric.Monitor)
}](s *simulation, k kind, call Call) {
	s.tally[k]++
	call.EmitTo(s.logger, s.monitor)
}

// tellEvent emits an event that there is no typed call for.
func (s *simulation) tellEvent(k kind, event metric.Event) {
	s.tally[k]++
	s.monitor.Emit(s.logger, event)
}
