package exposition

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
)

// ServerOptions are the options of a Server.
type ServerOptions struct {
	Address string // host and port; port 0 means any free port
	Handler http.Handler
	Access  access.Options      // see httpserver.Options
	Logger  func() lager.Logger // returns the current logger
}

// A Server serves a page on its own listener.
type Server struct{ *httpserver.Server }

// The timeouts. By default, Prometheus scrapes every minute.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 5 * time.Minute
)

// Listen opens the listener, and returns a Server. The caller starts it with Serve, and
// must shut it down, even if it never started it.
func Listen(o ServerOptions) (*Server, error) {
	listener, err := httpserver.Listen(o.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics on %s: %w", o.Address, err)
	}
	return &Server{httpserver.New(listener, o.http(listener.Addr()))}, nil
}

// http returns the options of the HTTP server.
func (o ServerOptions) http(address net.Addr) httpserver.Options {
	return httpserver.Options{
		Handler:           o.Handler,
		Access:            o.Access,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		Logger:            o.Logger,
		Failed: func(err error) {
			o.Logger().Error("metrics-listener-failed", err, lager.Data{"address": address.String()})
		},
	}
}

// Addr returns the address of the listener.
func (s *Server) Addr() string { return s.Server.Addr().String() }

// URL returns the URL of the page.
func (s *Server) URL() string { return s.Scheme() + "://" + s.Addr() + "/metrics" }
