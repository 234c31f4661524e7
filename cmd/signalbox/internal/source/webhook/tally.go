package webhook

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// An Outcome is the result of handling a delivery.
type Outcome uint8

// The outcomes of deliveries.
const (
	Accepted     Outcome = iota + 1
	Unmapped             // contains a word that the decoder does not know
	Duplicate            // received before, or does not change anything
	Stale                // older than what is known, or too old
	Ignored              // not about a run, a job or a deployment
	Unauthorized         // without a valid signature or token
	Malformed            // not in the format of the CI system, or too large
	Overloaded           // there was no memory for it; the CI system may send it again

	outcomes
)

// String returns the outcome as a label value.
func (o Outcome) String() string {
	return [...]string{"", "accepted", "unmapped", "duplicate", "stale", "ignored", "unauthorized", "malformed", "overloaded"}[o]
}

// outcomeOf returns the outcome of a delivery whose only change had the outcome.
func outcomeOf(o tracker.Outcome) Outcome {
	return [...]Outcome{tracker.Accepted: Accepted, tracker.Duplicate: Duplicate, tracker.Stale: Stale, tracker.Ignored: Ignored}[o]
}

// A tally contains the counts of a source's deliveries. It is safe for concurrent use.
type tally struct {
	counts    [outcomes]atomic.Uint64
	last      atomic.Int64 // time of the latest authentic delivery, in nanoseconds; 0 if there was none
	lastDelay atomic.Int64 // delay of the latest end that was accepted, in nanoseconds; -1 if there was none
	delays    prometheus.Histogram
}

// A problems logs problems with deliveries, at most one per second, and contains the
// latest one.
type problems struct {
	log    *source.Rejections
	latest atomic.Pointer[problem] // nil if there was none
}

// A problem is a delivery that could not be used completely.
type problem struct {
	at      time.Time
	outcome Outcome
	remote  string
	text    string
}

// observeDelay observes the time from the ends in a delivery, whose changes had an
// effect, to now. Other changes have no reliable time: a job that is released by an
// approval has only the time at which it was created.
func (t *tally) observeDelay(d *payload.Delivery, now time.Time) {
	for i := range d.Changes {
		if d.Changes[i].State != tracker.Ended {
			continue
		}
		if ended, _ := tracker.Sanitize(d.Changes[i].Ended, now); !ended.IsZero() {
			delay := max(now.Sub(ended), 0) // the clocks may differ
			t.delays.Observe(delay.Seconds())
			t.lastDelay.Store(int64(delay))
		}
	}
}
