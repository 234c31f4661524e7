package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// serveOne serves a handler on a connection within memory, and returns the client's end
// and a channel that receives the time when the server closes its end.
func serveOne(handler http.HandlerFunc) (*Server, net.Conn, <-chan time.Time) {
	ours, theirs := net.Pipe()
	closed := make(chan time.Time, 1)
	listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
	listener.accept <- watched{ours, closed}
	s := New(listener, Options{Handler: handler, Logger: func() lager.Logger { return lager.NewLogger("test") }})
	s.Serve()
	return s, theirs, closed
}

func request(t *testing.T, conn net.Conn) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReaderSize(conn, 1024)
}

// A client that reads slowly may take as long as it needs.
func TestASlowClientIsNotDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 * writeSize
		s, conn, _ := serveOne(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, size)) }) //nolint:errcheck // checked below
		response, err := http.ReadResponse(request(t, conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range size / (writeSize / 2) {
			time.Sleep(stallTimeout / 3)
			if _, err := io.CopyN(io.Discard, response.Body, writeSize/2); err != nil {
				t.Fatalf("disconnected after %s: %v", time.Since(began), err)
			}
		}
		conn.Close()
		s.Shutdown(context.Background()) //nolint:errcheck // the listener fails
	})
}

// The server may set an earlier deadline, to abort a response at once.
func TestADeadlineInThePastAbortsTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 2)
		s, conn, closed := serveOne(func(w http.ResponseWriter, _ *http.Request) {
			now := time.Now()
			time.AfterFunc(time.Second, func() { http.NewResponseController(w).SetWriteDeadline(now) }) //nolint:errcheck // checked below
			for range 2 {
				_, err := w.Write(make([]byte, 10*writeSize))
				failed <- err
			}
		})
		defer s.Shutdown(context.Background()) //nolint:errcheck // the listener fails
		began := time.Now()
		request(t, conn)
		if took := (<-closed).Sub(began); took != time.Second {
			t.Errorf("disconnected after %s, expected 1s", took)
		}
		for range 2 {
			if <-failed == nil {
				t.Error("a write succeeded")
			}
		}
	})
}

// A client that does not read must not delay the shutdown until its deadline.
func TestShutdownDisconnectsClientsThatDoNotRead(t *testing.T) {
	for name, c := range map[string]struct{ before, after time.Duration }{
		"stalled for some time": {10 * time.Second, 0},
		"stalled just now":      {time.Second / 4, shutdownStallTimeout - time.Second/4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, conn, closed := serveOne(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 10*writeSize)) }) //nolint:errcheck // it fails
				request(t, conn)
				time.Sleep(c.before)
				began := time.Now()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if took := (<-closed).Sub(began); took != c.after {
					t.Errorf("disconnected after %s, expected %s", took, c.after)
				}
			})
		})
	}
}

// Clients that read slowly, but do read, get their response during a shutdown.
func TestShutdownWaitsForSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 * writeSize
		s, conn, _ := serveOne(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, size)) }) //nolint:errcheck // checked below
		response, err := http.ReadResponse(request(t, conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- s.Shutdown(context.Background()) }()
		for range size / (writeSize / 2) {
			time.Sleep(shutdownStallTimeout / 3)
			if _, err := io.CopyN(io.Discard, response.Body, writeSize/2); err != nil {
				t.Fatal(err)
			}
		}
		go io.Copy(io.Discard, conn) //nolint:errcheck // the end of the response
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// With HTTP/2, each response has its own flow control, and the connection is not
// blocked.
func TestHTTP2ClientsThatDoNotRead(t *testing.T) {
	var written atomic.Int64
	aborted := make(chan error, 1)
	stalls := newStalls()
	server := httptest.NewUnstartedServer(stalls.limitStreams(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			io.WriteString(w, "short") //nolint:errcheck // checked below
			return
		}
		for {
			n, err := w.Write(make([]byte, writeSize))
			if written.Add(int64(n)); err != nil {
				aborted <- err
				return
			}
		}
	})))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{}
	server.StartTLS()
	defer server.Close()
	get := func(path string) *http.Response {
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if response.ProtoMajor != 2 {
			t.Fatalf("got %s, expected HTTP/2", response.Proto)
		}
		return response
	}
	stuck := get("/")
	defer stuck.Body.Close()
	stalls.shorten(time.Millisecond)
	<-aborted
	if _, err := io.Copy(io.Discard, stuck.Body); err == nil {
		t.Error("the response is complete, expected an error")
	}
	short := get("/short") // on the same connection
	defer short.Body.Close()
	if body, err := io.ReadAll(short.Body); err != nil || string(body) != "short" {
		t.Errorf("got %q, %v", body, err)
	}
	if written.Load() == 0 {
		t.Error("nothing was written")
	}
}
