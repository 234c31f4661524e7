package source

import (
	"net"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/httpserver"
)

// The limits of a connection. A body of the maximum size takes a minute on a line of
// 10 Mbit/s. Answers have no time-out: they are short.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 5 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// Serve starts to serve the handler on the listener, which it takes over. The caller
// must shut the server down.
func Serve(logger lager.Logger, listener net.Listener, handler http.Handler) *httpserver.Server {
	s := httpserver.New(listener, httpserver.Options{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Logger:            func() lager.Logger { return logger },
	})
	s.Serve()
	return s
}
