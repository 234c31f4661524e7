package aggregator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// DefaultTTL is how long what an agent pushed lives.
const DefaultTTL = 2 * time.Minute

// defaultBaseLabels are the names of the base labels unless WithBaseLabels says
// otherwise: those that the fields of Labels stand for.
var defaultBaseLabels = []string{"username", "workspace_name", "agent_name", "template_name"}

// MaxBaseLabels is how many base labels there may be.
const MaxBaseLabels = 16

// An Aggregator keeps what agents and jobs push. It is safe for concurrent use.
// Make one with New.
type provider = series.OpenProvider

type Aggregator struct {
	provider
	logger lager.Logger
	clock  *series.Clock
	wall   func() time.Time
	store  *series.OpenStore
	self   *selfMetrics

	registerer prometheus.Registerer
	beside     atomic.Pointer[func(name string) (series.Type, bool)]

	ttl        time.Duration
	base       []string // names of the base labels
	shown      []bool   // which of them a page shows
	aggregated bool     // whether that is not all
	maxSeries  int64

	seed   maphash.Seed
	agents struct {
		sync.RWMutex
		byHash map[uint64]*agent
	}
	held atomic.Int64 // series of agents

	jobs *jobs
}

// Aggregator is a prometheus.Collector.
var _ prometheus.Collector = (*Aggregator)(nil)

// An Option changes what New makes.
type Option func(*options)

type options struct {
	base      []string
	now       func() time.Time
	maxSeries int
	pushes    PushOptions
}

// WithBaseLabels sets the names of the labels that say which agent pushes, at most
// MaxBaseLabels. The default are those that the fields of Labels stand for: username,
// workspace_name, agent_name and template_name.
func WithBaseLabels(names ...string) Option { return func(o *options) { o.base = names } }

// WithClock sets what is taken for the time. It may be set back: what lasts for a
// minute lasts until it has gone on by a minute. The default is time.Now.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithMaxSeries sets how many series agents may have together; beyond it, new ones
// are rejected. 0 means the default, a million.
func WithMaxSeries(n int) Option { return func(o *options) { o.maxSeries = n } }

// WithPushes sets what becomes of what jobs push.
func WithPushes(p PushOptions) Option { return func(o *options) { o.pushes = p } }

// New makes an Aggregator of what agents push, each series of which lives for ttl
// after its last update; 0 means DefaultTTL.
//
// With aggregateBy, series that differ only in base labels that it does not name
// are shown as one. Gauges are the sum of those that live. Counters are the sum of
// all that was counted, which does not go down when an agent expires, or starts
// again from zero. An agent that comes back within ten times the ttl goes on from
// the value that it had. Without aggregateBy, series are shown as they are.
//
// The registerer, if not nil, gets metrics about the Aggregator itself, and keeps
// them. A metric that somebody pushes under a name that is registered there is
// rejected, so that the Aggregator can be registered there too; to find out, the
// registerer is asked to register collectors that are not valid, which it must
// refuse. The logger gets what happens in the background.
//
// New fails if a label of aggregateBy is no base label, if an option has a value
// that it cannot have, if the metrics cannot be registered, or if there is a file to
// store groups in that cannot be opened. One that is damaged is moved aside instead.
func New(logger lager.Logger, registerer prometheus.Registerer, ttl time.Duration, aggregateBy []string, opts ...Option) (*Aggregator, error) {
	o := options{base: defaultBaseLabels, now: time.Now}
	for _, set := range opts {
		set(&o)
	}
	a := &Aggregator{
		logger:     logger.Session("aggregator"),
		clock:      series.NewSteadyClock(o.now),
		wall:       o.now,
		store:      series.NewOpenStore(),
		registerer: registerer,
		ttl:        cmp.Or(ttl, DefaultTTL),
		base:       o.base,
		maxSeries:  int64(cmp.Or(o.maxSeries, 1_000_000)),
		seed:       maphash.MakeSeed(),
	}
	a.provider = series.NewOpenProvider(a.store, a.clock, func(taken func(string) (series.Type, bool)) { a.beside.Store(&taken) })
	a.agents.byHash = make(map[uint64]*agent)
	if err := a.check(aggregateBy); err != nil {
		return nil, err
	}
	for _, name := range a.base {
		a.shown = append(a.shown, len(aggregateBy) == 0 || slices.Contains(aggregateBy, name))
	}
	a.aggregated = slices.Contains(a.shown, false)

	var err error
	if a.jobs, err = newJobs(a, o.pushes); err != nil {
		return nil, err
	}
	if a.self, err = newSelfMetrics(a); err != nil {
		return nil, err
	}
	if err := a.jobs.open(); err != nil {
		a.self.unregister(registerer)
		return nil, err
	}
	return a, nil
}

// check is what is wrong with the options that concern agents.
func (a *Aggregator) check(aggregateBy []string) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if a.ttl < 0 {
		fail("the TTL is %s, want a positive duration", a.ttl)
	}
	if a.maxSeries < 0 {
		fail("the limit on series is %d, want a positive number", a.maxSeries)
	}
	if len(a.base) > MaxBaseLabels {
		fail("there are %d base labels, want at most %d", len(a.base), MaxBaseLabels)
	}
	for i, name := range a.base {
		if err := checkLabelName(name); err != nil {
			fail("base label: %w", err)
		} else if slices.Contains(a.base[:i], name) {
			fail("base label %q is given twice", name)
		}
	}
	for i, name := range aggregateBy {
		if !slices.Contains(a.base, name) {
			fail("cannot aggregate by %q, which is none of the base labels %q", name, a.base)
		} else if slices.Contains(aggregateBy[:i], name) {
			fail("label %q to aggregate by is given twice", name)
		}
	}
	return errors.Join(errs...)
}

func checkLabelName(name string) error {
	if !model.LegacyValidation.IsValidLabelName(name) || len(name) >= 2 && name[:2] == model.ReservedLabelPrefix {
		return fmt.Errorf("%q cannot be the name of a label", shorten(name))
	}
	return nil
}

// Run begins to forget what has expired, every quarter of the agents' TTL but at
// least every 15 seconds, until the context ends or stop is called, which returns
// when that is so. Nothing that expired is shown without it either, but its memory
// is not freed.
func (a *Aggregator) Run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(min(max(a.ttl/4, 100*time.Millisecond), 15*time.Second))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				a.Sweep()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// Sweep forgets what has expired. Updates wait for it while it looks at their agent,
// and pushes while it deletes groups that expired; scrapes, while new series are put
// in order.
func (a *Aggregator) Sweep() {
	begin := a.clock.Tick()
	a.sweepAgents(begin)
	a.jobs.sweep(begin)
	for _, f := range a.store.Families() {
		f.Sift()
	}
	a.self.swept(a.clock.Tick() - begin)
}

// Close waits until all that was pushed is on disk, and closes the file. Pushes from
// then on are served, but fail as NotStored. Without a file it does nothing.
func (a *Aggregator) Close() error { return a.jobs.close() }

// Describe implements prometheus.Collector. It describes nothing, since nobody
// knows what will be pushed.
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

// collected is a series on its way to a registry.
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

// after is the instant that comes d after now; Never if d is 0.
func after(now series.Instant, d time.Duration) series.Instant {
	if at := now + series.Instant(d); d > 0 && at > now {
		return at
	}
	return series.Never
}

// shorten cuts what somebody sent to what an error can repeat.
func shorten(s string) string {
	const enough = 64
	if len(s) <= enough {
		return s
	}
	return strings.ToValidUTF8(s[:enough], "") + "…"
}
