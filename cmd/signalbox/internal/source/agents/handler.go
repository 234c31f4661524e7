// Package agents receives the metrics that agents push over HTTP. A body contains one
// update, an array of updates, or a sequence of updates.
package agents

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// Path is the path to which agents post their metrics.
const Path = "/api/v1/agent-metrics"

// A Sink receives well-formed metrics. It is safe for concurrent use.
type Sink interface {
	// UpdateFrom applies the metrics of the agent with the base labels. It retains
	// neither slice. It returns an *aggregator.RejectedError if it rejected some of the
	// metrics and applied the others; after any other error it has applied none, or, if
	// the context ended meanwhile, the first ones.
	UpdateFrom(ctx context.Context, base []aggregator.Label, metrics []aggregator.Metric) error
}

// Options configure a handler.
type Options struct {
	// Logger logs rejections. The responses contain more detail.
	Logger lager.Logger

	Sink Sink

	// BodyBytes is the maximum size of a body after decompression. Zero means 16 MiB.
	// The handler holds the whole body in memory, so this also limits the memory for a
	// body.
	BodyBytes int64

	// Malformed, if not nil, is called for each metric, update and body that could not
	// be decoded and is therefore not passed to the Sink.
	Malformed func()
}

// maxKeptBytes is the maximum size of a buffer that is reused. It is more than agents
// usually push, but small enough to keep in memory.
const maxKeptBytes = 1 << 20

// A handler serves Path.
type handler struct {
	options    Options
	rejections *source.Rejections
	buffers    sync.Pool // of *buffers
}

// buffers are used by one request at a time.
type buffers struct {
	body   bytes.Buffer
	parser parser
}

// NewHandler returns the handler of Path. It ignores the path of requests.
func NewHandler(options Options) http.Handler {
	if options.BodyBytes == 0 {
		options.BodyBytes = 16 << 20
	}
	if options.Malformed == nil {
		options.Malformed = func() {}
	}

	h := &handler{options: options, rejections: source.NewRejections(options.Logger)}
	h.buffers.New = func() any { return new(buffers) }
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !source.AllowMethods(w, r, http.MethodPost) {
		return
	}
	body, err := source.OpenBody(r, h.options.BodyBytes)
	if err != nil {
		h.options.Malformed()
		h.rejections.RejectEncoding(w, r, err)
		return
	}
	defer body.Close()
	buffers := h.buffers.Get().(*buffers)
	defer h.release(buffers)

	_, readErr := buffers.body.ReadFrom(body)
	d := newDispatcher(r.Context(), h.options, &buffers.parser, buffers.body.Bytes(), readErr == nil)
	d.dispatch(source.FormatOf(r.Header.Get("Content-Type")))
	if readErr != nil {
		d.rejectRest(source.Explain(readErr))
	}

	h.logRejections(r, d.response)
	source.Answer(w, source.StatusOf(d.response.Rejected, readErr), d.response)
}

// release returns the buffers to the pool, unless the buffer for the body is too large.
func (h *handler) release(b *buffers) {
	if b.body.Cap() <= maxKeptBytes {
		b.body.Reset()
		h.buffers.Put(b)
	}
}

// logRejections logs the first error of a response, if there is one.
func (h *handler) logRejections(r *http.Request, resp response) {
	if resp.Rejected == 0 {
		return
	}

	first := resp.Errors[0]
	data := lager.Data{
		"remote":   r.RemoteAddr,
		"line":     first.Line,
		"update":   first.Update,
		"rejected": resp.Rejected,
		"accepted": resp.Accepted,
	}
	if first.Name != "" {
		data["name"] = first.Name
	}
	h.rejections.Log("agent-metrics-rejected", errors.New(first.Reason), data)
}
