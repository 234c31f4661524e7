// Package host contains the options that the Signalbox daemon passes to its emitters.
// Programs that embed Signalbox do not need them.
package host

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// Pushed provides the metrics that agents and jobs push, for the metrics page and the
// status page.
type Pushed interface {
	series.Provider
	status.Section
}

// Options are emitter options that only the daemon sets.
type Options struct {
	// Settings returns the current flags, for the status page. Nil means the flags of
	// the emitter.
	Settings func() []status.Setting

	// Sections are added to the status page.
	Sections []status.Section

	// Pushed, if not nil, provides the metrics that agents and jobs push.
	Pushed Pushed

	// Memory limits the memory for series; nil means no limit.
	Memory *membudget.Budget

	// Gatherer, if not nil, returns metrics to add to the metrics page.
	Gatherer prometheus.Gatherer

	// AllowedHosts are added to emitter.PrometheusConfig.AllowedHosts.
	AllowedHosts []string

	// WrongListenerHint, if not nil, returns a hint that names the right listener for a
	// request, or an empty string. The metrics listener calls it for requests with a
	// method other than GET and HEAD.
	WrongListenerHint func(*http.Request) string
}
