package metric

import (
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/felixge/httpsnoop"
)

var httpResponseTime = define("http response time", "method", "path", "route", "status")

// An HTTPResponseTime event reports how long it took to answer an HTTP request. Its
// value is the duration in milliseconds. WrapHandler emits it.
type HTTPResponseTime struct {
	Route      string // name of the route, such as "GetInfo"
	Path       string // path of the request, such as "/api/v1/info"
	Method     string
	StatusCode int
	Duration   time.Duration
}

// Emit emits the event to Metrics.
func (e HTTPResponseTime) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e HTTPResponseTime) EmitTo(logger lager.Logger, m *Monitor) {
	if m.idle() {
		return // before formatting the status
	}
	m.emit(logger, httpResponseTime, milliseconds(e.Duration),
		e.Method, e.Path, e.Route, formatInt(e.StatusCode))
}

// WrapHandler returns a handler that calls the given one and emits an HTTPResponseTime
// event to the Monitor for each request. The http.ResponseWriter keeps its optional
// interfaces, such as http.Flusher and http.Hijacker. The returned handler is safe for
// concurrent use if the given one is. The logger may be nil.
//
// The event's method is "other" for methods without a constant in net/http, since
// clients could otherwise create any number of series. If the handler panics before it
// writes a response, the event's status is 500, even though the client may receive no
// response. WrapHandler does not recover from the panic.
func WrapHandler(logger lager.Logger, metrics *Monitor, route string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Read the request before calling the handler, which may change it.
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
