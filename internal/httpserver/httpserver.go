// Package httpserver serves HTTP with timeouts, a web configuration file for TLS and
// authentication, and a shutdown that does not wait for clients that are idle or do not
// read.
package httpserver

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// Options configure a Server. A zero timeout means the same as in http.Server.
type Options struct {
	Handler http.Handler

	// Access decides which requests the handler receives. Its WebConfig also configures
	// TLS. New sets Address and Logger.
	Access access.Options

	ReadHeaderTimeout time.Duration // maximum time until a client has sent the request header
	ReadTimeout       time.Duration // maximum time to read a whole request
	IdleTimeout       time.Duration // maximum time between two requests

	// Logger returns the current logger, which also receives the messages of
	// http.Server about connections.
	Logger func() lager.Logger

	// Failed, if not nil, is called with the error if serving ends without a Shutdown.
	// If it is nil, Shutdown returns the error.
	Failed func(error)
}

// A Server serves HTTP on a listener. The caller must shut it down, even if it was
// never started.
type Server struct {
	listener net.Listener
	stalls   *stalls
	http     *http.Server
	options  Options
	scheme   string
	serving  sync.WaitGroup
	done     chan struct{} // closed when serving has ended
	err      error         // error that ended serving without a Shutdown; valid after done is closed

	pending pending
	streams streams
}

// maxHeaderBytes is the maximum size of a request header, to which net/http adds 4 KiB.
// Clients send the header before they are authenticated.
const maxHeaderBytes = 64 << 10

// New returns a Server that takes ownership of the listener. Call Serve to start it.
func New(listener net.Listener, o Options) *Server {
	o.Access.Address, o.Access.Logger = listener.Addr(), o.Logger
	stalls := newStalls()
	s := &Server{
		listener: progressListener{listener, stalls},
		stalls:   stalls,
		options:  o,
		scheme:   "http",
		done:     make(chan struct{}),
		http: &http.Server{
			ReadHeaderTimeout: o.ReadHeaderTimeout,
			ReadTimeout:       o.ReadTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          log.New(&logWriter{options: o, began: time.Now()}, "", 0),
		},
	}
	s.http.Handler = s.pending.handler(stalls.limitStreams(limitBodies(o.ReadTimeout, &s.streams, access.New(o.Access, o.Handler))))
	s.http.ConnContext, s.http.ConnState = s.pending.context, s.pending.track
	if config := o.Access.WebConfig; config != nil {
		config.OnChange(func(err error) { logWebConfig(o.Logger(), err) })
		if config.EnablesTLS() {
			s.enableTLS(config)
		}
	}
	return s
}

func (s *Server) enableTLS(config *webconfig.File) {
	s.scheme = "https"
	protocols := []string{"http/1.1"}
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	if config.EnablesHTTP2() {
		protocols = append([]string{"h2"}, protocols...)
		s.http.Protocols.SetHTTP2(true)
	}
	s.http.TLSConfig = config.TLSConfig(protocols...)
}

// Serve starts serving in the background and returns immediately.
func (s *Server) Serve() {
	s.serving.Go(func() {
		defer close(s.done)
		var err error
		if s.http.TLSConfig != nil {
			err = s.http.ServeTLS(s.listener, "", "")
		} else {
			err = s.http.Serve(s.listener)
		}
		switch {
		case err == nil || errors.Is(err, http.ErrServerClosed):
		case s.options.Failed != nil:
			s.options.Failed(err)
		default:
			s.err = err
		}
	})
}

// Done returns a channel that is closed when the Server has stopped serving, with or
// without a Shutdown.
func (s *Server) Done() <-chan struct{} { return s.done }

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Scheme returns "https" if the web configuration file enables TLS, and "http"
// otherwise.
func (s *Server) Scheme() string { return s.scheme }

// Shutdown closes the listener, interrupts streams and waits for requests in progress.
// It disconnects clients that read nothing of their response for a second. If the
// context ends first, it interrupts the requests and returns the context's error. If an
// error had already ended serving, the result also includes that error, unless
// Options.Failed is set.
func (s *Server) Shutdown(ctx context.Context) error {
	s.pending.close()
	s.streams.close()
	s.stalls.shorten(shutdownStallTimeout)
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close() //nolint:errcheck // the listener is already closed
	}
	s.listener.Close() //nolint:errcheck // necessary if the server was never started
	s.serving.Wait()
	return errors.Join(s.err, err)
}
