package main

import (
	"net/http"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
)

// newIntake returns the handler of the intake's listener, without the handlers for
// pushes of jobs: it accepts events and answers health checks.
func newIntake(logger lager.Logger, limits source.Limits, sink source.Sink) http.Handler {
	mux := source.NewMux("not found: send events by POST to " + events.Path +
		", metrics of jobs by PUT or POST to /metrics/job/<job>, and metrics of agents by POST to " + agents.Path)
	mux.Handle(events.Path, events.NewHandler(logger.Session("intake"), limits, sink))
	return mux
}
