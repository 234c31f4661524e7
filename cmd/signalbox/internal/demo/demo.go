package demo

import (
	"context"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// Options are what a demo needs to know. All of them are needed but EventsPerSecond.
type Options struct {
	// Monitor gets the events. It must have been initialised, and is nobody else's.
	Monitor *metric.Monitor

	// Logger is for what goes wrong on purpose: rejected events, for the most part.
	Logger lager.Logger

	// Failures is for what goes wrong otherwise.
	Failures lager.Logger

	// Intake is where jobs and agents push to: a URL without a path.
	Intake string

	// AgentLabels are the names of the labels that say which agent pushes: its user,
	// its workspace, itself and its template, as far as there are names.
	AgentLabels []string

	// Seed decides all that happens by chance.
	Seed uint64

	// Speed is how many simulated seconds there are in one by the clock.
	Speed float64

	// Past, if not nil, is called once the past is over, and before anything else
	// happens.
	Past func()

	// EventsPerSecond, unless it is 0, is how many events to emit in a second by the
	// clock; then Speed does not count.
	EventsPerSecond uint

	// StaleAfter and AgentTTL are after how long a worker's series, and what an agent
	// has pushed, are dropped: by the clock, as the flags have it.
	StaleAfter, AgentTTL time.Duration
}

const (
	// past is how much happens before the demo starts: enough for builds of all kinds
	// to have ended.
	past = 10 * time.Minute

	// usualEvents is about how many events there are in a simulated second by day.
	usualEvents = 10

	// reportInterval is how far, by the clock, reports of the counters and gauges are
	// apart: a scheduler has ten seconds, but then the page would take as long to show
	// anything.
	reportInterval = time.Second
)

// A Demo is a simulation under way.
type Demo struct {
	simulation *simulation
	pusher     *pusher

	stop, stopReports context.CancelFunc
	running, reports  sync.WaitGroup

	before tally // what was emitted before begin
	begin  time.Time
	end    time.Time // set when nothing is running
}

// Start starts a demo, which has some past already when it returns. The caller must
// stop it.
func Start(o Options) *Demo {
	ctx, stop := context.WithCancel(context.Background())
	p := &pace{speed: o.Speed, eventsPerSecond: float64(o.EventsPerSecond)}
	speed := p.speed
	if p.eventsPerSecond > 0 {
		speed = p.eventsPerSecond / usualEvents
	}
	d := &Demo{
		simulation: newSimulation(setting{
			monitor:    o.Monitor,
			logger:     o.Logger,
			seed:       o.Seed,
			staleAfter: scaled(o.StaleAfter, speed),
			agentTTL:   scaled(o.AgentTTL, speed),
		}),
		pusher: startPusher(ctx, o.Intake, o.AgentLabels, o.Failures),
		stop:   stop,
	}
	s := d.simulation
	s.pusher = d.pusher
	s.advance(past)
	d.before, d.begin = s.tally, time.Now()
	d.pusher.skipped.Store(0) // the past comes faster than anybody could push it
	if o.Past != nil {
		o.Past()
	}

	reportsCtx, stopReports := context.WithCancel(context.Background())
	d.stopReports = stopReports
	periodic := metric.PeriodicallyEmit(o.Failures, o.Monitor, reportInterval)
	d.reports.Go(func() { periodic.RunContext(reportsCtx) }) //nolint:errcheck // it fails on an interval of 0 only
	d.running.Go(func() {
		p.run(ctx, s)
		d.end = time.Now()
	})
	return d
}

// scaled is how much simulated time passes in a time by the clock. It is enough that
// heartbeats do not crowd out all else, and so little that many times it is still a
// time.Duration.
func scaled(d time.Duration, speed float64) time.Duration {
	const least, most = time.Minute, 100 * 24 * time.Hour
	return time.Duration(min(max(float64(d)*speed, float64(least)), float64(most)))
}

// Stop ends the demo, waits until nothing of it is under way, and tells what there was.
func (d *Demo) Stop() Summary {
	d.stop()
	d.running.Wait()
	d.pusher.wait()
	d.stopReports() // last, so that they tell all that was counted
	d.reports.Wait()

	s := d.simulation
	summary := Summary{
		Elapsed:   d.end.Sub(d.begin),
		Simulated: s.now - past,
		Past:      d.before.total(),
		Sent:      d.pusher.sent.Load(),
		Failed:    d.pusher.failed.Load(),
		Skipped:   d.pusher.skipped.Load(),
	}
	for k, count := range s.tally {
		summary.Kinds = append(summary.Kinds, KindCount{kindNames[k], count - d.before[k]})
	}
	return summary
}

// A Summary is what there was in a demo after it had started.
type Summary struct {
	Elapsed   time.Duration // by the clock
	Simulated time.Duration // meanwhile
	Past      uint64        // events before it started
	Kinds     []KindCount

	// Pushes of jobs and agents: those taken, those refused, and those that were too
	// many to be sent.
	Sent, Failed, Skipped uint64
}

// A KindCount is how many events of a kind were emitted.
type KindCount struct {
	Kind  string
	Count uint64
}

// Events is how many events were emitted.
func (s *Summary) Events() (n uint64) {
	for _, k := range s.Kinds {
		n += k.Count
	}
	return n
}
