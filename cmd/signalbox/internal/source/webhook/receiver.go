package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/internal/interval"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

// Options configure a Receiver.
type Options struct {
	Logger       lager.Logger
	Sources      []Source      // those that are configured
	ReplayWindow time.Duration // see Source
	Tracker      *tracker.Tracker

	// IDs contains the IDs of the deliveries with a scope. Nil means that the Receiver
	// does not recognize repetitions by their IDs. The tracker recognizes them anyway.
	IDs func(scope string) IDs

	// BodyBytes is the maximum size of a body. Buffer and Parse grant the memory for
	// reading and for decoding it. Nil means that memory is not limited.
	BodyBytes int64
	Buffer    *membudget.Budget
	Parse     *membudget.Queue

	// Now returns the current time. Nil means time.Now.
	Now func() time.Time
}

// IDs is a set of IDs. It is safe for concurrent use.
type IDs interface {
	// Add adds an ID, and reports whether the set did not contain it.
	Add(id []byte) (added bool)
}

// A Receiver receives deliveries and emits the events that they cause. It is safe for
// concurrent use. Create it with New.
type Receiver struct {
	options Options
	inputs  []*input

	sink source.Sink

	mu      sync.Mutex // held while events are emitted, so that gauges end with their latest values
	tracker *tracker.Tracker
}

// An input is a source with the state of its deliveries.
type input struct {
	Source
	verifier atomic.Pointer[Verifier]
	ids      IDs // nil if repetitions are not recognized by their IDs
	tally    tally

	// Problems with deliveries that are authentic, and with others. They are separate, so
	// that strangers cannot hide what is wrong with authentic deliveries.
	authentic, others problems
}

// New returns a Receiver. It returns an error if a source has no valid secrets.
func New(o Options) (*Receiver, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Receiver{options: o, tracker: o.Tracker}
	var errs []error
	for _, s := range o.Sources {
		v, err := s.NewVerifier(o.ReplayWindow)
		errs = append(errs, err)
		in := &input{Source: s}
		in.authentic.log, in.others.log = source.NewRejections(o.Logger, 1), source.NewRejections(o.Logger, 1)
		in.verifier.Store(&v)
		in.tally.delays = newDelays(s.Name())
		in.tally.lastDelay.Store(-1)
		if o.IDs != nil {
			in.ids = o.IDs(Path(s.Name()))
		}
		r.inputs = append(r.inputs, in)
	}
	return r, errors.Join(errs...)
}

// SetSink sets where events go. It must be called before Handler and Run.
func (r *Receiver) SetSink(s source.Sink) { r.sink = s }

// Reload reads the secrets of the sources again. If those of a source are not valid, it
// keeps the previous ones. Reload logs the results.
func (r *Receiver) Reload() {
	for _, in := range r.inputs {
		v, err := in.NewVerifier(r.options.ReplayWindow)
		if err != nil {
			r.options.Logger.Error("secrets-not-reloaded", err, lager.Data{"source": in.Name()})
			continue
		}
		in.verifier.Store(&v)
		r.options.Logger.Info("secrets-reloaded", lager.Data{"source": in.Name()})
	}
}

// Handler returns a handler that serves the paths of the sources and health checks.
func (r *Receiver) Handler() http.Handler {
	expected := "not found: expected"
	for i, in := range r.inputs {
		if i > 0 {
			expected += ","
		}
		expected += " " + Path(in.Name())
	}
	mux := source.NewMux(expected)
	for _, in := range r.inputs {
		mux.HandleFunc(Path(in.Name()), func(w http.ResponseWriter, request *http.Request) { r.serve(w, request, in) })
	}
	return mux
}

// tickInterval is how often the gauges of active objects are refreshed.
const tickInterval = 15 * time.Second

// Run refreshes gauges and removes objects that have expired until ctx is done.
func (r *Receiver) Run(ctx context.Context) {
	interval.Run(ctx, tickInterval, r.Tick)
}

// Tick refreshes gauges and removes objects that have expired.
func (r *Receiver) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(r.tracker.Tick(r.options.Now()))
}

// emit emits events. The caller must hold r.mu.
func (r *Receiver) emit(events []metric.Event) {
	var outcome metric.Outcome
	for _, event := range events {
		r.sink.Emit(event, &outcome)
	}
}

