package source

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A client that is silent, before its request or within the body, must not keep a
// connection open forever.
func TestSilentClientsAreDisconnected(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		after      time.Duration
	}{
		{"before the request", "", readHeaderTimeout},
		{"within the header", "POST / HTTP/1.1\r\nHost: a\r\n", readHeaderTimeout},
		{"within the body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", readTimeout},
		{"after the answer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", idleTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
				listener.accept <- ours
				server := Serve(lager.NewLogger("test"), listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body) //nolint:errcheck // it fails where the client is silent
				}))
				defer server.Close(context.Background()) //nolint:errcheck // the listener fails
				began := time.Now()
				if _, err := io.WriteString(theirs, c.sent); err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, theirs) //nolint:errcheck // until it is closed
				if took := time.Since(began); took < c.after || took > c.after+time.Second {
					t.Errorf("disconnected after %s, expected %s", took, c.after)
				}
			})
		})
	}
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
