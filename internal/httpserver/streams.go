package httpserver

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrShutdown is the error from reading a stream if the server is shutting down.
var ErrShutdown = errors.New("the server is shutting down")

// streamDiscardTimeout replaces discardTimeout after a stream. The client of a stream
// should read the answer while it sends.
const streamDiscardTimeout = time.Second

// Stream lets the client of a request take any time to send the whole body, unless it
// sends nothing for the time idle. Reading the body then fails with
// os.ErrDeadlineExceeded. It fails with ErrShutdown if the server shuts down. In either
// case, the handler should respond within a second. It may respond before the end of the
// body, even in another goroutine than the one that reads.
//
// The handler must call Stream before it reads the body, which must be the one that the
// server passed to it; otherwise, Stream does nothing. interrupt makes reading fail with
// the error. It is safe for concurrent use, until the handler returns.
func Stream(r *http.Request, idle time.Duration) (interrupt func(error)) {
	body, ok := r.Body.(*pacedBody)
	if !ok {
		return func(error) {}
	}
	body.control.EnableFullDuplex() //nolint:errcheck // supported by net/http
	if body.isHTTP1 {
		// If the response ends before the body does, the rest of the body must not be
		// mistaken for another request.
		body.header.Set("Connection", "close")
	}
	body.stream = &bodyStream{control: body.control, idle: idle}
	body.streams.add(body.stream)
	return body.stream.interrupt
}

// A bodyStream is a body that may take any time as a whole.
type bodyStream struct {
	control *http.ResponseController
	idle    time.Duration

	mu    sync.Mutex // protects the following fields
	renew time.Time  // when the deadline must be renewed
	cause error      // the error that interrupted reading
}

// setDeadline sets the deadline for a read, unless it was set recently: over HTTP/2,
// setting it is expensive.
func (s *bodyStream) setDeadline(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil && !now.Before(s.renew) {
		s.renew = now.Add(s.idle / 100)
		s.control.SetReadDeadline(now.Add(s.idle)) //nolint:errcheck // supported by net/http
	}
}

// interrupt makes reading fail with the error.
func (s *bodyStream) interrupt(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cause = err
	s.control.SetReadDeadline(time.Now()) //nolint:errcheck // supported by net/http
}

// interrupted returns the error with which reading was interrupted, or nil.
func (s *bodyStream) interrupted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// streams contains the open streams of a server.
type streams struct {
	mu      sync.Mutex // protects the following fields
	open    map[*bodyStream]struct{}
	closing bool // whether to interrupt new streams immediately
}

func (s *streams) add(stream *bodyStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*bodyStream]struct{}{}
	}
	s.open[stream] = struct{}{}
	if s.closing {
		stream.interrupt(ErrShutdown)
	}
}

// remove ends a stream. Nothing interrupts it afterwards.
func (s *streams) remove(stream *bodyStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, stream)
}

// close interrupts all streams, now and from now on.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for stream := range s.open {
		stream.interrupt(ErrShutdown)
	}
}
