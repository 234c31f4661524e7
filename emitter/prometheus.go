package emitter

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/metric"
)

// Prometheus is the emitter that keeps the series which events drive, and
// serves them on a listener of its own. PrometheusConfig.NewEmitter makes it.
//
// It is safe for concurrent use. Emitting never blocks and never panics; after
// Close it still updates the series, which nobody is served any more.
type Prometheus struct {
	plans    atomic.Pointer[nameTable] // Reload puts another in its place
	received tallies
	store    *series.Store
	clock    *series.Clock
	self     *selfMetrics
	beside   *neighbours
	server   *exposition.Server
	mapping  mappingInForce
	guarded  bool                         // the listener asks for TLS or authentication
	logger   atomic.Pointer[lager.Logger] // for what happens outside of Emit

	// What the status shows besides the series.
	history *history
	scrapes scrapeLog
	status  overviews

	// tolerance is how far the clock's reading can be behind.
	tolerance time.Duration

	stop    context.CancelFunc
	running sync.WaitGroup // ticking the clock, collecting garbage, and what the status needs
}

// An emitter in every respect that the package promises.
var (
	_ metric.TypedEmitter          = (*Prometheus)(nil)
	_ metric.AttachableEmitter     = (*Prometheus)(nil)
	_ prometheus.Collector         = (*Prometheus)(nil)
	_ prometheus.Gatherer          = (*Prometheus)(nil)
	_ PrometheusGarbageCollectable = (*Prometheus)(nil)
)

// EmitsConcurrently implements metric.ConcurrentEmitter.
func (p *Prometheus) EmitsConcurrently() {}

// Emit updates the series that the event drives. An event that a rule refuses
// is counted in signalbox_events_rejected_total and logged, at most once a
// second for each event name and reason; an event that no rule knows is counted
// in signalbox_events_unknown_total.
func (p *Prometheus) Emit(logger lager.Logger, event metric.Event) {
	plan := p.plans.Load().find(event.Name)
	if plan == nil {
		p.refuseUnknown(logger, event.Name)
		return
	}
	var array [maxAttributes]string
	var o observation // filled field by field: a literal would be made apart, and copied
	o.value = event.Value
	o.attributes = array[:plan.slots()]
	for i, name := range plan.attributes {
		if v, ok := event.Attributes[name]; ok {
			o.attributes[i] = v
			o.present |= 1 << i
		}
	}
	if len(plan.derived) > 0 {
		plan.replace(o.attributes)
	}
	p.observe(logger, plan, &o)
}

// Prepare implements metric.TypedEmitter.
func (p *Prometheus) Prepare(t metric.EventType) metric.TypedEvent {
	t.Attributes = slices.Clone(t.Attributes)
	return newPreparedEvent(p, t)
}

// prepare resolves an event type by the plans. It keeps the attributes.
func (p *Prometheus) prepare(plans *nameTable, t metric.EventType) metric.TypedEvent {
	plan := plans.find(t.Name)
	if plan == nil {
		return &unknownEvent{p, t.Name}
	}
	at := make([]int, len(plan.attributes))
	var present uint32
	for i, name := range plan.attributes {
		for j, attribute := range t.Attributes {
			if attribute == name { // of two the last, as in a map
				at[i] = j
				present |= 1 << i
			}
		}
	}
	if bits.OnesCount32(present) == len(at) && len(t.Attributes) <= maxTypeAttributes && len(plan.derived) == 0 {
		return &typedEvent{p, plan.reading(t.Attributes, at)}
	}
	return &partialEvent{p, plan, at, present}
}

// maxTypeAttributes is how many attributes a bit set can tell of.
const maxTypeAttributes = 32

// A typedEvent takes the events of a type that has all the attributes that the
// rules look at: the values are used where they are.
type typedEvent struct {
	prometheus *Prometheus
	plan       *plan // by the type's indexes
}

// EmitValues implements metric.TypedEvent.
func (t *typedEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	var o observation
	o.value = value
	o.present = math.MaxUint32
	o.attributes = values
	t.prometheus.observe(logger, t.plan, &o)
}

// A partialEvent takes the events of a type that lacks some of them, or of which
// label values are derived.
type partialEvent struct {
	prometheus *Prometheus
	plan       *plan
	at         []int  // by the plan's attributes: the index of the type's
	present    uint32 // bit set of those that the type has
}

// EmitValues implements metric.TypedEvent.
func (t *partialEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	var array [maxAttributes]string
	var o observation
	o.value = value
	o.present = t.present
	o.attributes = array[:t.plan.slots()]
	for i, at := range t.at {
		if t.present&(1<<i) != 0 {
			o.attributes[i] = values[at]
		}
	}
	if len(t.plan.derived) > 0 {
		t.plan.replace(o.attributes)
	}
	t.prometheus.observe(logger, t.plan, &o)
}

