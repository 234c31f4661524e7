package emitter

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/interval"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// Prometheus is the emitter that keeps series, which events update, and serves them.
// PrometheusConfig.NewEmitter creates it. It implements metric.TypedEmitter.
//
// It is safe for concurrent use. Emitting never blocks and never panics. Close ends the
// listener and the removal of stale series; events still update the series.
type Prometheus struct {
	engine  *engine.Engine // takes the events
	status  *status.Status
	sources *exposition.Sources
	scrapes scrapeMetrics
	handler http.Handler
	guarded bool               // a web configuration file protects the listener
	server  *exposition.Server // nil without a listener

	pushedMu sync.Mutex // protects pushed
	pushed   status.Section

	stop    context.CancelFunc
	running sync.WaitGroup // the goroutines that stop terminates
}

// Prometheus implements these interfaces.
var (
	_ metric.TypedEmitter          = (*Prometheus)(nil)
	_ metric.AttachableEmitter     = (*Prometheus)(nil)
	_ prometheus.Collector         = (*Prometheus)(nil)
	_ prometheus.Gatherer          = (*Prometheus)(nil)
	_ PrometheusGarbageCollectable = (*Prometheus)(nil)
)

// Pushed contains the metrics that agents and jobs push, for the page and the status
// page. *aggregator.Aggregator implements it.
type Pushed interface{ host.Pushed }

// newPrometheus connects an engine, the status and the page. It starts nothing.
func newPrometheus(e *engine.Engine, c *PrometheusConfig) (*Prometheus, error) {
	p := &Prometheus{engine: e, guarded: c.WebConfigFile != "", sources: exposition.NewSources(e.Store())}
	if err := p.scrapes.addTo(e.Store()); err != nil {
		return nil, err
	}
	p.status = status.New(status.Options{Engine: e, Settings: c.settings, RealTime: c.realTime})
	for _, section := range c.host.Sections {
		p.status.Add(section)
	}
	page := p.sources.Page()
	page.Refresh, page.Created = e.Refresh, !c.OmitCreatedTimestamp
	p.handler = exposition.NewHandler(exposition.HandlerOptions{
		Page:         page,
		Status:       p.status.Handler(),
		Reload:       e.Reload,
		EnableReload: c.EnableReloadAPI,
		Elsewhere:    c.host.Elsewhere,
		Logger:       e.Logger,
		MaxInFlight:  c.MaxScrapesInFlight,
		Done:         p.scraped,
	})
	return p, nil
}

// start starts the goroutines that run until Close.
func (p *Prometheus) start(c *PrometheusConfig) {
	// Only now: a provider must not know of an emitter that could not start.
	if c.host.Gatherer != nil {
		p.ServeGatherer(c.host.Gatherer)
	}
	p.ServePushed(c.Pushed)

	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if tick := p.engine.TickInterval(); tick > 0 {
		p.running.Go(func() { interval.Run(ctx, tick, func() { p.engine.Clock().Tick() }) })
	}
	p.running.Go(func() { collectPeriodically(ctx, p.engine.Logger, c.GCInterval, p) })
	p.running.Go(func() { p.status.Run(ctx) })
	if c.realTime == nil {
		p.running.Go(func() { interval.Run(ctx, traffic.SampleInterval, p.engine.SampleRates) })
	}
	if p.server != nil {
		p.server.Serve()
	}
}

// EmitsConcurrently implements metric.ConcurrentEmitter.
func (p *Prometheus) EmitsConcurrently() {}

// Emit implements metric.Emitter. It updates the series of the event's rules. An event
// that a rule rejects is counted in signalbox_events_rejected_total and logged, at most
// once a second for each event name and reason; an event that no rule knows is counted
// in signalbox_events_unknown_total. A nil logger means the emitter's own.
func (p *Prometheus) Emit(logger lager.Logger, event metric.Event) { p.engine.Emit(logger, event) }

// Prepare implements metric.TypedEmitter.
func (p *Prometheus) Prepare(t metric.EventType) metric.TypedEvent { return p.engine.Prepare(t) }

// Attach implements metric.AttachableEmitter. The logger replaces PrometheusConfig.Logger.
func (p *Prometheus) Attach(logger lager.Logger, stats func() []metric.EmitterStats) {
	p.engine.Attach(logger, stats)
}

// Engine returns the engine, for Signalbox's own daemon.
func (p *Prometheus) Engine() *engine.Engine { return p.engine }

// CollectGarbage implements PrometheusGarbageCollectable. It uses the emitter's clock.
func (p *Prometheus) CollectGarbage() Garbage {
	swept := p.engine.Sweep()
	return Garbage{Workers: swept.Owners, Series: swept.Series}
}

// Reload reads the mapping file again and puts it in force. Families whose definition
// stays the same keep their series and values; those that are defined differently start
// empty. Events are never blocked.
//
// If the file has errors, nothing changes. The returned error joins a
// *rule.MappingError for each of them and is also logged, and
// signalbox_mapping_last_reload_successful is 0 until a reload succeeds. Without a
// mapping file, Reload does nothing. Concurrent calls wait for each other.
func (p *Prometheus) Reload() error {
	_, err := p.engine.Reload()
	return err
}

// Describe implements prometheus.Collector.
func (p *Prometheus) Describe(descs chan<- *prometheus.Desc) { p.engine.Describe(descs) }

