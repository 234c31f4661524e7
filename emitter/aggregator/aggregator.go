package aggregator

import (
	"context"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/interval"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// An Aggregator receives the metrics that agents and jobs push, and serves them. New
// returns one; the zero value is not usable. An Aggregator is safe for concurrent use.
type Aggregator struct {
	provider
	*core

	// Agents receives and stores the metrics of agents. It must not be replaced.
	Agents *Agents

	// Groups receives and stores the groups of metrics that jobs push. It must not be
	// replaced.
	Groups *Groups
}

// A provider makes the Aggregator a series.Provider, so that emitter.Prometheus can
// include it in its metrics page.
type provider = series.OpenProvider

// A core is the state that agents and groups share.
type core struct {
	logger lager.Logger
	clock  *series.Clock
	wall   func() time.Time
	store  *series.OpenStore
	memory Memory
	sizes  sizeLimits

	realTime bool // whether the clock is the system's clock
	others   otherNames
	self     *selfMetrics
}

// Aggregator is a prometheus.Collector.
var _ prometheus.Collector = (*Aggregator)(nil)

// New returns an Aggregator. If Options.StoragePath is set, New restores the groups in
// that file, and the caller should call Close when it no longer needs the Aggregator.
// New replaces a damaged file, keeps it under another name, and returns no error.
//
// New returns an error if an option is invalid, if the metrics about the Aggregator
// itself cannot be registered, or if the storage file cannot be opened. In that case,
// nothing remains registered or open.
func New(options Options) (*Aggregator, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &core{
		logger: o.Logger.Session("aggregator"),
		clock:  series.NewSteadyClock(o.Clock),
		wall:   o.Clock,
		store:  series.NewOpenStore(o.Memory.Add),
		memory: o.Memory,
		sizes:  sizeLimits{o.MaxNameBytes, o.MaxLabelValueBytes, o.MaxHelpBytes},

		realTime: options.Clock == nil,
	}
	c.others.registry, _ = o.Registerer.(prometheus.Collector)
	a := &Aggregator{
		provider: series.NewOpenProvider(series.Provided{Store: c.store, Clock: c.clock, AllowOwned: o.GroupAllowDriven}, c.others.onPage),
		core:     c,
		Agents:   newAgents(c, o),
		Groups:   newGroups(c, o),
	}
	c.self = newSelfMetrics(a, o.DurationNames)
	if err := c.self.checkNames(); err != nil {
		return nil, err
	}
	if err := c.self.register(o.Registerer); err != nil {
		return nil, err
	}
	if err := a.Groups.open(); err != nil {
		c.self.unregister(o.Registerer)
		return nil, err
	}
	return a, nil
}

// Run starts a goroutine that calls Sweep at intervals of a quarter of
// Options.AgentTTL, but at least 100 milliseconds and at most 15 seconds. The goroutine
// ends when the context ends or stop is called. stop waits for a sweep in progress; it
// may be called more than once.
//
// Expired metrics are never served, whether or not Run was called, but they use memory
// until they are swept. If the process is stopped while the goroutine runs, TTLs are
// extended by about that time, unless Options.Clock is set.
func (a *Aggregator) Run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	every := min(max(a.Agents.ttl/4, 100*time.Millisecond), 15*time.Second)
	if a.realTime {
		// If the process is stopped for longer than a TTL, what was pushed until then
		// must not expire before agents can push again.
		a.clock.SkipGaps(every / 2)
		running.Go(func() {
			defer a.clock.SkipGaps(0)
			interval.Run(ctx, every/10, func() { a.clock.Tick() })
		})
	}
	running.Go(func() { interval.Run(ctx, every, a.Sweep) })
	return func() {
		cancel()
		running.Wait()
	}
}

// Sweep removes expired series and groups to free their memory. Updates of an agent
// wait while Sweep examines that agent, but Sweep does not wait for updates: it skips
// agents that are being updated. Pushes wait while it removes expired groups. Scrapes
// wait while it sorts new series.
func (a *Aggregator) Sweep() {
	begin := a.clock.Tick()
	a.Agents.sweep(begin)
	a.Groups.sweep(begin)
	for _, f := range a.store.Families() {
		f.Sweep()
	}
	a.self.sweeps.Observe(time.Duration(a.clock.Tick() - begin).Seconds())
}

// Close writes all pushes to disk and closes the storage file. It returns an error if
// that fails. Further calls return the same error. After Close, the Aggregator still
// serves metrics and applies pushes, but Groups.Push returns a *PushError with the
// Refusal NotStored.
//
// Without a storage file, Close does nothing and returns nil.
func (a *Aggregator) Close() error { return a.Groups.close() }

// Describe implements prometheus.Collector. It sends nothing, because it is not known
// which metrics clients will push.
func (a *Aggregator) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. It sends all series that have not expired.
func (a *Aggregator) Collect(metrics chan<- prometheus.Metric) {
	now := a.clock.Tick()
	for _, f := range a.store.Families() {
		desc := prometheus.NewDesc(f.Name(), f.Help(), nil, nil)
		for _, m := range f.Gather(now).Metric {
			metrics <- collectedMetric{desc, m}
		}
	}
}

// A collectedMetric is a series that Collect passes to a registry.
type collectedMetric struct {
	desc *prometheus.Desc
	*dto.Metric
}

// Desc implements prometheus.Metric.
func (c collectedMetric) Desc() *prometheus.Desc { return c.desc }

// Write implements prometheus.Metric.
func (c collectedMetric) Write(out *dto.Metric) error {
	out.Label, out.Counter, out.Gauge, out.Untyped = c.Label, c.Counter, c.Gauge, c.Untyped
	out.Summary, out.Histogram = c.Summary, c.Histogram
	return nil
}

// after returns now plus d, or Never if d is 0 or the result overflows.
func after(now series.Instant, d time.Duration) series.Instant {
	if at := now + series.Instant(d); d > 0 && at > now {
		return at
	}
	return series.Never
}
