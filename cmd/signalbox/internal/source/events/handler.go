package events

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

// Path is the path to which clients post events.
const Path = "/api/v1/events"

// maxStrictBytes is the maximum size of a body with the query parameter strict, after
// decompression. Such a body is decoded twice.
const maxStrictBytes = 16 << 20

// maxExplained is the number of unknown events in a body for which the handler looks for
// a known event with a similar name. Otherwise, a small compressed body could take
// minutes.
const maxExplained = 100

// Options configure a handler.
type Options struct {
	Logger lager.Logger // logs rejections; the responses contain more detail
	Limits source.Limits
	Sink   source.Sink

	// IDs contains the IDs of events. If it is nil, the handler does not recognize
	// repeated events.
	IDs IDs

	// Bodies reads bodies with the query parameter strict.
	Bodies *source.WholeBodies

	// Buffer grants the memory for reading bodies, at most half of it to streams. Nil
	// means that memory is not limited.
	Buffer *membudget.Budget

	// MaxStreams is the maximum number of streams that are open at the same time. The
	// default is 500.
	MaxStreams int

	// Registerer, if not nil, receives metrics about streams.
	Registerer prometheus.Registerer
}

// A handler serves Path.
type handler struct {
	Options
	rejections *source.Rejections
	decoders   sync.Pool // of *Decoder
	streams    *streams
}

// NewHandler returns the handler of Path, which passes events to the sink. It ignores
// the path of requests.
func NewHandler(o Options) http.Handler {
	o.Limits = o.Limits.WithDefaults()
	h := &handler{Options: o, rejections: source.NewRejections(o.Logger, source.PrivateBurst), streams: newStreams(o)}
	h.decoders.New = func() any { return NewDecoder(h.Limits) }
	return h
}

// ServeHTTP implements http.Handler. It responds after the last event of the body has
// been emitted.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !source.AllowMethods(w, r, http.MethodPost) {
		return
	}
	p, err := parametersOf(r)
	switch {
	case err != nil:
		h.Sink.Malformed(err)
		h.rejections.RejectQuery(w, r, err)
	case p.stream:
		h.serveStream(w, r, p)
	case p.strict:
		h.serveStrict(w, r)
	default:
		body, err := source.OpenBody(r, h.Limits.BodyBytes, h.Buffer)
		if err != nil {
			h.rejectEncoding(w, r, err)
			return
		}
		defer body.Close()
		h.apply(w, r, body)
	}
}

func (h *handler) rejectEncoding(w http.ResponseWriter, r *http.Request, err error) {
	h.Sink.Malformed(err)
	h.rejections.RejectEncoding(w, r, err)
}

// serveStrict checks all events of a body, and applies them only if none is malformed
// or rejected for any metric.
func (h *handler) serveStrict(w http.ResponseWriter, r *http.Request) {
	whole, ok := h.Bodies.Open(w, r, h.rejections)
	if !ok {
		return
	}
	defer whole.Close()
	buffer := h.Buffer
	for _, dryRun := range []*metric.DryRun{new(metric.DryRun), nil} {
		r := whole.Request()
		body, err := source.OpenBody(r, min(h.Limits.BodyBytes, maxStrictBytes), buffer)
		if err != nil {
			h.rejectEncoding(w, r, err)
			return
		}
		// The second pass must not fail for lack of memory, so it uses what the first
		// one has reserved.
		defer body.Close()
		buffer = nil
		if dryRun == nil {
			h.apply(w, r, body)
			return
		}
		d, readErr := h.decode(r, body, dryRun)
		tally, errs := &d.tally, d.errs
		if rejected := tally.Refused + tally.Partial; rejected+tally.Rejected > 0 {
			tally.Accepted = 0 // nothing is applied
			h.logErrors(r, errs, tally)
			status := http.StatusUnprocessableEntity
			if source.IsRefusal(readErr) {
				status = source.StatusOf(0, readErr)
			}
			source.Answer(w, status, response{Refused: rejected, Rejected: tally.Rejected, Errors: errs})
			return
		}
	}
}

// apply emits the events of a body and responds.
func (h *handler) apply(w http.ResponseWriter, r *http.Request, body *source.Body) {
	d, readErr := h.decode(r, body, nil)
	body.Close()
	if d.failed() > 0 {
		h.logErrors(r, d.errs, &d.tally)
	}
	source.Answer(w, source.StatusOf(d.tally.Rejected, readErr), d.response())
}

// decode passes the events of a body to the Sink. It returns the results and the error
// from reading the body, which is also among the errors in the results. dryRun may be
// nil.
func (h *handler) decode(r *http.Request, body *source.Body, dryRun *metric.DryRun) (*decoding, error) {
	decoder := h.decoders.Get().(*Decoder)
	defer h.decoders.Put(decoder)

	d := h.newDecoding()
	var dryRunErr error
	if dryRun != nil {
		dryRun.Reserve = func(n int64) bool {
			if dryRunErr == nil {
				dryRunErr = body.Reserve(n)
			}
			return dryRunErr == nil
		}
		d.tally.Outcome.DryRun = dryRun
	}
	err := h.decodeBody(decoder, body, source.FormatOf(r.Header.Get("Content-Type")), d)
	if err == nil && dryRunErr != nil {
		err = fmt.Errorf("%w; send fewer events in a body with strict=1", dryRunErr)
	}
	body.Finish() // its turn must not wait for the log or the client
	if err != nil {
		d.errs.makeRoom()
		d.reject(decoder.Line(), source.Explain(err))
	}
	return d, err
}

// decodeBody reserves memory for the decoder and passes the events of a body to the Sink.
func (h *handler) decodeBody(decoder *Decoder, body *source.Body, format source.Format, d *decoding) error {
	in := io.Reader(body)
	if err := h.reserve(decoder, body); err != nil {
		in = failingReader{err} // so that the decoder no longer has the state of an earlier body
	}
	return decoder.Decode(in, format, d.accept, d.reject)
}

// reserve reserves the memory for decoding a body. If the client may repeat the request
// after an error, because the whole body has been read in advance, reserve reserves all
// of it: an error after some events were applied would count them twice.
func (h *handler) reserve(decoder *Decoder, body *source.Body) error {
	size, whole := body.Held()
	if !whole {
		decoder.Reserve = body.Reserve
		return body.Reserve(decoderBytes)
	}
	longest := min(size, int64(h.Limits.LineBytes))
	return body.Reserve(decoderBytes + max(0, bytesPerLongByte*(longest-bufferBytes)))
}

// logErrors logs the first error that is not only about an unknown name, and the
// numbers of events with errors.
func (h *handler) logErrors(r *http.Request, errs errorList, tally *Tally) {
	first := errs[max(0, slices.IndexFunc(errs, func(e eventError) bool { return e.Event == "" || e.Metric != "" }))]
	data := lager.Data{
		"remote":   r.RemoteAddr,
		"line":     first.Line,
		"rejected": tally.Rejected,
		"refused":  tally.Refused,
		"accepted": tally.Accepted,
	}
	if first.Event != "" {
		data["event"], data["metric"] = first.Event, first.Metric
	}
	if first.Hint != "" {
		data["hint"] = first.Hint
	}
	h.rejections.Log("events-rejected", errors.New(first.Reason), data)
}