// Collect implements prometheus.Collector. Scraping the emitter's own page is about a
// hundred times cheaper.
func (p *Prometheus) Collect(metrics chan<- prometheus.Metric) { p.engine.Collect(metrics) }

// Gather implements prometheus.Gatherer. It returns the emitter's own families, without
// those of client_golang's default registry, which are also on its page.
func (p *Prometheus) Gather() ([]*dto.MetricFamily, error) { return p.engine.Gather() }

// ServePushed adds the metrics that agents and jobs push to the emitter's page and
// status page. Afterwards, pushes that would clash with metrics on the page are
// refused. A second call replaces the argument of the first; nil does nothing.
func (p *Prometheus) ServePushed(pushed Pushed) {
	if pushed == nil {
		return
	}
	p.sources.Push(pushed)
	p.pushedMu.Lock()
	defer p.pushedMu.Unlock()
	p.status.Replace(p.pushed, pushed)
	p.pushed = pushed
}

// ServeGatherer adds the gatherer's metrics to the emitter's page, in addition to those
// of client_golang's default registry.
func (p *Prometheus) ServeGatherer(g prometheus.Gatherer) { p.sources.Add(g) }

// Handler returns a handler that serves the same as the emitter's listener, for use
// with the program's own server: the page at /metrics, the status page at /, and health
// checks at /-/healthy and /-/ready. Below a prefix, strip it:
//
//	mux.Handle("/signalbox/", http.StripPrefix("/signalbox", p.Handler()))
//
// http.ServeMux redirects /signalbox to /signalbox/ by itself; with another router, do
// that, since the page's links are relative. The handler has no authentication of its
// own. If a web configuration file protects the emitter's own listener, it answers 403
// to everything, because the program's server might not be protected. After Close it
// still serves, but stale series are no longer removed.
func (p *Prometheus) Handler() http.Handler {
	if p.guarded {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the web configuration file of the metrics listener does not apply here", http.StatusForbidden)
		})
	}
	return p.handler
}

// Guarded reports whether a web configuration file protects the emitter's own listener.
func (p *Prometheus) Guarded() bool { return p.guarded }

// Addr returns the address of the emitter's listener with its actual port, such as
// "127.0.0.1:9391", or the empty string without a listener. It does not change after
// Close.
func (p *Prometheus) Addr() string {
	if p.server == nil {
		return ""
	}
	return p.server.Addr()
}

// URL returns the URL of the page, such as "http://127.0.0.1:9391/metrics", or the
// empty string without a listener. It does not change after Close.
func (p *Prometheus) URL() string {
	if p.server == nil {
		return ""
	}
	return p.server.URL()
}

// Close is CloseContext with a timeout of five seconds.
func (p *Prometheus) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.CloseContext(ctx)
}

// CloseContext closes the listener, waits for scrapes in progress, and stops the
// emitter's goroutines. If the context ends first, it cuts the scrapes off, which is
// logged and not an error. Closing again does nothing.
func (p *Prometheus) CloseContext(ctx context.Context) error {
	p.stop()
	var err error
	if p.server != nil {
		err = p.server.Shutdown(ctx)
	}
	p.running.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		p.engine.Logger().Info("cut-off-scrapes")
		return nil
	}
	return err
}

// scraped records a scrape in the metrics and for the status page.
func (p *Prometheus) scraped(s exposition.Scrape) {
	p.scrapes.count(s)
	began := p.engine.Clock().Tick() - series.Instant(s.Took)
	p.status.Scraped(status.Scrape{
		Time:            p.engine.Clock().Wall().Time(began),
		DurationSeconds: s.Took.Round(time.Microsecond).Seconds(),
		Bytes:           s.Bytes,
		Format:          s.Format,
		Encoding:        s.Encoding,
		Status:          s.Status,
		Remote:          s.Remote,
		UserAgent:       s.UserAgent,
	})
}

// scrapeMetrics are the metrics about scrapes.
type scrapeMetrics struct{ duration, refused *series.Family }

func (m *scrapeMetrics) addTo(store *series.Store) (err error) {
	m.duration, err = store.AddFamily(series.FamilyOptions{
		Name: "signalbox_scrape_duration_seconds", Type: series.Histogram, Internal: true, Bounds: engine.DurationBuckets,
		Help: "Time taken to serve a scrape, from the request to the last byte.",
	})
	if err != nil {
		return err
	}
	m.refused, err = store.AddFamily(series.FamilyOptions{
		Name: "signalbox_scrapes_refused_total", Type: series.Counter, Internal: true,
		Help: "Scrapes refused because too many were in progress.",
	})
	return err
}

func (m *scrapeMetrics) count(s exposition.Scrape) {
	if s.Refused() {
		m.refused.Update(series.Add, &series.Values{}, "", 1, 0)
	} else {
		m.duration.Update(series.Observe, &series.Values{}, "", s.Took.Seconds(), 0)
	}
}

// listen opens the emitter's listener, if one is configured.
func (p *Prometheus) listen(c *PrometheusConfig) (err error) {
	if c.BindIP == "" {
		return nil
	}
	p.server, err = exposition.Listen(exposition.ServerOptions{
		Address:       net.JoinHostPort(c.BindIP, c.BindPort),
		WebConfigFile: c.WebConfigFile,
		Handler:       p.handler,
		Logger:        func() lager.Logger { return p.engine.Logger() },
	})
	return err
}
