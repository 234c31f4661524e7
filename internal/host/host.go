// Package host contains the options that Signalbox's own daemon passes to the emitters
// it hosts. Programs that embed Signalbox do not need it.
package host

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// Pushed contains the metrics that agents and jobs push, for the page and the status page.
type Pushed interface {
	series.Provider
	status.Section
}

// Options are the options of an emitter that only the daemon sets.
type Options struct {
	// Settings returns the flags in force, for the status page. Nil means those of the
	// emitter.
	Settings func() []status.Setting

	// Sections are added to the status page.
	Sections []status.Section

	// Pushed, if not nil, contains the metrics that agents and jobs push.
	Pushed Pushed

	// Gatherer, if not nil, returns metrics to add to the page.
	Gatherer prometheus.Gatherer

	// Elsewhere, if not nil, returns a hint to which listener a request other than GET
	// and HEAD should have been sent. It may be empty.
	Elsewhere func(*http.Request) string
}
