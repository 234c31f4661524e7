// Package engine updates series in response to events.
//
// The engine compiles rules into plans, one for each event name (compile.go). A plan
// says which attributes to read and which families to update with them. Emitting an
// event looks up its plan once (emit.go). A reload compiles the rules again and
// replaces the plans (reload.go). Families whose definition does not change keep their
// series.
package engine

import (
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// maxLabelValueBytes is the maximum length of a label value.
const maxLabelValueBytes = 16 << 10

// Options configure an Engine.
type Options struct {
	Source     mapping.Source    // the rules
	Attributes map[string]string // attributes of the node, which become constant labels

	WorkerStaleAfter time.Duration // time without a heartbeat after which a worker is stale
	MaxSeries        int           // maximum number of series per family

	// Memory limits the memory for series; nil means no limit.
	Memory *membudget.Budget

	// Taps observe events; the keys are the names of the events. A tap for an unknown
	// event, which no rule uses, is never called.
	Taps map[string]Tap

	// Clock returns the current time. Nil means time.Now. Rates always use RealTime.
	Clock func() time.Time

	// RealTime returns the machine's time. Nil means time.Now.
	RealTime func() time.Time

	// Logger is used outside of Emit until Attach provides another logger. If it is
	// nil, the logger of the first event is used if there is one before Attach.
	Logger lager.Logger
}

// An Engine updates the series in its store in response to events. It is safe for
// concurrent use. Emitting never blocks and never panics.
type Engine struct {
	plans    atomic.Pointer[nameTable] // replaced by Reload
	received traffic.Tallies
	store    *series.Store
	clock    *series.Clock
	self     *selfMetrics
	mapping  activeMapping
	logger   atomic.Pointer[lager.Logger] // used outside of Emit
	attached atomic.Bool                  // whether logger is set, other than to discard messages
	now      func() time.Time
	history  *traffic.History
	realTime func() time.Time
	taps     map[string]Tap

	// tolerance is the maximum age of the clock's reading.
	tolerance time.Duration
}

// Engine implements the interfaces of emitters and of client_golang.
var (
	_ metric.ReportingEmitter = (*Engine)(nil)
	_ prometheus.Collector    = (*Engine)(nil)
	_ prometheus.Gatherer     = (*Engine)(nil)
)

// New returns an Engine. If the mapping file or the rules contain errors, the returned
// error joins a *rule.MappingError for each of them. If an attribute cannot become a
// label, it joins an AttributeError. New also returns an error if it cannot read the
// mapping file.
func New(o Options) (*Engine, error) {
	o = o.withDefaults()
	rules, err := o.Source.Read()
	if err != nil {
		return nil, err
	}
	constants, err := constantLabels(o.Attributes, append(slices.Clone(rules.Rules), o.reservedRules()...))
	if err != nil {
		return nil, errors.Join(rules.Err(nil), err)
	}
	e := &Engine{clock: series.NewClock(), now: o.Clock, realTime: o.RealTime, taps: o.Taps}
	if o.Clock == nil {
		e.now = time.Now
		// One percent of the staleness limit is precise enough.
		e.tolerance = min(max(o.WorkerStaleAfter/100, time.Millisecond), 100*time.Millisecond)
	} else {
		e.clock = series.NewExactClock(o.Clock)
	}
	e.mapping.source = o.Source
	e.attached.Store(o.Logger != nil)
	if o.Logger == nil {
		o.Logger = lager.NewLogger("signalbox") // without a sink it discards everything
	}
	e.logger.Store(&o.Logger)
	e.store = series.NewStore(series.Options{
		Clock:         e.clock,
		Constants:     constants,
		OwnerLimit:    o.WorkerStaleAfter,
		MaxSeries:     o.MaxSeries,
		Memory:        o.Memory,
		MaxValueBytes: maxLabelValueBytes,
	})
	if e.self, err = addReservedFamilies(e.store, o, &e.received); err != nil {
		return nil, err
	}
	if _, err = e.activate(rules); err != nil {
		return nil, err
	}
	e.history = traffic.NewHistory(&e.received, e.realTime())
	return e, nil
}

func (o Options) withDefaults() Options {
	if o.RealTime == nil {
		o.RealTime = time.Now
	}
	return o
}

// reservedRules returns descriptions of the families that belong to the selected
// catalogs, but are maintained by the store.
func (o Options) reservedRules() []rule.Rule {
	if catalog.Includes(o.Source.Catalogs, catalog.Concourse) {
		return []rule.Rule{catalog.LastSeen}
	}
	return nil
}

// addReservedFamilies adds the families that no rule updates to the store.
func addReservedFamilies(store *series.Store, o Options, received *traffic.Tallies) (*selfMetrics, error) {
	for _, r := range o.reservedRules() {
		if _, err := store.AddLastSeen(r.FullName(o.Source.Namespace), r.Help, rule.WorkerAttribute); err != nil {
			return nil, err
		}
	}
	return newSelfMetrics(store, o.MaxSeries, received)
}

// Check returns the number of rules and families, and the error that New would return.
func Check(o Options) (Summary, error) {
	o = o.withDefaults()
	rules, err := o.Source.Read()
	if err != nil {
		return Summary{}, err
	}
	constants, attributesErr := constantLabels(o.Attributes, append(slices.Clone(rules.Rules), o.reservedRules()...))
	store := series.NewStore(series.Options{Constants: constants})
	if _, err := addReservedFamilies(store, o, new(traffic.Tallies)); err != nil {
		return Summary{}, errors.Join(attributesErr, err)
	}
	c, err := compile(o.Source.Namespace, rules, store, nil)
	return summaryOf(rules, c), errors.Join(attributesErr, err)
}

// Store returns the store, which the metrics page and exports read.
func (e *Engine) Store() *series.Store { return e.store }

// Clock returns the clock that the store uses.
func (e *Engine) Clock() *series.Clock { return e.clock }

// TickInterval returns the interval at which the caller must tick the clock. It returns
// 0 if the clock needs no ticks.
func (e *Engine) TickInterval() time.Duration { return e.tolerance }

// Logger returns the logger for messages outside of Emit.
func (e *Engine) Logger() lager.Logger { return *e.logger.Load() }

// Attach implements metric.AttachableEmitter.
func (e *Engine) Attach(logger lager.Logger, stats func() []metric.EmitterStats) {
	e.attached.Store(true)
	if logger != nil {
		logger = logger.Session("prometheus")
		e.logger.Store(&logger)
	}
	if stats != nil {
		e.self.stats.Store(&stats)
	}
}

// attachFirst attaches the logger of an event, because the host has not called Attach:
// hosts with an Emitter interface of their own do not know that method.
func (e *Engine) attachFirst(logger lager.Logger) {
	if logger != nil && e.attached.CompareAndSwap(false, true) {
		logger = logger.Session("prometheus")
		e.logger.Store(&logger)
	}
}

// Knows reports whether the event is known: it has a rule or is listed as silent.
func (e *Engine) Knows(event string) bool { return e.plans.Load().find(event) != nil }

// LabelInputs returns the attributes that the current rules for the event use, each with
// the function that turns its value into that of a label, which is nil if the rules use
// the value as it is. An attribute occurs several times if labels replace it in
// different ways. There are none if the event has no rules.
func (e *Engine) LabelInputs(event string) iter.Seq2[string, func(value string) string] {
	return func(yield func(string, func(string) string) bool) {
		if p := e.plans.Load().find(event); p != nil {
			p.labelInputs(yield)
		}
	}
}

// Silent reports whether the event is known but updates no series.
func (e *Engine) Silent(event string) bool {
	p := e.plans.Load().find(event)
	return p != nil && len(p.updates) == 0
}

// Sweep removes the series of stale workers, series of heartbeat families that were not
// updated for WorkerStaleAfter, and series whose idle TTL has expired.
func (e *Engine) Sweep() series.Swept {
	begin := time.Now()
	swept := e.store.Sweep(e.clock.Tick(), e.tolerance)
	e.self.swept(swept, time.Since(begin))
	return swept
}

// Refresh updates the metrics about Signalbox itself. The caller must call it before
// each scrape.
func (e *Engine) Refresh() { e.self.refresh() }

// Describe implements prometheus.Collector.
func (e *Engine) Describe(descs chan<- *prometheus.Desc) { e.store.Describe(descs) }

// Collect implements prometheus.Collector.
func (e *Engine) Collect(metrics chan<- prometheus.Metric) {
	e.Refresh()
	e.store.Collect(metrics)
}

// Gather implements prometheus.Gatherer.
func (e *Engine) Gather() ([]*dto.MetricFamily, error) {
	e.Refresh()
	return e.store.Gather()
}

// SampleRates records the current event counts for Rates. The caller must call it every
// traffic.SampleInterval.
func (e *Engine) SampleRates() { e.history.Sample(e.realTime()) }

// BeginHistory starts the history of rates again, without the events received so far.
// Programs that replay past events at startup call it after the replay. It does not
// affect metrics.
func (e *Engine) BeginHistory() { e.history.Begin(e.realTime()) }
