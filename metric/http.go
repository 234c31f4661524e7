package metric

import (
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/felixge/httpsnoop"
)

var httpResponseTime = define("http response time", "method", "path", "route", "status")

// HTTPResponseTime tells how long it took to answer a request. The event's
// value is in milliseconds.
type HTTPResponseTime struct {
	Route      string
	Path       string
	Method     string
	StatusCode int
	Duration   time.Duration
}

// Emit emits the event to Metrics.
func (e HTTPResponseTime) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e HTTPResponseTime) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // before the work on the status
	}
	m.emit(logger, httpResponseTime, milliseconds(e.Duration),
		e.Method, e.Path, e.Route, formatInt(e.StatusCode))
}

// WrapHandler returns a handler that does what the given one does, and emits an
// HTTPResponseTime for each request. The response writer keeps its optional
// interfaces: http.Flusher, http.Hijacker and the like.
//
// A method that is not one of net/http's constants is emitted as "other":
// clients choose it freely, and each would be a series. A handler that panics
// before it has written anything counts as status 500, whatever the client
// gets to see; the panic goes on.
func WrapHandler(logger lager.Logger, metrics *Monitor, route string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Taken now, since handlers such as http.StripPrefix may be at work
		// on the request.
		event := HTTPResponseTime{Route: route, Path: r.URL.Path, Method: knownMethod(r.Method)}

		response := httpsnoop.Metrics{Code: http.StatusOK}
		panicked := true
		defer func() {
			if panicked && response.Code == http.StatusOK && response.Written == 0 {
				response.Code = http.StatusInternalServerError
			}
			event.StatusCode, event.Duration = response.Code, response.Duration
			event.EmitTo(logger, metrics)
		}()
		response.CaptureMetrics(w, func(w http.ResponseWriter) { handler.ServeHTTP(w, r) })
		panicked = false
	})
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "other"
}
