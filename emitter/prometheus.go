package emitter

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/builds"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/interval"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
	"github.com/signalbox-ci/signalbox/metric"
)

// Prometheus is the Prometheus emitter. Events update its series, which it serves on a
// metrics page. PrometheusConfig.NewEmitter creates it. It implements
// metric.ReportingEmitter.
//
// It is safe for concurrent use. Emitting never blocks and never panics. Close stops
// the listener and the removal of stale series; events still update the series.
type Prometheus struct {
	engine  *engine.Engine  // takes the events
	builds  *builds.Section // on the status page
	status  *status.Status
	sources *exposition.Sources
	scrapes scrapeMetrics
	access  access.Options     // of the listener
	guarded bool               // whether a web configuration file protects the listener
	server  *exposition.Server // nil without a listener

	// The handlers of the emitter's own listener, and of the program's server. Each
	// limits the number of concurrent scrapes, so that clients of one listener cannot
	// keep others from scraping the other.
	own, mounted http.Handler

	pushedMu sync.Mutex // protects pushed
	pushed   status.Section

	stop    context.CancelFunc
	running sync.WaitGroup // goroutines that stop terminates
}

// Prometheus implements these interfaces.
var (
	_ metric.ReportingEmitter      = (*Prometheus)(nil)
	_ metric.AttachableEmitter     = (*Prometheus)(nil)
	_ prometheus.Collector         = (*Prometheus)(nil)
	_ prometheus.Gatherer          = (*Prometheus)(nil)
	_ PrometheusGarbageCollectable = (*Prometheus)(nil)
)

// Pushed contains the metrics that agents and jobs push, for the metrics page and the
// status page. *aggregator.Aggregator implements it.
type Pushed interface{ host.Pushed }

// newPrometheus connects an engine, the status page and the metrics page. It starts
// nothing.
func newPrometheus(e *engine.Engine, observed *builds.Builds, c *PrometheusConfig) (*Prometheus, error) {
	p := &Prometheus{engine: e, guarded: c.WebConfigFile != "", sources: exposition.NewSources(e.Store(), e.EventOf)}
	if err := p.scrapes.addTo(e.Store()); err != nil {
		return nil, err
	}
	p.status = status.New(status.Options{Engine: e, Settings: c.settings, RealTime: c.realTime})
	p.builds = &builds.Section{Builds: observed, Now: func() time.Time { return e.Clock().Wall().Time(e.Clock().Tick()) }}
	p.status.Add(p.builds)
	for _, section := range c.host.Sections {
		p.status.Add(section)
	}
	formats, err := exposition.ParseFormats(c.Formats)
	if err != nil {
		return nil, err
	}
	page := p.sources.Page()
	page.Refresh, page.Created = e.Refresh, !c.OmitCreatedTimestamp
	options := exposition.HandlerOptions{
		Page:              page,
		Formats:           formats,
		Status:            p.status.Handler(),
		Reload:            e.Reload,
		EnableReload:      c.EnableReloadAPI,
		WrongListenerHint: c.host.WrongListenerHint,
		Logger:            e.Logger,
		MaxInFlight:       c.MaxScrapesInFlight,
		Done:              p.scraped,
	}
	p.own, p.mounted = exposition.NewHandler(options), exposition.NewHandler(options)
	return p, nil
}

