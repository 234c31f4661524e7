package source

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

const (
	// readHeaderTimeout is for clients that connect and say nothing, readTimeout for
	// bodies that trickle in. A full body takes a minute on a line of 10 Mbit/s.
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 5 * time.Minute
	idleTimeout       = 2 * time.Minute

	maxHeaderBytes = 64 << 10
)

// A Server serves HTTP on a listener. Start it with Serve.
type Server struct {
	http *http.Server
	done chan struct{} // closed when the server has stopped
	err  error         // why it stopped, if not because of Close; after done

	mu    sync.Mutex
	fresh map[net.Conn]bool // connections that have not sent a request; guarded by mu
}

// Serve starts to serve the handler on the listener, which it takes over. What the
// server has to say about connections goes to the logger. The caller must call Close.
func Serve(logger lager.Logger, listener net.Listener, handler http.Handler) *Server {
	s := &Server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          log.New(errorLog{logger}, "", 0),
		},
		done:  make(chan struct{}),
		fresh: make(map[net.Conn]bool),
	}
	s.http.ConnState = s.track
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	return s
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

// Done is closed when the server has stopped, by itself or because of Close.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close takes no more connections, waits for the requests that are being served, and
// stops the server. When the context ends first it cuts the requests off. It returns
// why the server stopped before Close, the context's error if requests were cut off, or
// nil.
func (s *Server) Close(ctx context.Context) error {
	// Nobody waits for an answer on a connection that has not sent a request, but
	// http.Server would give it five seconds.
	s.mu.Lock()
	for conn := range s.fresh {
		conn.Close() //nolint:errcheck // it is of no use anymore
	}
	s.mu.Unlock()

	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close() //nolint:errcheck // the listener is closed already
	}
	<-s.done
	return errors.Join(s.err, err)
}

// An errorLog is the writer under an http.Server's log.
type errorLog struct{ logger lager.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	l.logger.Error("http", errors.New(strings.TrimSpace(string(line))))
	return len(line), nil
}
