// Package httpserver serves HTTP with timeouts, a web configuration file for TLS and
// authentication, and a shutdown that does not wait for idle clients.
package httpserver

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// Options configure a Server. A zero timeout means the same as in http.Server.
type Options struct {
	Handler http.Handler

	// WebConfigFile is the path of a web configuration file of exporter-toolkit, which
	// configures TLS, client certificates, and basic authentication. It may be empty.
	// The file must be valid. The server reads it again for each connection and
	// request.
	WebConfigFile string

	ReadHeaderTimeout time.Duration // maximum time until a client has sent the request header
	ReadTimeout       time.Duration // maximum time to read a whole request
	WriteTimeout      time.Duration // maximum time to write a whole response
	IdleTimeout       time.Duration // maximum time between two requests
	MaxHeaderBytes    int           // zero means http.DefaultMaxHeaderBytes

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
	http     *http.Server
	options  Options
	scheme   string
	serving  sync.WaitGroup
	done     chan struct{} // closed when serving has ended
	err      error         // error that ended serving without a Shutdown; valid after done is closed

	mu      sync.Mutex        // protects the following fields
	fresh   map[net.Conn]bool // connections that have not sent a request
	closing bool              // whether to close new connections immediately
}

// New returns a Server that takes ownership of the listener. Call Serve to start it.
func New(listener net.Listener, o Options) *Server {
	s := &Server{
		listener: listener,
		options:  o,
		scheme:   "http",
		done:     make(chan struct{}),
		fresh:    map[net.Conn]bool{},
		http: &http.Server{
			Handler:           o.Handler,
			ReadHeaderTimeout: o.ReadHeaderTimeout,
			ReadTimeout:       o.ReadTimeout,
			WriteTimeout:      o.WriteTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    o.MaxHeaderBytes,
			ErrorLog:          log.New(logWriter{o}, "", 0),
		},
	}
	s.http.ConnState = s.track
	if webconfig.EnablesTLS(o.WebConfigFile) {
		s.scheme = "https"
	}
	return s
}

// Serve starts serving in the background and returns immediately.
func (s *Server) Serve() {
	address, systemdSocket := []string{s.listener.Addr().String()}, false
	flags := &web.FlagConfig{
		WebListenAddresses: &address,
		WebSystemdSocket:   &systemdSocket,
		WebConfigFile:      &s.options.WebConfigFile,
	}
	s.serving.Go(func() {
		defer close(s.done)
		err := web.Serve(s.listener, s.http, flags, slog.New(&configLog{options: s.options, began: time.Now()}))
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

// Scheme returns "https" if the web configuration file enabled TLS when the Server was
// created, and "http" otherwise.
func (s *Server) Scheme() string { return s.scheme }

// Shutdown closes the listener and waits for requests in progress. If the context ends
// first, it interrupts the requests and returns the context's error. If an error had
// already ended serving, the result also includes that error, unless Options.Failed is
// set.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closeFresh()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close() //nolint:errcheck // the listener is already closed
	}
	s.listener.Close() //nolint:errcheck // necessary if the server was never started
	s.serving.Wait()
	return errors.Join(s.err, err)
}

// closeFresh closes the connections that have not sent a request. No client waits for a
// response on them, but http.Server.Shutdown would wait five seconds for a request.
func (s *Server) closeFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for conn := range s.fresh {
		conn.Close() //nolint:errcheck // the connection is no longer needed
	}
}

// track maintains the set of connections that have not sent a request.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.fresh, conn)
	case s.closing:
		conn.Close() //nolint:errcheck // the connection is no longer needed
	default:
		s.fresh[conn] = true
	}
}

// A logWriter logs the messages of http.Server. It removes values of the web
// configuration file from them: if the file is no longer valid, messages about failed
// handshakes contain such values.
type logWriter struct{ options Options }

// Write implements io.Writer.
func (w logWriter) Write(line []byte) (int, error) {
	message := strings.TrimSpace(string(line))
	if w.options.WebConfigFile != "" {
		message = webconfig.HideValues(message)
	}
	w.options.Logger().Info("http-server", lager.Data{"message": message})
	return len(line), nil
}

// A configLog is the slog.Handler that exporter-toolkit logs to. While the web
// configuration file is invalid, exporter-toolkit logs an error for each request. A
// configLog instead logs the errors in the file, at most once a second and without
// passwords.
type configLog struct {
	options Options
	began   time.Time
	limit   loglimit.Limiter
}

// Enabled implements slog.Handler.
func (l *configLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

// WithAttrs implements slog.Handler.
func (l *configLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *configLog) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *configLog) Handle(_ context.Context, r slog.Record) error {
	if ok, unlogged := l.limit.Allow(time.Since(l.began)); ok {
		err := webconfig.Check(l.options.WebConfigFile)
		if err == nil { // the file has become valid again
			err = errors.New(r.Message)
		}
		l.options.Logger().Error("web-config-invalid", err, lager.Data{"unlogged": unlogged})
	}
	return nil
}
