package aggregator

import (
	"context"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/interval"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// An Aggregator holds the metrics that agents and jobs push. Create it with New. It is
// safe for concurrent use.
type Aggregator struct {
	provider
	*core

	// Agents receives and holds the metrics of agents. It must not be replaced.
	Agents *Agents

	// Groups receives and holds the groups of metrics that jobs push. It must not be
	// replaced.
	Groups *Groups
}

// A provider makes the Aggregator a series.Provider, for the page of
// emitter.Prometheus.
type provider = series.OpenProvider

// A core is the state that agents and groups share.
type core struct {
	logger lager.Logger
	clock  *series.Clock
	wall   func() time.Time
	store  *series.OpenStore
	others otherNames
	self   *selfMetrics
}

// Aggregator is a prometheus.Collector.
var _ prometheus.Collector = (*Aggregator)(nil)

// New returns an Aggregator with the groups stored at Options.StoragePath. If the file
// there is damaged, New moves it aside and returns no error.
//
// New returns an error if an option is invalid, if the metrics about the Aggregator
// cannot be registered, or if the storage file cannot be opened. Then nothing remains
// registered or open.
func New(options Options) (*Aggregator, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &core{
		logger: o.Logger.Session("aggregator"),
		clock:  series.NewSteadyClock(o.Clock),
		wall:   o.Clock,
		store:  series.NewOpenStore(),
	}
	c.others.registry, _ = o.Registerer.(prometheus.Collector)
	a := &Aggregator{
		provider: series.NewOpenProvider(c.store, c.clock, c.others.onPage),
		core:     c,
		Agents:   newAgents(c, o),
		Groups:   newGroups(c, o),
	}
	c.self = newSelfMetrics(a)
	if err := c.self.register(o.Registerer); err != nil {
		return nil, err
	}
	if err := a.Groups.open(); err != nil {
		c.self.unregister(o.Registerer)
		return nil, err
	}
	return a, nil
}

// Run starts to call Sweep at every quarter of the agents' TTL, but at least every 15
// seconds, until the context ends or stop is called. stop waits for a sweep in
// progress. Without Run, expired metrics are not shown either, but they keep their
// memory.
func (a *Aggregator) Run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		interval.Run(ctx, min(max(a.Agents.ttl/4, 100*time.Millisecond), 15*time.Second), a.Sweep)
	}()
	return func() {
		cancel()
		<-done
	}
}

// Sweep frees the memory of expired series. Updates wait while it looks at their agent,
// pushes wait while it removes expired groups, and scrapes wait while new series are
// sorted.
func (a *Aggregator) Sweep() {
	begin := a.clock.Tick()
	a.Agents.sweep(begin)
	a.Groups.sweep(begin)
	for _, f := range a.store.Families() {
		f.Sift()
	}
	a.self.sweeps.Observe(time.Duration(a.clock.Tick() - begin).Seconds())
}

// Close waits until all pushes are on disk, and closes the storage file. Without a
// storage file it does nothing. Later pushes are served, but fail with NotStored. A
// second call returns the result of the first.
func (a *Aggregator) Close() error { return a.Groups.close() }

// Describe implements prometheus.Collector. It sends nothing, because the metrics that
// clients will push are not known.
func (a *Aggregator) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (a *Aggregator) Collect(metrics chan<- prometheus.Metric) {
	now := a.clock.Tick()
	for _, f := range a.store.Families() {
		desc := prometheus.NewDesc(f.Name(), f.Help(), nil, nil)
		for _, m := range f.Gather(now).Metric {
			metrics <- collected{desc, m}
		}
	}
}

// A collected is a series that Collect passes to a registry.
type collected struct {
	desc *prometheus.Desc
	*dto.Metric
}

// Desc implements prometheus.Metric.
func (c collected) Desc() *prometheus.Desc { return c.desc }

// Write implements prometheus.Metric.
func (c collected) Write(out *dto.Metric) error {
	out.Label, out.Counter, out.Gauge, out.Untyped = c.Label, c.Counter, c.Gauge, c.Untyped
	out.Summary, out.Histogram = c.Summary, c.Histogram
	return nil
}

// after returns the instant that is d after now, or Never if d is 0.
func after(now series.Instant, d time.Duration) series.Instant {
	if at := now + series.Instant(d); d > 0 && at > now {
		return at
	}
	return series.Never
}
