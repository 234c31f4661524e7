package exposition

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// ServerOptions configure a Server.
type ServerOptions struct {
	// Address is the host and port to listen on. Port 0 takes a free one.
	Address string

	// WebConfigFile, if not empty, is exporter-toolkit's configuration of TLS,
	// client certificates and basic authentication. It is read again for each
	// connection and request.
	WebConfigFile string

	Handler http.Handler

	// Logger is asked for the logger each time there is something to log.
	Logger func() lager.Logger
}

// A Server serves a Handler on a listener of its own.
type Server struct {
	listener net.Listener
	server   *http.Server
	web      *web.FlagConfig
	logger   func() lager.Logger
	serving  sync.WaitGroup

	mu    sync.Mutex
	fresh map[net.Conn]bool // connections that have not sent a request; guarded by mu
}

// The time-outs. Prometheus gives up on a scrape after ten seconds unless told
// otherwise, and comes back every minute or more often.
const (
	readHeaderTimeout = 5 * time.Second
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 5 * time.Minute
)

// hasTLS reports whether the web configuration turns TLS on.
func hasTLS(file string) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var config web.Config
	return yaml.Unmarshal(content, &config) == nil && config.TLSConfig.IsEnabled()
}

// Listen opens the listener, so that the address is taken or the error is known.
// Serve begins to serve on it. Either way the Server must be shut down. The web
// configuration file must be as web.Validate wants it.
func Listen(o ServerOptions) (*Server, error) {
	listener, err := net.Listen(network(o.Address), o.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics on %s: %w", o.Address, err)
	}
	addresses, systemdSocket := []string{o.Address}, false
	s := &Server{
		listener: listener,
		fresh:    map[net.Conn]bool{},
		server: &http.Server{
			Handler:           o.Handler,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readHeaderTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			ErrorLog:          log.New(logWriter{o.Logger}, "", 0),
		},
		web: &web.FlagConfig{
			WebListenAddresses: &addresses,
			WebSystemdSocket:   &systemdSocket,
			WebConfigFile:      &o.WebConfigFile,
		},
		logger: o.Logger,
	}
	s.server.ConnState = s.track
	return s, nil
}

// track keeps account of the connections that have not sent a request.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.fresh[conn] = true
	} else {
		delete(s.fresh, conn)
	}
}

// network is the one for the address: the wildcard of IPv4 is not that of IPv6.
func network(address string) string {
	host, _, _ := net.SplitHostPort(address)
	if net.ParseIP(host).To4() != nil {
		return "tcp4"
	}
	return "tcp"
}

// Addr is the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where the page is.
func (s *Server) URL() string {
	scheme := "http"
	if hasTLS(*s.web.WebConfigFile) {
		scheme = "https"
	}
	return scheme + "://" + s.Addr() + "/metrics"
}

// Serve begins to serve, and returns at once.
func (s *Server) Serve() {
	s.serving.Go(func() {
		// The toolkit's log lines would tell what the caller knows.
		quiet := slog.New(slog.DiscardHandler)
		err := web.Serve(s.listener, s.server, s.web, quiet)
		if err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.logger().Error("metrics-listener-failed", err, lager.Data{"address": s.Addr()})
		}
	})
}

// Shutdown closes the listener and waits for scrapes that are under way. When
// the context ends first, it cuts them off and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	// Nothing is under way on a connection that has not sent a request, but
	// http.Server would give it five seconds.
	s.mu.Lock()
	for conn := range s.fresh {
		conn.Close()
	}
	s.mu.Unlock()

	err := s.server.Shutdown(ctx)
	if err != nil {
		s.server.Close()
	}
	s.listener.Close() // which the server does only if it had begun to serve
	s.serving.Wait()
	return err
}

// logWriter logs what the HTTP server has to say about single connections.
type logWriter struct{ logger func() lager.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	w.logger().Info("http-server", lager.Data{"message": string(line)})
	return len(line), nil
}