// start starts the goroutines that run until Close.
func (p *Prometheus) start(c *PrometheusConfig) {
	// Register these only now, so that they have no reference to an emitter that failed
	// to start.
	if c.host.Gatherer != nil {
		p.ServeGatherer(c.host.Gatherer)
	}
	p.ServePushed(c.Pushed)

	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if tick := p.engine.TickInterval(); tick > 0 {
		// If the process is stopped for longer than the staleness limit, the workers
		// that reported until then must not be removed when it continues.
		clock := p.engine.Clock()
		clock.SkipGaps(10 * tick)
		p.running.Go(func() {
			defer clock.SkipGaps(0)
			interval.Run(ctx, tick, func() { clock.Tick() })
		})
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

// Emit implements metric.Emitter. It updates the series of each rule for the event. If
// the event is rejected for one of them, Emit counts that in
// signalbox_events_rejected_total and logs it, at most once a second for each event
// name and reason. If there is no rule for the event, Emit counts it in
// signalbox_events_unknown_total. A nil logger means the emitter's own logger.
func (p *Prometheus) Emit(logger lager.Logger, event metric.Event) { p.engine.Emit(logger, event) }

// EmitReporting implements metric.ReportingEmitter.
func (p *Prometheus) EmitReporting(logger lager.Logger, event metric.Event, outcome *metric.Outcome) {
	p.engine.EmitReporting(logger, event, outcome)
}

// Prepare implements metric.TypedEmitter. The returned event is a
// metric.ReportingEvent.
func (p *Prometheus) Prepare(t metric.EventType) metric.TypedEvent { return p.engine.Prepare(t) }

// Attach implements metric.AttachableEmitter. The logger replaces that of
// PrometheusConfig.
func (p *Prometheus) Attach(logger lager.Logger, stats func() []metric.EmitterStats) {
	p.engine.Attach(logger, stats)
}

// Engine returns the engine, for Signalbox's own daemon.
func (p *Prometheus) Engine() *engine.Engine { return p.engine }

// CollectGarbage implements PrometheusGarbageCollectable. It takes the time from the
// emitter's clock.
func (p *Prometheus) CollectGarbage() Garbage {
	swept := p.engine.Sweep()
	return Garbage{Workers: swept.Owners, Series: swept.Series}
}

// Reload reads the mapping file again and applies it. Families whose definition has not
// changed keep their series and values; families whose definition has changed start
// empty. Reload does not block events. Concurrent calls wait for each other.
//
// If the file has errors, Reload changes nothing. It logs and returns an error that
// joins a *rule.MappingError for each of them, and
// signalbox_mapping_last_reload_successful is 0 until a reload succeeds. Without a
// mapping file, Reload does nothing.
func (p *Prometheus) Reload() error {
	_, err := p.engine.Reload()
	return err
}

// Describe implements prometheus.Collector.
func (p *Prometheus) Describe(descs chan<- *prometheus.Desc) { p.engine.Describe(descs) }

// Collect implements prometheus.Collector. Scraping the emitter's own page instead is
// about a hundred times cheaper.
func (p *Prometheus) Collect(metrics chan<- prometheus.Metric) { p.engine.Collect(metrics) }

// Gather implements prometheus.Gatherer. It returns only the emitter's own families.
// The emitter's page also contains those of client_golang's default registry.
func (p *Prometheus) Gather() ([]*dto.MetricFamily, error) { return p.engine.Gather() }

// ServePushed adds the metrics that agents and jobs push to the emitter's metrics page
// and status page. From then on, pushes that conflict with metrics on the page are
// rejected. A second call replaces what the first one added. ServePushed ignores nil.
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

// Handler returns a handler that serves the same pages as the emitter's listener, for
// use with the program's own server: the metrics page at /metrics, the status page at
// /, and health checks at /-/healthy and /-/ready. To serve them below a prefix, strip
// the prefix:
//
//	mux.Handle("/signalbox/", http.StripPrefix("/signalbox", p.Handler()))
//
// Since the links of the status page are relative, /signalbox must redirect to
// /signalbox/. http.ServeMux does that; with another router, add the redirect.
//
// The handler does not authenticate clients. If a web configuration file protects the
// emitter's own listener, the handler answers all requests with status 403, because the
// program's server might not be protected. It limits the number of concurrent scrapes
// apart from those of the emitter's own listener. The handler still works after Close,
// but then the emitter no longer removes stale series.
func (p *Prometheus) Handler() http.Handler {
	if p.guarded {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "metrics are not served here, because --prometheus-web-config-file protects only the metrics listener: scrape that listener (--prometheus-bind-port)", http.StatusForbidden)
		})
	}
	return p.mounted
}

