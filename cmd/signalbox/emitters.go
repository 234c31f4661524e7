package main

import (
	"iter"
	"net/http"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/metric"
)

// hostEmitters passes the daemon's options to the factories that accept them.
func hostEmitters(factories []metric.EmitterFactory, o host.Options) {
	for _, factory := range factories {
		if f, ok := factory.(interface{ Host(host.Options) }); ok {
			f.Host(o)
		}
	}
}

// A checker is a factory that can check its configuration without starting anything.
type checker interface {
	Check(attributes map[string]string) (summary string, err error)
}

// The optional methods of emitters that the daemon uses.
type (
	// An engineEmitter turns events into series with an engine.
	engineEmitter interface{ Engine() *engine.Engine }

	// A reloader can reload its mapping file.
	reloader interface{ Reload() error }

	// A server serves metrics on its own listener, which may be protected. Another
	// listener may use its PageHandler if its own protection covers that.
	server interface {
		Addr() string
		URL() string
		PageHandler() http.Handler
		Protection() access.Protection
	}
)

// emitters contains the emitters of a Monitor, by their optional methods.
type emitters struct {
	monitor *metric.Monitor
	logger  lager.Logger

	engines   []*engine.Engine
	reloaders []reloader
	servers   []server
}

// newEmitters returns the emitters of an initialized Monitor.
func newEmitters(logger lager.Logger, monitor *metric.Monitor) *emitters {
	e := &emitters{monitor: monitor, logger: logger.Session("emit")}
	for _, emitter := range monitor.Emitters() {
		if withEngine, ok := emitter.(engineEmitter); ok {
			e.engines = append(e.engines, withEngine.Engine())
		}
		if r, ok := emitter.(reloader); ok {
			e.reloaders = append(e.reloaders, r)
		}
		if s, ok := emitter.(server); ok {
			e.servers = append(e.servers, s)
		}
	}
	return e
}

// Emit implements source.Sink.
func (e *emitters) Emit(event metric.Event, outcome *metric.Outcome) {
	e.monitor.EmitReporting(e.logger, event, outcome)
}

// Prepare implements source.Sink.
func (e *emitters) Prepare(t metric.EventType) (emit func(*metric.Event, []string, *metric.Outcome), prefetch func([][]string)) {
	prepared := e.monitor.Prepare(t)
	emit = func(event *metric.Event, values []string, outcome *metric.Outcome) {
		prepared.EmitReporting(e.logger, *event, values, outcome)
	}
	prefetchers := make([]func([][]string), len(e.engines))
	for i, engine := range e.engines {
		prefetchers[i] = engine.Prefetcher(t)
	}
	prefetch = func(batch [][]string) {
		for _, prefetch := range prefetchers {
			prefetch(batch)
		}
	}
	return emit, prefetch
}

// Malformed implements source.Sink.
func (e *emitters) Malformed(err error) {
	for _, engine := range e.engines {
		engine.CountMalformed(err)
	}
}

// labelInputs returns what rules use of an event; see engine.Engine.LabelInputs.
func (e *emitters) labelInputs(event string) iter.Seq2[string, func(string) string] {
	return func(yield func(string, func(string) string) bool) {
		for _, engine := range e.engines {
			for attribute, of := range engine.LabelInputs(event) {
				if !yield(attribute, of) {
					return
				}
			}
		}
	}
}

// reload reloads the mapping files. The emitters log the results.
func (e *emitters) reload() {
	for _, r := range e.reloaders {
		r.Reload() //nolint:errcheck // logged
	}
}

// beginHistory excludes the events so far from the rates on the status page.
func (e *emitters) beginHistory() {
	for _, engine := range e.engines {
		engine.BeginHistory()
	}
}

// page returns the handler of the first emitter with a metrics page, or nil. It does
// not protect the page.
func (e *emitters) page() http.Handler {
	if len(e.servers) == 0 {
		return nil
	}
	return e.servers[0].PageHandler()
}

// url returns the URL of the first metrics page, or the empty string.
func (e *emitters) url() string {
	for _, s := range e.servers {
		if url := s.URL(); url != "" {
			return url
		}
	}
	return ""
}
