// Package agents takes in the metrics that agents push, over HTTP: one update, an
// array of updates, or updates one after the other.
package agents

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/body"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// Path is where agents post their metrics to.
const Path = "/api/v1/agent-metrics"

// A Sink takes the metrics that were well formed. It is safe for concurrent use.
type Sink interface {
	// UpdateFrom applies the metrics of the agent with the base labels. It keeps
	// neither slice. It returns an *aggregator.RejectedError when it rejected some
	// of the metrics and applied the others; after any other error it applied none.
	UpdateFrom(ctx context.Context, base []aggregator.Label, metrics []aggregator.Metric) error
}

// Options are what a handler needs.
type Options struct {
	// Logger gets what was rejected; so does the client, in more detail.
	Logger lager.Logger

	Sink Sink

	// BodyBytes is the size of a body after decompression. 0 means 16 MiB. A body
	// is held in memory, so it is also what one request can take.
	BodyBytes int64

	// Malformed, if not nil, is called for each metric, update and body that could
	// not be read, and so never came to the Sink.
	Malformed func()
}

// maxKeptBytes is the largest body whose buffers are kept for the next: more than
// agents push, and not too much to hold on to.
const maxKeptBytes = 1 << 20

// A handler serves Path.
type handler struct {
	options    Options
	rejections *events.Rejections
	buffers    sync.Pool // of *buffers
}

// The buffers are for one request at a time.
type buffers struct {
	body   bytes.Buffer
	parser parser
}

// NewHandler returns the handler of Path. It does not look at a request's path.
func NewHandler(options Options) http.Handler {
	if options.BodyBytes == 0 {
		options.BodyBytes = 16 << 20
	}
	if options.Malformed == nil {
		options.Malformed = func() {}
	}

	h := &handler{options: options, rejections: events.NewRejections(options.Logger)}
	h.buffers.New = func() any { return new(buffers) }

	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		reply.Refuse(w, http.StatusMethodNotAllowed, reply.NotAllowed(r.Method, http.MethodPost))

		return
	}

	content, err := body.OpenRequest(r, h.options.BodyBytes)
	switch {
	case errors.Is(err, body.ErrTooLarge):
		h.rejectBody(r, err)
		reply.JSON(w, http.StatusRequestEntityTooLarge, answer{Rejected: 1, Errors: []fault{{Line: 1, Reason: err.Error()}}})

		return
	case err != nil:
		h.rejectBody(r, err)
		w.Header().Set("Accept-Encoding", body.Encodings)
		reply.Refuse(w, http.StatusUnsupportedMediaType, err.Error())

		return
	}
	defer content.Close()

	buffers := h.buffers.Get().(*buffers)
	defer func() {
		if buffers.body.Cap() <= maxKeptBytes {
			h.buffers.Put(buffers)
		}
	}()
	buffers.body.Reset()
	_, readErr := buffers.body.ReadFrom(content)

	d := newDispatcher(r.Context(), h.options, &buffers.parser, buffers.body.Bytes(), readErr == nil)
	d.dispatch(events.FormatOf(r.Header.Get("Content-Type")))
	if readErr != nil {
		d.breakOff(body.Explain(readErr))
	}

	h.logRejections(r, d.answer)
	reply.JSON(w, statusOf(d.answer, readErr), d.answer)
}

func statusOf(a answer, readErr error) int {
	switch {
	case errors.Is(readErr, body.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case a.Rejected > 0:
		return http.StatusBadRequest
	default:
		return http.StatusOK
	}
}

// rejectBody counts and logs a body of which nothing was read.
func (h *handler) rejectBody(r *http.Request, err error) {
	h.options.Malformed()
	h.rejections.Log("rejected-body", err, lager.Data{"remote": r.RemoteAddr})
}

// logRejections logs the first error of an answer, if there is one.
func (h *handler) logRejections(r *http.Request, a answer) {
	if a.Rejected == 0 {
		return
	}

	first := a.Errors[0]
	data := lager.Data{
		"remote":   r.RemoteAddr,
		"line":     first.Line,
		"update":   first.Update,
		"rejected": a.Rejected,
		"accepted": a.Accepted,
	}
	if first.Name != "" {
		data["name"] = first.Name
	}
	h.rejections.Log("rejected-agent-metrics", errors.New(first.Reason), data)
}