// PageHandler returns Handler even if a web configuration file protects the emitter's
// own listener, for Signalbox's own daemon.
func (p *Prometheus) PageHandler() http.Handler { return p.mounted }

// Protection returns how the emitter's listener is protected, for Signalbox's own
// daemon.
func (p *Prometheus) Protection() access.Protection { return p.access.Protection() }

// Addr returns the address of the emitter's listener with its actual port, such as
// "127.0.0.1:9391", or the empty string if there is no listener. Close does not change
// it.
func (p *Prometheus) Addr() string {
	if p.server == nil {
		return ""
	}
	return p.server.Addr()
}

// URL returns the URL of the metrics page, such as "http://127.0.0.1:9391/metrics", or
// the empty string if there is no listener. Close does not change it.
func (p *Prometheus) URL() string {
	if p.server == nil {
		return ""
	}
	return p.server.URL()
}

// Close calls CloseContext with a timeout of five seconds.
func (p *Prometheus) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.CloseContext(ctx)
}

// CloseContext closes the listener, waits for scrapes in progress, and stops the
// emitter's goroutines. If the context is done first, CloseContext aborts the scrapes
// and logs that, but does not return an error. Closing an emitter again does nothing.
func (p *Prometheus) CloseContext(ctx context.Context) error {
	p.stop()
	var err error
	if p.server != nil {
		err = p.server.Shutdown(ctx)
	}
	p.running.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		p.engine.Logger().Info("scrapes-aborted")
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
		Aborted:         s.Aborted,
		Remote:          s.Remote,
		UserAgent:       s.UserAgent,
	})
}

// scrapeMetrics are the metrics about scrapes.
type scrapeMetrics struct{ duration, refused, aborted *series.Family }

func (m *scrapeMetrics) addTo(store *series.Store) (err error) {
	m.duration, err = store.AddFamily(series.FamilyOptions{
		Name: "signalbox_scrape_duration_seconds", Type: series.Histogram, Internal: true, Bounds: engine.DurationBuckets,
		Help: "Time to serve a scrape, from the request to the last byte.",
	})
	if err != nil {
		return err
	}
	m.refused, err = store.AddFamily(series.FamilyOptions{
		Name: "signalbox_scrapes_refused_total", Type: series.Counter, Internal: true,
		Help: "Number of scrapes rejected because too many were in progress.",
	})
	if err != nil {
		return err
	}
	m.aborted, err = store.AddFamily(series.FamilyOptions{
		Name: "signalbox_scrapes_aborted_total", Type: series.Counter, Internal: true,
		Help: "Number of scrapes aborted because the client did not read the page.",
	})
	return err
}

func (m *scrapeMetrics) count(s exposition.Scrape) {
	switch {
	case s.Refused():
		m.refused.Update(series.Add, &series.Values{}, "", 1, 0)
	case s.Aborted:
		m.aborted.Update(series.Add, &series.Values{}, "", 1, 0)
	default:
		m.duration.Update(series.Observe, &series.Values{}, "", s.Took.Seconds(), 0)
	}
}

// listen opens the emitter's listener, if one is configured. webConfig may be nil.
func (p *Prometheus) listen(c *PrometheusConfig, webConfig *webconfig.File) (err error) {
	if c.BindIP == "" {
		return nil
	}
	p.access = access.Options{
		Hosts:     slices.Concat(c.AllowedHosts, c.host.AllowedHosts),
		WebConfig: webConfig,
		Denials:   access.NewDenials("metrics"),
	}
	p.server, err = exposition.Listen(exposition.ServerOptions{
		Address: httpserver.Address(c.BindIP, c.BindPort),
		Handler: p.own,
		Access:  p.access,
		Logger:  func() lager.Logger { return p.engine.Logger() },
	})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	p.access.Register(registry)
	p.ServeGatherer(registry)
	p.status.Add(status.Access{Options: &p.access})
	return nil
}
