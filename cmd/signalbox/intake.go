package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// newIntake returns the part of the intake listener's handler that accepts events and
// answers health checks. It does not handle pushes.
func newIntake(o events.Options) http.Handler {
	mux := source.NewMux("not found: POST events to " + events.Path +
		", PUT or POST metrics of jobs to /metrics/job/<job>, POST metrics of agents to " + agents.Path)
	mux.Handle(events.Path, events.NewHandler(o))
	mux.HandleFunc(webhook.Path(""), func(w http.ResponseWriter, r *http.Request) {
		source.Reject(w, http.StatusNotFound, "not found: "+wrongListenerHint(r))
	})
	return mux
}

// wrongListenerHint returns a hint if a request to the metrics listener should have been
// sent to another listener.
func wrongListenerHint(r *http.Request) string {
	switch {
	case strings.HasPrefix(r.URL.Path, webhook.Path("")):
		return "send webhooks to the webhook listener (--webhook-bind-port)"
	case r.URL.Path == events.Path, r.URL.Path == agents.Path, pushgateway.Handles(r):
		return "send events and pushes to the intake listener (--intake-bind-port)"
	}
	return ""
}

// intakeHelp is a section of the status page that explains how to send events and
// pushes to the intake.
type intakeHelp struct {
	status.NoFields
	address net.Addr
	access  access.Options
	log     bool // events come from a log, which has its own help
}

// OverviewReport implements status.Reporter.
func (h intakeHelp) OverviewReport(time.Time) status.Report {
	url, curl := helpURL(h.address, h.access), "curl "+credentialsOption(h.access)
	r := status.Report{Help: []status.HelpText{
		{Section: "groups", Text: "To push metrics from a job, as to a Pushgateway:"},
		{Section: "groups", Snippet: "echo 'tests_total 312' | " + curl + "--data-binary @- '" + url + "/metrics/job/unit?ttl=1h'"},
		{Section: "agents", Text: "Agents push metrics to " + url + agents.Path + ". Series that an agent stops pushing are removed."},
	}}
	if !h.log {
		r.Help = append(r.Help,
			status.HelpText{Section: "events", Text: "No events received yet. To send one:"},
			status.HelpText{Section: "events", Snippet: curl + `-d '{"name": "builds started"}' ` + url + events.Path},
		)
	}
	return r
}

// helpURL returns the URL of a listener for a help text of the status page.
func helpURL(address net.Addr, o access.Options) string {
	url := listenerURL(address, o)
	if a, ok := address.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		scheme, _, _ := strings.Cut(url, ":")
		url = fmt.Sprintf("%s://{hostname}:%d", scheme, a.Port)
	}
	return url
}
