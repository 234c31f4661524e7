package httpserver

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stallTimeout is the maximum time for a write of at most writeSize to a client,
	// which includes the time until the client has read enough of what was written
	// before. There is no limit on the time for a whole response.
	stallTimeout = 30 * time.Second

	writeSize = 16 << 10

	// sendBufferSize is the size of the kernel's send buffer of a connection. Linux
	// would use up to a few megabytes, which count as memory of the container, for a
	// client that reads nothing, and would notice only after a third of them that a
	// client reads slowly.
	sendBufferSize = 256 << 10

	// shutdownStallTimeout replaces stallTimeout during a shutdown.
	shutdownStallTimeout = time.Second
)

// stalls is the current timeout for clients that do not read, and the set of those that
// it applies to.
type stalls struct {
	timeout atomic.Int64 // in nanoseconds

	mu      sync.Mutex // protects writers
	writers map[staller]struct{}
}

// A staller writes to a client that may not read.
type staller interface {
	// shorten applies a shorter timeout to a write in progress.
	shorten(timeout time.Duration)
}

func newStalls() *stalls {
	s := &stalls{writers: map[staller]struct{}{}}
	s.timeout.Store(int64(stallTimeout))
	return s
}

// current returns the timeout. A staller must hold the mutex that its method shorten
// acquires.
func (s *stalls) current() time.Duration { return time.Duration(s.timeout.Load()) }

func (s *stalls) add(w staller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers[w] = struct{}{}
}

func (s *stalls) remove(w staller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writers, w)
}

// shorten replaces the timeout by a shorter one, also for writes in progress.
func (s *stalls) shorten(timeout time.Duration) {
	s.timeout.Store(int64(timeout))
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.writers {
		w.shorten(timeout)
	}
}

// A progressListener accepts connections that disconnect clients that do not read.
type progressListener struct {
	net.Listener
	stalls *stalls
}

// Accept implements net.Listener.
func (l progressListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(sendBufferSize) //nolint:errcheck // only an optimization
	}
	conn := &progressConn{Conn: c, stalls: l.stalls}
	l.stalls.add(conn)
	return conn, nil
}

// A progressConn is a connection with a timeout for each write, so that it is closed if
// the client does not read. After a write that timed out, all writes fail.
type progressConn struct {
	net.Conn
	stalls *stalls

	mu       sync.Mutex // protects the following fields
	deadline time.Time  // set by SetWriteDeadline; zero means none
	began    time.Time  // when the write in progress began, or zero
	failed   bool       // whether a write has timed out
}

// Write implements net.Conn.
func (c *progressConn) Write(b []byte) (written int, err error) {
	for {
		if err := c.begin(); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[:min(len(b), writeSize)])
		written, b = written+n, b[n:]
		c.end(errors.Is(err, os.ErrDeadlineExceeded))
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// begin sets the deadline for a write.
func (c *progressConn) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		return os.ErrDeadlineExceeded
	}
	c.began = time.Now()
	return c.Conn.SetWriteDeadline(c.earlier(c.began.Add(c.stalls.current())))
}

func (c *progressConn) end(failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = time.Time{}
	c.failed = c.failed || failed
}

// earlier returns t or the deadline, whichever is earlier. The caller must hold mu.
func (c *progressConn) earlier(t time.Time) time.Time {
	if !c.deadline.IsZero() && c.deadline.Before(t) {
		return c.deadline
	}
	return t
}

// SetWriteDeadline implements net.Conn. The deadline applies in addition to the timeout
// for each write.
func (c *progressConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.began.IsZero() {
		return nil
	}
	return c.Conn.SetWriteDeadline(c.earlier(c.began.Add(c.stalls.current())))
}

// SetDeadline implements net.Conn.
func (c *progressConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// shorten implements staller.
func (c *progressConn) shorten(timeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.began.IsZero() {
		c.Conn.SetWriteDeadline(c.earlier(c.began.Add(timeout))) //nolint:errcheck // it fails only if the connection is closed
	}
}

// Close implements net.Conn. If a write has timed out, it discards the data that the
// client has not read, which the kernel would otherwise keep for minutes.
func (c *progressConn) Close() error {
	c.stalls.remove(c)
	c.mu.Lock()
	failed := c.failed
	c.mu.Unlock()
	if tcp, ok := c.Conn.(*net.TCPConn); ok && failed {
		tcp.SetLinger(0) //nolint:errcheck // Close works without it
	}
	return c.Conn.Close()
}

// limitStreams returns a handler that limits how long a client may read nothing of a
// response over HTTP/2. There, the connection is not blocked, because each response has
// its own flow control.
func (s *stalls) limitStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			stream := &stream{ResponseWriter: w, control: http.NewResponseController(w), stalls: s}
			s.add(stream)
			defer s.remove(stream)
			defer stream.begin() // for what is still buffered
			w = stream
		}
		next.ServeHTTP(w, r)
	})
}

// A stream is a response over HTTP/2, with the same timeout as a progressConn.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	stalls  *stalls

	mu    sync.Mutex // protects began
	began time.Time  // when the write in progress began, or zero
}

// Write implements http.ResponseWriter.
func (s *stream) Write(b []byte) (written int, err error) {
	defer s.end()
	for {
		s.begin()
		n, err := s.ResponseWriter.Write(b[:min(len(b), writeSize)])
		written, b = written+n, b[n:]
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// Flush implements http.Flusher.
func (s *stream) Flush() {
	s.begin()
	defer s.end()
	s.control.Flush() //nolint:errcheck // the next write returns the error
}

// Unwrap lets http.ResponseController find the underlying writer.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// begin sets the deadline for a write. If a deadline has already passed, this has no
// effect.
func (s *stream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = time.Now()
	s.control.SetWriteDeadline(s.began.Add(s.stalls.current())) //nolint:errcheck // HTTP/2 supports it
}

// end removes the deadline, because the handler may not write for a while.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = time.Time{}
	s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // HTTP/2 supports it
}

// shorten implements staller.
func (s *stream) shorten(timeout time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.began.IsZero() {
		s.control.SetWriteDeadline(s.began.Add(timeout)) //nolint:errcheck // HTTP/2 supports it
	}
}
