package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A client that sends nothing or does not read the response must not keep its
// connection open forever.
func TestSilentClientsAreDisconnected(t *testing.T) {
	options := Options{
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       8 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/refused" {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			io.Copy(io.Discard, r.Body) //nolint:errcheck // it fails if the client sends no body
			if r.URL.Path == "/long" {
				w.Write(make([]byte, 1<<20)) //nolint:errcheck // it fails if the client does not read
			}
		}),
		Logger: func() lager.Logger { return lager.NewLogger("test") },
	}
	for _, c := range []struct {
		name, sent string
		read       int64 // bytes of the response; -1 for all
		after      time.Duration
	}{
		{"before the request", "", -1, options.ReadHeaderTimeout},
		{"within the header", "POST / HTTP/1.1\r\nHost: a\r\n", -1, options.ReadHeaderTimeout},
		{"within the body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", -1, bodyGrace},
		{"within a large body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 5*minBodyRate), -1, bodyGrace + 5*time.Second},
		{"within an endless body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + strings.Repeat("x", 100*minBodyRate), -1, options.ReadTimeout},
		{"within a body that is refused", "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx", -1, discardTimeout},
		{"within the response", "GET /long HTTP/1.1\r\nHost: a\r\n\r\n", 100, stallTimeout},
		{"after the response", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", -1, options.IdleTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				closed := make(chan time.Time, 1)
				listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
				listener.accept <- watched{ours, closed}
				server := New(listener, options)
				server.Serve()
				defer server.Shutdown(context.Background()) //nolint:errcheck // the listener fails
				began := time.Now()
				if _, err := io.WriteString(theirs, c.sent); err != nil {
					t.Fatal(err)
				}
				if c.read < 0 {
					io.Copy(io.Discard, theirs) //nolint:errcheck // until the connection is closed
				} else {
					io.CopyN(io.Discard, theirs, c.read) //nolint:errcheck // then the client stops reading
				}
				if took := (<-closed).Sub(began); took < c.after || took > c.after+time.Second {
					t.Errorf("disconnected after %s, expected %s", took, c.after)
				}
			})
		})
	}
}

// watched is a connection that sends the time of the first Close to closed.
type watched struct {
	net.Conn
	closed chan time.Time
}

func (w watched) Close() error {
	select {
	case w.closed <- time.Now():
	default:
	}
	return w.Conn.Close()
}

// A request may take longer than the timeouts for its body, once the body has been read.
func TestHandlersMayTakeLongerThanBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.accept <- ours
		server := New(listener, Options{
			ReadTimeout: time.Minute,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(30 * time.Second) // does not count
				body, err := io.ReadAll(r.Body)
				r.Body.Read(make([]byte, 1)) //nolint:errcheck // some decompressors read again after the end
				time.Sleep(25 * time.Second)
				if err == nil {
					err = r.Context().Err()
				}
				fmt.Fprint(w, string(body), err)
			}),
			Logger: func() lager.Logger { return lager.NewLogger("test") },
		})
		server.Serve()
		defer server.Shutdown(context.Background()) //nolint:errcheck // the listener fails
		go func() {
			io.WriteString(theirs, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n") //nolint:errcheck // the response shows errors
			io.WriteString(theirs, "xy")                                                                           //nolint:errcheck // the response shows errors
		}()
		if response, _ := io.ReadAll(theirs); !strings.HasSuffix(string(response), "xy<nil>") {
			t.Errorf("got %q, expected a response that ends in xy<nil>", response)
		}
	})
}

// dialServer returns a connection to a new server with the handler. Both are closed when
// the test ends.
func dialServer(t *testing.T, handler http.HandlerFunc) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(listener, Options{Handler: handler, Logger: func() lager.Logger { return lager.NewLogger("test") }})
	server.Serve()
	t.Cleanup(func() { server.Shutdown(context.Background()) }) //nolint:errcheck // nothing is left to close
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() }) //nolint:errcheck // only read from
	return client
}

// A client that reads the response only after it has sent the whole body gets the
// response, even if the handler did not read the body.
func TestRefusedBodiesAreRead(t *testing.T) {
	const size = 16 << 20 // more than the kernel's buffers
	for _, c := range []struct {
		name, header, ends string
	}{
		{"of a declared length", fmt.Sprintf("Content-Length: %d\r\n\r\n", size), ""},
		{"in chunks", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size), "\r\n0\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := dialServer(t, func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			})
			sent := "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + c.header + strings.Repeat("x", size) + c.ends
			if _, err := io.WriteString(client, sent); err != nil {
				t.Fatalf("sending the body: %v", err)
			}
			response, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatalf("reading the response: %v", err)
			}
			response.Body.Close() //nolint:errcheck // only the status matters
			if response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("got status %d, expected 413", response.StatusCode)
			}
		})
	}
}

// A client cannot make the server read a body without end.
func TestEndlessRefusedBodiesAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.accept <- ours
		server := New(listener, Options{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}),
			Logger: func() lager.Logger { return lager.NewLogger("test") },
		})
		server.Serve()
		defer server.Shutdown(context.Background())                                                   //nolint:errcheck // the listener fails
		go io.Copy(io.Discard, theirs)                                                                //nolint:errcheck // until the connection is closed
		io.WriteString(theirs, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n") //nolint:errcheck // the next write would fail too
		sent, piece := 0, make([]byte, 1<<20)
		for sent < 2*maxDiscarded {
			n, err := theirs.Write(piece)
			sent += n
			if err != nil {
				break
			}
		}
		if sent < maxDiscarded || sent > maxDiscarded+len(piece) {
			t.Errorf("the server read %d bytes, expected about %d", sent, maxDiscarded)
		}
	})
}

// oneConnection is a listener that accepts one connection.
type oneConnection struct {
	accept chan net.Conn
	closed chan struct{}
}

func (l oneConnection) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accept:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l oneConnection) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l oneConnection) Addr() net.Addr { return &net.TCPAddr{} }
