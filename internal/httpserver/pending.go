package httpserver

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// maxPending is the maximum number of pending connections of a server. Clients send a
// header within milliseconds, so only connections that are there to take up memory stay
// pending: that of up to maxHeaderBytes for the header and about as much for TLS.
const maxPending = 500

// A pending is the set of connections whose latest request has no complete header yet.
// If there are too many, it closes the one that has been pending for longest. The zero
// value is empty and ready to use. It is safe for concurrent use.
type pending struct {
	mu      sync.Mutex // protects the following fields
	order   list.List  // of *pendingConn, longest pending first
	conns   map[net.Conn]*list.Element
	closing bool // whether to close new connections immediately
}

// A pendingConn is a connection without a complete header.
type pendingConn struct {
	conn  net.Conn
	fresh bool // it has sent nothing so far
}

// connKey is the key of the connection in the context of a request.
type connKey struct{}

// context adds the connection to the context of its requests.
func (p *pending) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// handler returns a handler that passes on requests, whose connections are then no
// longer pending.
func (p *pending) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			p.mu.Lock()
			p.removeLocked(conn)
			p.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// track maintains the set when the state of a connection changes.
func (p *pending) track(conn net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case state == http.StateNew && p.closing:
		conn.Close() //nolint:errcheck // the connection is no longer needed
	case state == http.StateNew:
		p.addLocked(&pendingConn{conn, true})
	case state != http.StateActive: // idle or closed
		p.removeLocked(conn)
	case p.conns[conn] != nil:
		p.conns[conn].Value.(*pendingConn).fresh = false
	default: // the next request
		p.addLocked(&pendingConn{conn, false})
	}
}

func (p *pending) addLocked(c *pendingConn) {
	if p.conns == nil {
		p.conns = map[net.Conn]*list.Element{}
	}
	p.conns[c.conn] = p.order.PushBack(c)
	if len(p.conns) > maxPending {
		oldest := p.order.Front().Value.(*pendingConn)
		p.removeLocked(oldest.conn)
		oldest.conn.Close() //nolint:errcheck // the client notices
	}
}

func (p *pending) removeLocked(conn net.Conn) {
	if e := p.conns[conn]; e != nil {
		p.order.Remove(e)
		delete(p.conns, conn)
	}
}

// close closes the connections that have sent nothing, now and from now on. No client
// waits for a response on them, but http.Server.Shutdown would wait five seconds for a
// request.
func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	for conn, e := range p.conns {
		if e.Value.(*pendingConn).fresh {
			conn.Close() //nolint:errcheck // the connection is no longer needed
		}
	}
}
