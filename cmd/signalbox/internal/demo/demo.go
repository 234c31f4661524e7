package demo

import (
	"context"
	"net/http"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/forge"
	"github.com/signalbox-ci/signalbox/metric"
)

// Options configure a demo. Transport, Webhooks, AfterPast and EventsPerSecond are
// optional.
type Options struct {
	// Monitor receives the events. It must be initialized, and must not receive events
	// from other schedulers.
	Monitor *metric.Monitor

	// Logger receives the messages about rejected and unknown events, which the
	// simulation emits on purpose.
	Logger lager.Logger

	// Failures receives all other errors.
	Failures lager.Logger

	// Intake is the URL, without a path, to which jobs and agents push.
	Intake string

	// Transport, if not nil, sends the pushes instead of a new http.Transport.
	Transport http.RoundTripper

	// Webhooks are where organizations on GitHub and GitLab send webhooks. If it is nil,
	// there are none.
	Webhooks *Webhooks

	// AgentLabels are the names of the labels for the user, the workspace, the agent
	// and the template of an agent, in this order. There may be fewer names.
	AgentLabels []string

	// Seed is the seed of all random numbers.
	Seed uint64

	// Speed is the number of simulated seconds per second of real time. It does not
	// apply to the organizations that send webhooks: their times are real.
	Speed float64

	// AfterPast, if not nil, is called after the past has been simulated and before the
	// simulation continues.
	AfterPast func()

	// EventsPerSecond is the number of events to emit per second of real time. If it is
	// not 0, Speed is ignored.
	EventsPerSecond uint

	// StaleAfter and AgentTTL are the times, in real time, after which the daemon
	// removes the series of a worker and of an agent.
	StaleAfter, AgentTTL time.Duration
}

const (
	// past is the simulated time before the demo starts. It is long enough for the
	// first builds to have finished, so that the page shows them immediately.
	past = 10 * time.Minute

	// typicalEventRate is the approximate number of events per simulated second during
	// the day.
	typicalEventRate = 10

	// reportInterval is the interval, in real time, at which counters and gauges are
	// emitted. It is shorter than the ten seconds of a scheduler, so that the page
	// shows them soon.
	reportInterval = time.Second
)

// A Demo is a running simulation.
type Demo struct {
	simulation *simulation
	pusher     *pusher
	deliverer  *deliverer // nil if there are no webhooks

	stop, stopReports context.CancelFunc
	running, reports  sync.WaitGroup

	before tally // events that were emitted before begin
	begin  time.Time
	end    time.Time // set when running has ended
}

// Start simulates the past and starts a demo. The caller must call Stop.
func Start(o Options) *Demo {
	ctx, stop := context.WithCancel(context.Background())
	p := &pace{speed: o.Speed, eventsPerSecond: float64(o.EventsPerSecond)}
	speed := p.speed
	if p.eventsPerSecond > 0 {
		speed = p.eventsPerSecond / typicalEventRate
	}
	d := &Demo{
		simulation: newSimulation(config{
			monitor:    o.Monitor,
			logger:     o.Logger,
			seed:       o.Seed,
			staleAfter: scaled(o.StaleAfter, speed),
			agentTTL:   scaled(o.AgentTTL, speed),
		}),
		pusher: startPusher(ctx, o),
		stop:   stop,
	}
	s := d.simulation
	s.pusher = d.pusher
	s.Advance(past)
	d.before, d.begin = s.tally, time.Now()
	d.pusher.skipped.Store(0) // the past is simulated faster than pushes can be sent
	if o.Webhooks != nil {
		d.deliverer = newDeliverer(ctx, o)
	}
	if o.AfterPast != nil {
		o.AfterPast()
	}
	if d.deliverer != nil {
		d.deliverer.start(ctx)
	}

	reportsCtx, stopReports := context.WithCancel(context.Background())
	d.stopReports = stopReports
	periodic := metric.PeriodicallyEmit(o.Failures, o.Monitor, reportInterval)
	d.reports.Go(func() { periodic.RunContext(reportsCtx) }) //nolint:errcheck // it fails only if the interval is 0
	d.running.Go(func() {
		p.run(ctx, s)
		d.end = time.Now()
	})
	return d
}

// scaled converts a duration from real time to simulated time. The result has limits: a
// shorter one would make heartbeats the majority of all events, and multiples of a
// longer one would overflow time.Duration.
func scaled(d time.Duration, speed float64) time.Duration {
	const shortest, longest = time.Minute, 100 * 24 * time.Hour
	return time.Duration(min(max(float64(d)*speed, float64(shortest)), float64(longest)))
}

// Stop stops the demo, waits until all its goroutines have ended, and returns a
// summary.
func (d *Demo) Stop() Summary {
	d.stop()
	d.running.Wait()
	d.pusher.wait()
	if d.deliverer != nil {
		d.deliverer.wait()
	}
	d.stopReports() // last, so that the final report contains everything that was counted
	d.reports.Wait()

	s := d.simulation
	summary := Summary{
		Elapsed:   d.end.Sub(d.begin),
		Simulated: s.Now - past,
		Past:      d.before.total(),
		Sent:      d.pusher.sent.Load(),
		Failed:    d.pusher.failed.Load(),
		Skipped:   d.pusher.skipped.Load(),
	}
	if w := d.deliverer; w != nil {
		summary.Webhooks = &WebhookSummary{Delivered: w.sent.Load(), Failed: w.failed.Load(), Skipped: w.skipped.Load(), Faults: w.forge.Tally()}
	}
	for k, count := range s.tally {
		summary.Kinds = append(summary.Kinds, KindCount{kindNames[k], count - d.before[k]})
	}
	return summary
}

// A Summary summarizes a demo from Start to Stop.
type Summary struct {
	Elapsed   time.Duration // real time
	Simulated time.Duration // simulated time
	Past      uint64        // number of events before the start
	Kinds     []KindCount

	// Numbers of pushes from jobs and agents: accepted, failed or rejected, and not
	// sent because there were too many.
	Sent, Failed, Skipped uint64

	Webhooks *WebhookSummary // nil if there are none
}

// A WebhookSummary contains the numbers of deliveries that were answered as expected, of
// those that failed, and of those that were not sent because they were too old, and the
// intentional faults. They include the past.
type WebhookSummary struct {
	Delivered, Failed, Skipped uint64
	Faults                     forge.Tally
}

// A KindCount is the number of emitted events of a kind.
type KindCount struct {
	Kind  string
	Count uint64
}

// Events returns the number of emitted events.
func (s *Summary) Events() (n uint64) {
	for _, k := range s.Kinds {
		n += k.Count
	}
	return n
}
