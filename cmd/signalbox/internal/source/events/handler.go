package events

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
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

	// Buffer grants the memory for reading bodies. Nil means that memory is not
	// limited.
	Buffer *membudget.Budget
}

// A handler serves Path.
type handler struct {
	Options
	rejections *source.Rejections
	decoders   sync.Pool // of *Decoder
}

// NewHandler returns the handler of Path, which passes events to the sink. It ignores
// the path of requests.
func NewHandler(o Options) http.Handler {
	o.Limits = o.Limits.WithDefaults()
	h := &handler{Options: o, rejections: source.NewRejections(o.Logger, source.PrivateBurst)}
	h.decoders.New = func() any { return NewDecoder(h.Limits) }
	return h
}

// ServeHTTP implements http.Handler. It responds after the last event of the body has
// been emitted.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !source.AllowMethods(w, r, http.MethodPost) {
		return
	}
	strict, err := isStrict(r)
	if err != nil {
		h.Sink.Malformed(err)
		h.rejections.RejectQuery(w, r, err)
		return
	}
	if strict {
		h.serveStrict(w, r)
		return
	}
	body, err := source.OpenBody(r, h.Limits.BodyBytes, h.Buffer)
	if err != nil {
		h.rejectEncoding(w, r, err)
		return
	}
	defer body.Close()
	h.apply(w, r, body)
}

// isStrict returns the value of the query parameter strict.
func isStrict(r *http.Request) (bool, error) {
	query, err := source.Query(r.URL.RawQuery, "strict")
	if err != nil {
		return false, err
	}
	if !query.Has("strict") {
		return false, nil
	}
	switch value := query.Get("strict"); value {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	default:
		return false, fmt.Errorf("got strict=%s, expected 1, true, 0 or false", excerpt.Short(value))
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
		tally, errs, readErr := h.decode(r, body, dryRun)
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
	tally, errs, readErr := h.decode(r, body, nil)
	body.Close()
	if tally.Rejected+tally.Refused+tally.Partial > 0 {
		h.logErrors(r, errs, tally)
	}
	source.Answer(w, source.StatusOf(tally.Rejected, readErr), response{
		Accepted:  tally.Accepted,
		Unknown:   tally.Unknown,
		Refused:   tally.Refused,
		Duplicate: tally.Duplicate,
		Rejected:  tally.Rejected,
		Errors:    errs,
	})
}

// decode passes the events of a body to the Sink. It returns the first errors and the
// error from reading the body, which is also among the former. dryRun may be nil.
func (h *handler) decode(r *http.Request, body *source.Body, dryRun *metric.DryRun) (*Tally, errorList, error) {
	decoder := h.decoders.Get().(*Decoder)
	defer h.decoders.Put(decoder)

	tally := &Tally{Sink: h.Sink, IDs: h.IDs}
	var dryRunErr error
	if dryRun != nil {
		dryRun.Reserve = func(n int64) bool {
			if dryRunErr == nil {
				dryRunErr = body.Reserve(n)
			}
			return dryRunErr == nil
		}
		tally.Outcome.DryRun = dryRun
	}
	var errs errorList
	accept := func(event *Event) {
		tally.Outcome.Explain = !errs.full()
		tally.Outcome.ExplainUnknown = !errs.full() && tally.Unknown < maxExplained
		tally.Accept(event)
		e := &tally.Outcome.Explanation
		if e.Reason == "" || e.Metric == "" && e.Hint == "" {
			return // without a hint, an unknown event is not an error
		}
		reason := e.Reason
		if event.Element > 0 {
			reason = inElement(event.Element, reason)
		}
		errs.add(eventError{Line: event.Line, Event: excerpt.Short(event.Name), Metric: e.Metric, Reason: reason, Hint: e.Hint})
	}
	reject := func(line int, err error) {
		tally.Reject(err)
		errs.add(eventError{Line: line, Reason: err.Error()})
	}
	err := h.reserve(decoder, body)
	if err == nil {
		err = decoder.Decode(body, source.FormatOf(r.Header.Get("Content-Type")), accept, reject)
	}
	if err == nil && dryRunErr != nil {
		err = fmt.Errorf("%w; send fewer events in a body with strict=1", dryRunErr)
	}
	body.Finish() // its turn must not wait for the log or the client
	if err != nil {
		// Always list this error, even if there are MaxErrors others.
		errs = errs[:min(len(errs), source.MaxErrors-1)]
		reject(decoder.Line(), source.Explain(err))
	}
	return tally, errs, err
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
