package main

import (
	"fmt"
	"iter"
	"net"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// newIntake returns the handler of the intake's listener, without the handlers for
// pushes of jobs: it accepts events and answers health checks.
func newIntake(logger lager.Logger, limits source.Limits, sink source.Sink) http.Handler {
	mux := source.NewMux("not found: send events by POST to " + events.Path +
		", metrics of jobs by PUT or POST to /metrics/job/<job>, and metrics of agents by POST to " + agents.Path)
	mux.Handle(events.Path, events.NewHandler(logger.Session("intake"), limits, sink))
	return mux
}

// intakeHelp tells the status page how to send something to the intake.
type intakeHelp struct {
	address net.Addr
	log     bool // events come from a log instead, which has help of its own
}

// OverviewFields implements status.Section. There are none.
func (h intakeHelp) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(func(string, func(limit int) any) bool) {}
}

// OverviewReport implements status.Reporter.
func (h intakeHelp) OverviewReport(time.Time) status.Report {
	url := "http://" + h.address.String()
	if a, ok := h.address.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		url = fmt.Sprintf("http://{hostname}:%d", a.Port)
	}
	r := status.Report{Help: []status.HelpText{
		{Section: "groups", Text: "Jobs push as to a Pushgateway:"},
		{Section: "groups", Snippet: "echo 'tests_total 312' | curl --data-binary @- '" + url + "/metrics/job/unit?ttl=1h'"},
		{Section: "agents", Text: "Agents push to " + url + agents.Path + ". What they stop pushing is removed."},
	}}
	if !h.log {
		r.Help = append(r.Help,
			status.HelpText{Section: "events", Text: "No event has come yet. Send one like this:"},
			status.HelpText{Section: "events", Snippet: `curl -d '{"name": "builds started"}' ` + url + events.Path},
		)
	}
	return r
}
