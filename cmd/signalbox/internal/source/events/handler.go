package events

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/body"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
)

// EventsPath is where events are posted to.
const EventsPath = "/api/v1/events"

// maxErrors is how many of a body's errors an answer lists. They tend to be
// the same one over and over.
const maxErrors = 10

// A handler serves the intake's pages.
type handler struct {
	limits     Limits
	sink       Sink
	rejections *Rejections
	decoders   sync.Pool // of *Decoder
}

// NewHandler returns the handler of the intake: POST to EventsPath takes
// events for the sink, /-/healthy and /-/ready answer OK. The logger gets what
// was rejected; so does the client, in more detail.
func NewHandler(logger lager.Logger, limits Limits, sink Sink) http.Handler {
	h := &handler{
		limits:     limits.withDefaults(),
		sink:       sink,
		rejections: NewRejections(logger),
	}
	h.decoders.New = func() any { return NewDecoder(h.limits) }

	mux := http.NewServeMux()
	mux.Handle(EventsPath, allow(h.takeEvents, http.MethodPost))
	mux.Handle("/-/healthy", allow(serveOK, http.MethodGet, http.MethodHead))
	mux.Handle("/-/ready", allow(serveOK, http.MethodGet, http.MethodHead))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply.Refuse(w, http.StatusNotFound, "nothing is here; events are taken by POST to "+EventsPath+", metrics of jobs by PUT or POST to /metrics/job/<job>, and those of agents by POST to /api/v1/agent-metrics")
	})

	return mux
}

// An answer says what became of the events of a body.
type answer struct {
	Accepted int `json:"accepted"`
	Unknown  int `json:"unknown"`

	// Rejected and Errors are left out when every event was well formed.
	Rejected int         `json:"rejected,omitempty"`
	Errors   []lineError `json:"errors,omitempty"`
}

// A lineError says what is wrong with the event in a line.
type lineError struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// takeEvents reads a body of events, and answers when the last of them has
// been emitted.
func (h *handler) takeEvents(w http.ResponseWriter, r *http.Request) {
	content, err := body.OpenRequest(r, h.limits.BodyBytes)
	switch {
	case errors.Is(err, body.ErrTooLarge):
		h.rejectBody(r, err)
		reply.JSON(w, http.StatusRequestEntityTooLarge, answer{Rejected: 1, Errors: []lineError{{Line: 1, Reason: err.Error()}}})

		return
	case err != nil:
		h.rejectBody(r, err)
		w.Header().Set("Accept-Encoding", body.Encodings)
		reply.Refuse(w, http.StatusUnsupportedMediaType, err.Error())

		return
	}
	defer content.Close()

	decoder := h.decoders.Get().(*Decoder)
	defer h.decoders.Put(decoder)

	tally := Tally{Sink: h.sink}
	var errs []lineError
	reject := func(line int, err error) {
		tally.Reject(err)
		if len(errs) < maxErrors {
			errs = append(errs, lineError{line, err.Error()})
		}
	}

	status := http.StatusOK
	err = decoder.Decode(content, FormatOf(r.Header.Get("Content-Type")), tally.Accept, reject)
	if err != nil {
		// The last error is the one that ended it, whatever came before.
		errs = errs[:min(len(errs), maxErrors-1)]
		reject(decoder.Line(), body.Explain(err))
	}
	switch {
	case errors.Is(err, body.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case tally.Rejected > 0:
		status = http.StatusBadRequest
	}
	if tally.Rejected > 0 {
		h.rejections.Log("rejected-events", errors.New(errs[0].Reason), lager.Data{
			"remote":   r.RemoteAddr,
			"line":     errs[0].Line,
			"rejected": tally.Rejected,
			"accepted": tally.Accepted,
		})
	}

	reply.JSON(w, status, answer{
		Accepted: tally.Accepted,
		Unknown:  tally.Unknown,
		Rejected: tally.Rejected,
		Errors:   errs,
	})
}

// rejectBody counts and logs a body of which nothing was read.
func (h *handler) rejectBody(r *http.Request, err error) {
	h.sink.Malformed(err)
	h.rejections.Log("rejected-body", err, lager.Data{"remote": r.RemoteAddr})
}

// allow lets requests with one of the methods pass.
func allow(next http.HandlerFunc, methods ...string) http.Handler {
	allowed := methods[0]
	for _, method := range methods[1:] {
		allowed += ", " + method
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, method := range methods {
			if r.Method == method {
				next(w, r)
				return
			}
		}
		w.Header().Set("Allow", allowed)
		reply.Refuse(w, http.StatusMethodNotAllowed, reply.NotAllowed(r.Method, methods...))
	})
}

func serveOK(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, "OK") //nolint:errcheck // the client is gone
}
