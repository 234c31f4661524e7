package httpserver

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"time"
)

// A client must send a body at minBodyRate, in bytes per second, on average, after it
// has had bodyGrace to begin with. Otherwise, many clients that send next to nothing
// could take up the memory for bodies as long as the timeout for a whole request. Only
// the time that the server waits for the client counts.
const (
	bodyGrace   = 10 * time.Second
	minBodyRate = 16 << 10
)

// If the handler answers before it has read the whole body, the server discards the
// rest, up to these limits. Otherwise it would close the connection while the client
// still sends, and many clients would report a reset connection instead of the answer.
const (
	discardTimeout = 5 * time.Second
	maxDiscarded   = 64 << 20 // in bytes
)

// limitBodies limits the time to read the bodies of requests. timeout is the maximum
// for a whole body; 0 means no maximum.
func limitBodies(timeout time.Duration, streams *streams, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		body := &pacedBody{
			ReadCloser: r.Body, control: http.NewResponseController(w), header: w.Header(), isHTTP1: r.ProtoMajor == 1,
			began: time.Now(), timeout: timeout, streams: streams,
		}
		r.Body = body
		body.serve(next, w, r)
		switch {
		case body.stream != nil:
			if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok && body.isHTTP1 && body.err != io.EOF {
				body.discard(conn, streamDiscardTimeout)
			}
		case body.err == nil && body.isHTTP1: // over HTTP/2, the answer ends the stream
			r.Body = body.ReadCloser // Flush reads a short one itself
			body.began, body.timeout = time.Now(), discardTimeout
			body.discard(body, discardTimeout)
		}
	})
}

// A pacedBody is a body that the client must send fast enough.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	header  http.Header // of the response
	isHTTP1 bool
	began   time.Time
	timeout time.Duration

	read   int64         // bytes so far
	waited time.Duration // for the client
	err    error         // the error that ended reading

	streams *streams
	stream  *bodyStream // nil unless Stream was called
}

// serve calls the handler of a request with the body. A stream ends with the handler,
// even if it panics.
func (b *pacedBody) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		if b.stream != nil {
			b.streams.remove(b.stream)
		}
	}()
	next.ServeHTTP(w, r)
}

// Read implements io.Reader. After an error it returns the same error again: at the end
// of the body, net/http removes the deadline, because it would end the context of a
// handler that takes longer.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	now := time.Now()
	if b.stream != nil {
		b.stream.setDeadline(now)
	} else {
		b.control.SetReadDeadline(b.deadline(now)) //nolint:errcheck // supported by net/http
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.waited += time.Since(now)
	if b.stream != nil && err != nil && err != io.EOF {
		err = cmp.Or(b.stream.interrupted(), err)
	}
	b.err = err
	return n, err
}

// deadline returns the time until which the client must have sent more.
func (b *pacedBody) deadline(now time.Time) time.Time {
	deadline := now.Add(bodyGrace + time.Duration(b.read)*time.Second/minBodyRate - b.waited)
	if last := b.began.Add(b.timeout); b.timeout > 0 && deadline.After(last) {
		return last
	}
	return deadline
}

// discard sends the response and then reads the rest of what the client sends.
func (b *pacedBody) discard(rest io.Reader, timeout time.Duration) {
	b.control.SetReadDeadline(time.Now().Add(timeout)) //nolint:errcheck // supported by net/http
	b.control.Flush()                                  //nolint:errcheck // reading fails too if the client is gone
	io.CopyN(io.Discard, rest, maxDiscarded)           //nolint:errcheck // net/http closes the connection if this fails
}
