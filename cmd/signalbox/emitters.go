package main

import (
	"net/http"

	"code.cloudfoundry.org/lager/v3"

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
	// An eventKnower knows which events it uses.
	eventKnower interface{ Knows(event string) bool }

	// A malformedCounter counts input that is not an event.
	malformedCounter interface{ CountMalformed(why error) }

	// A reloader can read its mapping file again.
	reloader interface{ Reload() error }

	// A server serves metrics on its own listener.
	server interface{ URL() string }

	// A handler serves metrics on other listeners; its handler may be nil.
	handler interface{ Handler() http.Handler }

	// A historian keeps rates of events, and can restart them.
	historian interface{ BeginHistory() }
)

// emitters are the emitters of a Monitor, by their optional methods.
type emitters struct {
	monitor *metric.Monitor
	logger  lager.Logger

	knowers    []eventKnower
	malformed  []malformedCounter
	reloaders  []reloader
	servers    []server
	handlers   []handler
	historians []historian
}

// newEmitters returns the emitters of an initialized Monitor.
func newEmitters(logger lager.Logger, monitor *metric.Monitor) *emitters {
	e := &emitters{monitor: monitor, logger: logger.Session("emit")}
	for _, one := range monitor.Emitters() {
		e.knowers = appendIf(e.knowers, one)
		e.malformed = appendIf(e.malformed, one)
		e.reloaders = appendIf(e.reloaders, one)
		e.servers = appendIf(e.servers, one)
		e.handlers = appendIf(e.handlers, one)
		e.historians = appendIf(e.historians, one)
	}
	return e
}

// appendIf appends the emitter to the list if it is a T.
func appendIf[T any](list []T, e metric.Emitter) []T {
	if t, ok := e.(T); ok {
		return append(list, t)
	}
	return list
}

// Emit implements source.Sink.
func (e *emitters) Emit(event metric.Event) { e.monitor.Emit(e.logger, event) }

// Prepare implements source.Sink.
func (e *emitters) Prepare(t metric.EventType) func(*metric.Event, []string) {
	prepared := e.monitor.Prepare(t)
	return func(event *metric.Event, values []string) { prepared.Emit(e.logger, *event, values) }
}

// Knows implements source.Sink. If no emitter is an eventKnower, every event counts as
// known.
func (e *emitters) Knows(name string) bool {
	for _, k := range e.knowers {
		if k.Knows(name) {
			return true
		}
	}
	return len(e.knowers) == 0
}

// Malformed implements source.Sink.
func (e *emitters) Malformed(why error) {
	for _, m := range e.malformed {
		m.CountMalformed(why)
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
	for _, h := range e.historians {
		h.BeginHistory()
	}
}

// page returns the handler of the first emitter that can serve its metrics on other
// listeners, or nil.
func (e *emitters) page() http.Handler {
	for _, h := range e.handlers {
		if page := h.Handler(); page != nil {
			return page
		}
	}
	return nil
}

// url returns the URL of the first metrics page, or the empty string.
func (e *emitters) url() string {
	if len(e.servers) == 0 {
		return ""
	}
	return e.servers[0].URL()
}