// An unknownEvent is of a type that no rule knows.
type unknownEvent struct {
	prometheus *Prometheus
	name       string
}

// EmitValues implements metric.TypedEvent.
func (u *unknownEvent) EmitValues(logger lager.Logger, _ float64, _ []string) {
	u.prometheus.refuseUnknown(logger, u.name)
}

// An observation is what a plan looks at of one event.
type observation struct {
	value      float64
	present    uint32   // bit set of the attributes that are there
	attributes []string // by the plan's indexes
}

// observe makes the plan's updates.
func (p *Prometheus) observe(logger lager.Logger, plan *plan, o *observation) {
	now := p.clock.Now()
	var failed rejections
	for i := range plan.updates {
		if reason := plan.updates[i].apply(plan, o, now); reason != accepted {
			failed.add(reason, i)
		}
	}
	// Right behind the updates: an atomic addition waits for the stores before
	// it, and so that is waited for once.
	plan.received.Inc()
	if failed.any {
		p.reject(logger, plan, o, now, &failed)
	}
}

// apply makes one update, or tells why not.
func (u *update) apply(plan *plan, o *observation, now series.Instant) reason {
	if o.present&u.required != u.required {
		return missingAttribute
	}
	if u.when >= 0 && o.attributes[u.when] != u.equals {
		return accepted
	}
	for _, i := range u.nonEmpty {
		if o.attributes[i] == "" {
			return emptyAttribute
		}
	}
	value := o.value
	switch u.operand {
	case one:
		value = 1
	case holding:
		value = hold(value)
	}
	if u.divide != 0 {
		value /= u.divide
	}
	if u.op == series.Observe && value < 0 && value >= -math.MaxFloat64 {
		return negative // the sum would go down, which it must not
	}
	worker := ""
	if plan.worker >= 0 {
		worker = o.attributes[plan.worker]
	}
	var values series.Values
	values.All, values.Order, values.Exemplar = o.attributes, u.labels, u.exemplar
	return reasonOf(u.family.Update(u.op, &values, worker, value, now))
}

// hold is what a lock's event adds to the locks that are held. What is not a
// number stays that, to be rejected.
func hold(value float64) float64 {
	switch {
	case value == 1:
		return 1
	case value-value != 0: // NaN or infinite
		return value
	}
	return -1
}

// Knows tells whether the event drives a series, or is known to drive none.
func (p *Prometheus) Knows(event string) bool {
	return p.plans.Load().find(event) != nil
}

// CountMalformed counts what somebody sent as an event and was none, in
// signalbox_events_rejected_total, and has the status page show the error, one a
// second; nil is counted and leaves no example. Logging it is up to the caller. It is
// safe for concurrent use.
func (p *Prometheus) CountMalformed(why error) {
	p.self.refused.Add(1)
	p.self.rejected[malformed].Add(1)
	now := p.clock.Now()
	if ok, _ := p.self.malformed.allow(now); ok && why != nil {
		p.self.examples.keep(malformed, now, "", "", why.Error())
	}
}

// Addr is the address that the page is served on, with the port that port 0 was
// given: "127.0.0.1:9391".
func (p *Prometheus) Addr() string { return p.server.Addr() }

// URL is where the page is served: "http://127.0.0.1:9391/metrics".
func (p *Prometheus) URL() string { return p.server.URL() }

// Attach implements metric.AttachableEmitter.
func (p *Prometheus) Attach(logger lager.Logger, stats func() []metric.EmitterStats) {
	logger = logger.Session("prometheus")
	p.logger.Store(&logger)
	p.self.attach(stats)
}

// Describe implements prometheus.Collector.
func (p *Prometheus) Describe(descs chan<- *prometheus.Desc) { p.store.Describe(descs) }

// Collect implements prometheus.Collector. The emitter's own page costs a
// hundredth of it.
func (p *Prometheus) Collect(metrics chan<- prometheus.Metric) {
	p.self.refresh()
	p.store.Collect(metrics)
}

// Gather implements prometheus.Gatherer. It returns the emitter's own families,
// not those of client_golang's default registry that its page has besides.
func (p *Prometheus) Gather() ([]*dto.MetricFamily, error) {
	p.self.refresh()
	return p.store.Gather()
}

// Close is CloseContext with five seconds.
func (p *Prometheus) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.CloseContext(ctx)
}

// CloseContext stops the listener, the garbage collection and the sampling of the
// rates that the status page shows. Scrapes that are under way when the context ends
// are cut off, which is logged and no error. Closing twice is fine.
func (p *Prometheus) CloseContext(ctx context.Context) error {
	p.stop()
	err := p.server.Shutdown(ctx)
	p.running.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		(*p.logger.Load()).Info("cut-off-scrapes")
		return nil
	}
	return err
}
