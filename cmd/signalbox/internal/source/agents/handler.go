// Package agents receives the metrics that agents push over HTTP. A body contains one
// update, an array of updates, or a sequence of updates.
package agents

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/membudget"
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
	BodyBytes int64

	// Buffer and Parse grant the memory for reading and for parsing bodies. Nil means
	// that memory is not limited.
	Buffer *membudget.Budget
	Parse  *membudget.Queue

	// Malformed, if not nil, is called for each metric, update and body that could not
	// be decoded and is therefore not passed to the Sink.
	Malformed func()
}

// factor is the memory that parsing a body and applying the updates takes at most, in
// relation to the size of the body. TestFactor measures it.
const factor = 40

// A handler serves Path.
type handler struct {
	options    Options
	rejections *source.Rejections
	parsers    sync.Pool // of *parser
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
	h.parsers.New = func() any { return new(parser) }
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !source.AllowMethods(w, r, http.MethodPost) {
		return
	}
	if _, err := source.Query(r.URL.RawQuery); err != nil {
		h.options.Malformed()
		h.rejections.RejectQuery(w, r, err)
		return
	}
	body, err := source.OpenBody(r, h.options.BodyBytes, h.options.Buffer)
	if err != nil {
		h.options.Malformed()
		h.rejections.RejectEncoding(w, r, err)
		return
	}
	defer body.Close()

	content, err := body.ReadAll()
	if source.IsRefusal(err) {
		content = nil // apply nothing, so that the agent can send all of it again
	}
	done, refused := h.options.Parse.Acquire(r.Context(), factor*int64(len(content)))
	if refused != nil {
		content, err = nil, refused
	} else {
		defer done()
	}
	resp, atLimit := h.apply(r, content, err)
	h.logRejections(r, resp)
	status := source.StatusOf(resp.Rejected, err)
	if status == http.StatusBadRequest && resp.Rejected == atLimit {
		status = http.StatusTooManyRequests // there is nothing wrong with the metrics
	}
	source.Answer(w, status, resp)
}

// apply applies the updates in the content of a body. err is the error that ended
// reading it, or nil. atLimit is the number of metrics that were rejected because they
// would exceed the limit of series or memory.
func (h *handler) apply(r *http.Request, content []byte, err error) (resp response, atLimit int) {
	parser := h.parsers.Get().(*parser)
	defer h.release(parser, len(content))
	d := newDispatcher(r.Context(), h.options, parser, content, err == nil)
	source.InTurn(len(content), func() { d.dispatch(source.FormatOf(r.Header.Get("Content-Type"))) })
	if err != nil {
		d.rejectRest(source.Explain(err))
	}
	return d.response, d.atLimit
}

// release returns the parser to the pool, unless its buffers are too large to keep.
// size is the size of the body that it has parsed.
func (h *handler) release(p *parser, size int) {
	const max = 1 << 20 // more than agents usually push
	if size <= max {
		h.parsers.Put(p)
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
