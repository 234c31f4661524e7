package events

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
)

// streamIdleTimeout is the maximum time for which a client may send nothing, because each
// stream takes up one of the places for streams.
const streamIdleTimeout = 5 * time.Minute

// unlimited is the limit on the size of a stream.
const unlimited = math.MaxInt64 / 2

// A progress is a line of the response to a stream: the results so far.
type progress struct {
	Lines int `json:"lines"` // number of lines that were handled, including blank ones
	response
	Status int `json:"status,omitempty"` // of the stream, only in the last line
}

// A stream is a request whose body is one event per line, each of which is applied when
// it arrives, and whose response can contain lines of progress.
type stream struct {
	handler  *handler
	request  *http.Request
	writer   http.ResponseWriter
	decoder  *Decoder
	results  *decoding
	reported int // number of failed events when failures were last logged

	// changed has a value if there is progress that has not been written.
	changed chan struct{}
	started bool // whether a line of the response has been written

	mu       sync.Mutex // protects progress
	progress progress   // Errors contains those since the last line
}

// serveStream applies the lines of a stream. It responds when the stream has ended, and
// also before that if the client asked for lines of progress.
func (h *handler) serveStream(w http.ResponseWriter, r *http.Request, p parameters) {
	interrupt := httpserver.Stream(r, streamIdleTimeout)
	if err := h.streams.begin(); err != nil {
		h.rejections.Log("stream-refused", err, lager.Data{"remote": r.RemoteAddr})
		source.Reject(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	reason := endBroken // if the handler panics
	defer func() { h.streams.end(reason) }()

	s := &stream{handler: h, request: r, writer: w, results: h.newDecoding(), changed: make(chan struct{}, 1)}
	watched := *r
	watched.Body = &watchedBody{r.Body, s}
	body, err := source.OpenBody(&watched, unlimited, h.streams.buffer)
	if err != nil {
		h.rejectEncoding(w, r, err)
		return
	}
	defer body.Close()

	stop := s.acknowledge(p, interrupt)
	defer stop()
	err = s.decode(body)
	stop()
	reason = s.finish(err)
}

// decode passes the events to the Sink until the stream ends.
func (s *stream) decode(body *source.Body) error {
	s.decoder = s.handler.decoders.Get().(*Decoder)
	defer body.Finish()
	return s.handler.decodeBody(s.decoder, body, source.Lines, s.results)
}

// A watchedBody is the body of a stream, which publishes the progress whenever all that
// was read before has been handled.
type watchedBody struct {
	io.ReadCloser
	stream *stream
}

// Read implements io.Reader. The goroutine holds none of source's turns while a Body
// reads, so publish may wait for the log.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.stream.publish()
	return b.ReadCloser.Read(p)
}

// publish makes the results so far available to the goroutine that acknowledges them,
// and logs the first of the errors since the last call.
func (s *stream) publish() {
	results := s.results
	if failed := results.failed(); failed > s.reported && len(results.errs) > 0 {
		s.reported = failed
		s.handler.logErrors(s.request, results.errs, &results.tally)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := max(0, s.decoder.Line()-1) // without the one that is being read
	isNew := lines > s.progress.Lines
	errs := s.progress.Errors
	for _, e := range results.errs {
		errs.add(e)
	}
	results.errs = results.errs[:0]
	s.progress = progress{Lines: lines, response: results.response()}
	s.progress.Errors = errs
	if isNew {
		select {
		case s.changed <- struct{}{}:
		default: // it is already known that there is progress
		}
	}
}

// acknowledge starts to write lines of progress, if the client asked for them: one when
// there is progress, and the next after the interval at the earliest. stop ends this,
// and waits until a line that is being written is complete or has failed. If a line cannot be written, reading is interrupted.
func (s *stream) acknowledge(p parameters, interrupt func(error)) (stop func()) {
	if !p.acknowledge {
		return func() {}
	}
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-s.changed:
			}
			if err := s.write(s.takeProgress()); err != nil {
				interrupt(s.unwritten(err))
				return
			}
			select {
			case <-done:
				return
			case <-time.After(p.interval):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		writing.Wait()
	})
}

// takeProgress returns the results so far, and the errors since the last call.
func (s *stream) takeProgress() progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress
	s.progress.Errors = nil
	return p
}

// write writes a line of the response.
func (s *stream) write(p progress) error {
	if !s.started {
		s.started = true
		s.writer.Header().Set("Content-Type", "application/x-ndjson")
		s.writer.Header().Set("X-Content-Type-Options", "nosniff")
	}
	if _, err := s.writer.Write(source.EncodeLine(p)); err != nil {
		return err
	}
	return http.NewResponseController(s.writer).Flush()
}

// unwritten returns the error from reading the stream after err from writing a line of
// progress.
func (s *stream) unwritten(err error) error {
	cause := io.ErrUnexpectedEOF // the connection is broken
	if errors.Is(err, os.ErrDeadlineExceeded) || s.request.ProtoMajor == 2 {
		cause = errUnread // over HTTP/2, the error does not say whether a deadline was exceeded
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// finish completes the response. err is the error that ended the stream, or nil if the
// client ended it. finish returns the reason for the end.
func (s *stream) finish(err error) endReason {
	end := endOf(err)
	s.publish()
	last := s.takeProgress()
	if err != nil {
		err = end.explain(err)
		if s.decoder.partial {
			s.results.tally.Reject(err)
			last.Rejected++
		}
		last.Errors.makeRoom()
		last.Errors.add(eventError{Line: s.decoder.Line(), Reason: err.Error()})
		if end.reason != endShutdown {
			s.handler.rejections.Log("stream-ended", err, lager.Data{
				"remote": s.request.RemoteAddr, "lines": last.Lines, "accepted": last.Accepted,
			})
		}
	}
	s.handler.decoders.Put(s.decoder)
	last.Status = end.status
	if last.Status == http.StatusOK {
		last.Status = source.StatusOf(last.Rejected, nil)
	}
	if s.started {
		s.write(last) //nolint:errcheck // the client is gone
	} else {
		source.Answer(s.writer, last.Status, last)
	}
	return end.reason
}

// errUnread is wrapped by the error from reading a stream whose client does not read
// the lines of progress.
var errUnread = errors.New("the client does not read the response")

// An end is how a stream ended.
type end struct {
	reason  endReason
	status  int
	explain func(error) error
}

// endOf returns how a stream ended. err is the error from reading it, or nil.
func endOf(err error) end {
	switch {
	case err == nil:
		return end{endComplete, http.StatusOK, nil}
	case errors.Is(err, httpserver.ErrShutdown):
		return end{endShutdown, http.StatusServiceUnavailable, func(error) error {
			return fmt.Errorf("%w: send this line and the following ones again", httpserver.ErrShutdown)
		}}
	case errors.Is(err, errUnread): // which also wraps an exceeded deadline
		return end{endUnread, http.StatusRequestTimeout, func(err error) error { return err }}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return end{endIdle, http.StatusRequestTimeout, func(error) error {
			return fmt.Errorf("nothing arrived for %s: send a blank line from time to time", streamIdleTimeout)
		}}
	case source.IsRefusal(err):
		return end{endMemory, source.StatusOf(0, err), source.Explain}
	}
	return end{endBroken, http.StatusBadRequest, source.Explain}
}
