package events

import (
	"errors"
	"net/http"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// Path is the path to which clients post events.
const Path = "/api/v1/events"

// A handler serves Path.
type handler struct {
	limits     source.Limits
	sink       source.Sink
	buffer     *membudget.Budget
	rejections *source.Rejections
	decoders   sync.Pool // of *Decoder
}

// NewHandler returns the handler of Path, which passes events to the sink. It ignores
// the path of requests. It logs rejections; its responses contain more detail. buffer
// grants the memory for reading bodies; nil means that memory is not limited.
func NewHandler(logger lager.Logger, limits source.Limits, sink source.Sink, buffer *membudget.Budget) http.Handler {
	h := &handler{
		limits:     limits.WithDefaults(),
		sink:       sink,
		buffer:     buffer,
		rejections: source.NewRejections(logger),
	}
	h.decoders.New = func() any { return NewDecoder(h.limits) }
	return h
}

// A response reports the results for the events of a body.
type response struct {
	Accepted int `json:"accepted"`
	Unknown  int `json:"unknown"`

	// Rejected and Errors are omitted if every event was well formed.
	Rejected int         `json:"rejected,omitempty"`
	Errors   []lineError `json:"errors,omitempty"`
}

// A lineError is the reason why the event on a line was rejected.
type lineError struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// ServeHTTP implements http.Handler. It responds after the last event of the body has
// been emitted.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !source.AllowMethods(w, r, http.MethodPost) {
		return
	}
	body, err := source.OpenBody(r, h.limits.BodyBytes, h.buffer)
	if err != nil {
		h.sink.Malformed(err)
		h.rejections.RejectEncoding(w, r, err)
		return
	}
	defer body.Close()
	decoder := h.decoders.Get().(*Decoder)
	defer h.decoders.Put(decoder)

	tally := Tally{Sink: h.sink}
	var errs []lineError
	reject := func(line int, err error) {
		tally.Reject(err)
		if len(errs) < source.MaxErrors {
			errs = append(errs, lineError{line, err.Error()})
		}
	}
	readErr := body.Reserve(decoderBytes)
	if readErr == nil {
		decoder.Reserve = body.Reserve
		readErr = decoder.Decode(body, source.FormatOf(r.Header.Get("Content-Type")), tally.Accept, reject)
	}
	body.Close() // its turn must not wait for the log or the client
	if readErr != nil {
		// Always list this error, even if there are MaxErrors others.
		errs = errs[:min(len(errs), source.MaxErrors-1)]
		reject(decoder.Line(), source.Explain(readErr))
	}

	if tally.Rejected > 0 {
		h.rejections.Log("events-rejected", errors.New(errs[0].Reason), lager.Data{
			"remote":   r.RemoteAddr,
			"line":     errs[0].Line,
			"rejected": tally.Rejected,
			"accepted": tally.Accepted,
		})
	}
	source.Answer(w, source.StatusOf(tally.Rejected, readErr), response{
		Accepted: tally.Accepted,
		Unknown:  tally.Unknown,
		Rejected: tally.Rejected,
		Errors:   errs,
	})
}
