package source

import (
	"net"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
)

// The timeouts of a connection. A body of the default maximum size takes a minute at
// 10 Mbit/s.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 5 * time.Minute
	idleTimeout       = 2 * time.Minute
)

// Serve starts a server for the handler on the listener. The server owns the listener;
// the caller must shut down the server.
func Serve(logger lager.Logger, listener net.Listener, o access.Options, handler http.Handler) *httpserver.Server {
	s := httpserver.New(listener, serverOptions(logger, o, handler))
	s.Serve()
	return s
}

func serverOptions(logger lager.Logger, o access.Options, handler http.Handler) httpserver.Options {
	return httpserver.Options{
		Handler:           handler,
		Access:            o,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		Logger:            func() lager.Logger { return logger },
	}
}
