// Package host has what Signalbox's own daemon passes to the emitters it hosts, and
// expects of them. Programs that embed Signalbox do not need it.
package host

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// Options are the settings of an emitter that only the daemon has.
type Options struct {
	// Settings returns the flags in force, for the status page. Nil means those of the
	// emitter.
	Settings func() []status.Setting

	// Sections are added to the status page.
	Sections []status.Section

	// Pushed, if not nil, has what agents and jobs push.
	Pushed interface {
		series.Provider
		status.Section
	}

	// Gatherer, if not nil, has metrics that are served on the page too.
	Gatherer prometheus.Gatherer

	// Elsewhere, if not nil, returns a hint where a request that is not for reading
	// should have gone; it may be empty.
	Elsewhere func(*http.Request) string
}
