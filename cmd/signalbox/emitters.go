package main

import (
	"net/http"
	"slices"

	"code.cloudfoundry.org/lager/v3"

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
	// A ruled emitter turns events into series with an engine.
	ruled interface{ Engine() *engine.Engine }

	// A reloader can read its mapping file again.
	reloader interface{ Reload() error }

	// A server serves metrics on its own listener, and for other listeners unless a web
	// configuration file protects its own.
	server interface {
		URL() string
		Handler() http.Handler
		Guarded() bool
	}
)

// emitters are the emitters of a Monitor, by their optional methods.
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
	for _, one := range monitor.Emitters() {
		if r, ok := one.(ruled); ok {
			e.engines = append(e.engines, r.Engine())
		}
		if r, ok := one.(reloader); ok {
			e.reloaders = append(e.reloaders, r)
		}
		if s, ok := one.(server); ok {
			e.servers = append(e.servers, s)
		}
	}
	return e
}

// Emit implements source.Sink.
func (e *emitters) Emit(event metric.Event) { e.monitor.Emit(e.logger, event) }

// Prepare implements source.Sink.
func (e *emitters) Prepare(t metric.EventType) func(*metric.Event, []string) {
	prepared := e.monitor.Prepare(t)
	return func(event *metric.Event, values []string) { prepared.Emit(e.logger, *event, values) }
}

// Knows implements source.Sink. If no emitter has rules, every event counts as known.
func (e *emitters) Knows(name string) bool {
	return len(e.engines) == 0 || slices.ContainsFunc(e.engines, func(one *engine.Engine) bool { return one.Knows(name) })
}

// Malformed implements source.Sink.
func (e *emitters) Malformed(why error) {
	for _, one := range e.engines {
		one.CountMalformed(why)
	}
}

// reload reloads the mapping files. The emitters log the results.
func (e *emitters) reload() {
	for _, r := range e.reloaders {
		r.Reload() //nolint:errcheck // logged
	}
}

// beginHistory excludes the events so far from the rates.
func (e *emitters) beginHistory() {
	for _, one := range e.engines {
		one.BeginHistory()
	}
}

// page returns the handler of the first emitter that serves metrics for other
// listeners, or nil.
func (e *emitters) page() http.Handler {
	for _, s := range e.servers {
		if !s.Guarded() {
			return s.Handler()
		}
	}
	return nil
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