func (r *Receiver) serve(w http.ResponseWriter, request *http.Request, in *input) {
	switch {
	case request.Method == http.MethodGet, request.Method == http.MethodHead:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprintf(w, "This is the webhook for %s. POST deliveries of %s here.\n", in.Description(), in.Expects()) //nolint:errcheck // the client is gone
		return
	case !source.AllowMethods(w, request, http.MethodGet, http.MethodHead, http.MethodPost):
		return
	}
	verifier := *in.verifier.Load()
	if err := verifier.CheckHeader(request, r.options.Now()); err != nil {
		in.reject(w, request, &in.others, r.options.Now(), Unauthorized, http.StatusUnauthorized, err)
		return
	}
	body, err := source.OpenBody(request, r.options.BodyBytes, r.options.Buffer)
	if err != nil {
		in.reject(w, request, &in.others, r.options.Now(), Malformed, http.StatusUnsupportedMediaType, err)
		return
	}
	defer body.Close()
	content, err := body.ReadAll()
	if err != nil {
		status := source.StatusOf(1, err)
		outcome := Malformed
		if status == http.StatusServiceUnavailable {
			outcome = Overloaded
		}
		in.reject(w, request, &in.others, r.options.Now(), outcome, status, source.Explain(err))
		return
	}
	now := r.options.Now()
	source.InTurn(len(content), func() { err = verifier.Verify(request, content, now) })
	if err != nil {
		in.reject(w, request, &in.others, now, Unauthorized, http.StatusUnauthorized, err)
		return
	}
	in.tally.last.Store(now.UnixNano())
	release, err := r.options.Parse.Acquire(request.Context(), int64(len(content))*parseFactor)
	if err != nil {
		outcome := Overloaded
		if errors.Is(err, membudget.ErrTooLarge) {
			outcome = Malformed
		}
		in.reject(w, request, &in.authentic, now, outcome, source.StatusOf(1, err), err)
		return
	}
	defer release()
	source.InTurn(len(content), func() { r.apply(w, request, in, content, now) })
}

// parseFactor is the memory for decoding a body, as a multiple of its size. Most bodies
// take no more than their own size, and forms up to three times. TestParseFactor
// compares it with what is really used.
const parseFactor = 8

// apply decodes an authentic delivery, applies it, and answers.
func (r *Receiver) apply(w http.ResponseWriter, request *http.Request, in *input, content []byte, now time.Time) {
	d, err := in.Decode(request.Header, content)
	if err != nil {
		in.reject(w, request, &in.authentic, now, Malformed, http.StatusBadRequest, err)
		return
	}
	outcome, reason, emitted := r.track(in, &d, now)
	in.tally.counts[outcome].Add(1)
	if outcome == Accepted || outcome == Unmapped {
		in.tally.observeDelay(&d, now)
	}
	if outcome == Unmapped {
		in.note(request, &in.authentic, outcome, now, errors.New(reason))
	}
	r.options.Logger.Debug("delivery", lager.Data{"source": in.Name(), "event": d.Event, "outcome": outcome.String(), "reason": reason})
	source.Answer(w, http.StatusAccepted, struct {
		Outcome string `json:"outcome"`
		Reason  string `json:"reason,omitempty"`
		Events  int    `json:"events"`
	}{outcome.String(), reason, emitted})
}

// track applies a delivery to the tracker, unless it is a repetition, and emits the
// events. It returns the number of events.
func (r *Receiver) track(in *input, d *payload.Delivery, now time.Time) (outcome Outcome, reason string, emitted int) {
	if d.Outcome != payload.Ignored && in.ids != nil && d.ID != "" && !in.ids.Add([]byte(d.ID)) {
		return Duplicate, "a delivery with the same ID was received before", 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	events, outcome := Apply(r.tracker, d, now)
	r.emit(events)
	return outcome, d.Reason, len(events)
}

// Apply applies the changes in a delivery, which was received at the time now, and keeps
// only those that had an effect. It returns the events to emit, in order, and the outcome
// of the delivery.
func Apply(t *tracker.Tracker, d *payload.Delivery, now time.Time) (events []metric.Event, outcome Outcome) {
	outcome = Ignored
	accepted := d.Changes[:0]
	for _, change := range d.Changes {
		caused, did := t.Apply(change, now)
		events = append(events, caused...)
		outcome = min(outcome, outcomeOf(did)) // the most useful one
		if did == tracker.Accepted {
			accepted = append(accepted, change)
		}
	}
	if d.Outcome == payload.Unmapped && (len(d.Changes) == 0 || outcome == Accepted) {
		outcome = Unmapped
	}
	d.Changes = accepted
	return events, outcome
}

// reject answers, counts and logs a delivery that is not accepted.
func (in *input) reject(w http.ResponseWriter, request *http.Request, p *problems, now time.Time, outcome Outcome, status int, err error) {
	in.tally.counts[outcome].Add(1)
	in.note(request, p, outcome, now, err)
	if status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", source.Encodings)
	}
	source.Reject(w, status, err.Error())
}

// note logs a problem with a delivery, at a limited rate, and shows it on the status
// page.
func (in *input) note(request *http.Request, p *problems, outcome Outcome, now time.Time, err error) {
	p.latest.Store(&problem{at: now, outcome: outcome, remote: request.RemoteAddr, text: err.Error()})
	p.log.Log("delivery-"+outcome.String(), err, lager.Data{"source": in.Name(), "remote": request.RemoteAddr})
}
