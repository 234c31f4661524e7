package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// Clients that do not complete a header must not take up memory without limit, nor keep
// others from being served.
func TestConnectionsWithoutAHeaderAreLimited(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(listener, Options{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-r.Context().Done()
			}
			io.WriteString(w, "served") //nolint:errcheck // checked by the client
		}),
		ReadHeaderTimeout: time.Minute,
		Logger:            func() lager.Logger { return lager.NewLogger("test") },
	})
	server.Serve()
	defer server.Shutdown(context.Background()) //nolint:errcheck // all connections are closed

	dial := func(sent string) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	get := func(conn net.Conn) error {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_, err = io.ReadAll(response.Body)
		return err
	}

	busy := dial("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
	idle := dial("")
	if err := get(idle); err != nil {
		t.Fatal(err)
	}
	silent := dial("")
	for i := range maxPending + 20 {
		dial("GET / HTTP/1.1\r\nX: ") // never ends
		if i%100 != 0 {
			continue
		}
		if err := get(dial("")); err != nil {
			t.Errorf("a client was not served after %d connections: %v", i, err)
		}
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("got data, expected that the connection that was silent for longest was closed")
	}
	if err := get(idle); err != nil {
		t.Errorf("an idle connection was closed: %v", err)
	}
	busy.SetReadDeadline(time.Now()) //nolint:errcheck // a closed connection has no deadline
	if _, err := busy.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("got %v, expected that the connection with a request in progress is still open", err)
	}
	busy.Close() //nolint:errcheck // ends the request
	server.pending.mu.Lock()
	defer server.pending.mu.Unlock()
	if n := len(server.pending.conns); n > maxPending || n != server.pending.order.Len() {
		t.Errorf("got %d pending connections, %d in order, expected at most %d", n, server.pending.order.Len(), maxPending)
	}
}
