package emitter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// Default is the configuration that metric.Metrics has when this package is imported.
// Its flags are set by parsing them; what no flag can set (Rules, Gatherer, Pushed,
// Elsewhere, Settings, Input, Logger, Clock) may be set here until Initialize.
var Default = &PrometheusConfig{}

func init() {
	metric.Metrics.RegisterEmitter(Default)
}

// PrometheusConfig configures and makes the Prometheus emitter. It is a go-flags
// group. The zero value of a field that says so in its description stands for
// the default, so that the struct can be used without parsing flags.
type PrometheusConfig struct {
	BindIP   string `long:"prometheus-bind-ip" value-name:"IP" description:"IP address to serve Prometheus metrics on, IPv4 or IPv6. Without it and the port there is no Prometheus emitter."`
	BindPort string `long:"prometheus-bind-port" value-name:"PORT" description:"Port to serve Prometheus metrics on; 0 takes any free one."`

	Namespace            string        `long:"prometheus-namespace" value-name:"NAME" default:"concourse" description:"What the names of all metrics begin with, before an underscore; empty means the default."`
	WorkerStaleAfter     time.Duration `long:"prometheus-worker-stale-after" value-name:"DURATION" default:"5m" description:"Drop a worker's series when it has not been heard of for this long; 0 means the default."`
	GCInterval           time.Duration `long:"prometheus-gc-interval" value-name:"DURATION" default:"1m" description:"How often to look for series to drop; 0 means the default."`
	MaxSeriesPerMetric   int           `long:"prometheus-max-series-per-metric" value-name:"N" default:"100000" description:"How many series one metric may have. Counters and histograms count what is beyond under the label value __overflow__; gauges refuse it. 0 means the default."`
	WebConfigFile        string        `long:"prometheus-web-config-file" value-name:"FILE" description:"Prometheus web configuration file that enables TLS, client certificates or basic authentication."`
	MaxScrapesInFlight   int           `long:"prometheus-max-scrapes-in-flight" value-name:"N" default:"16" description:"How many scrapes may be under way at a time; further ones are answered 503. 0 means the default."`
	MappingFile          string        `long:"mapping-file" value-name:"FILE" description:"YAML file that adds rules for events to the built-in ones, and changes those. signalbox reads it again on SIGHUP; a scheduler that embeds this, when it calls Reload."`
	EnableReloadAPI      bool          `long:"enable-reload-api" description:"Read the mapping file again on POST or PUT to /-/reload of the listener that metrics are served on."`
	OmitCreatedTimestamp bool          `long:"prometheus-omit-created-samples" description:"Leave the _created samples out of OpenMetrics pages, for scrapers that would store them as series."`
	NativeHistograms     bool          `long:"prometheus-native-histograms" description:"Serve native histograms to scrapers that ask for protobuf, beside the classic buckets of all histograms that events drive."`

	// Naming is what the metrics that events drive, and their labels, are called.
	//
	//lint:ignore SA5008 go-flags wants a tag for each choice
	Naming Naming `long:"prometheus-naming" choice:"inherited" choice:"modern" default:"inherited" description:"What metrics and labels are called: inherited, as Concourse's dashboards and alerts expect, or modern, as Prometheus' naming practices want, in base units."`

	// Rules are added to the built-in catalog: for a scheduler's own events. What is
	// wrong with them, NewEmitter says.
	Rules []Rule `no-flag:"true"`

	// Clock, if not nil, is what the emitter takes for the time: that of tests,
	// or of a recording that is replayed.
	Clock func() time.Time `no-flag:"true"`

	// Pushed, if not nil, has metrics that are served on the page too from the start:
	// see Prometheus.ServePushed.
	Pushed Pushed `no-flag:"true"`

	// Gatherer, if not nil, has metrics that are served on the page too from the
	// start: see Prometheus.ServeGatherer.
	Gatherer prometheus.Gatherer `no-flag:"true"`

	// Elsewhere, if not nil, says in an error where a request should have gone that is
	// for sending something, to the listener that serves metrics; empty means that
	// nothing is known of it. It must be safe for concurrent use.
	Elsewhere func(*http.Request) string `no-flag:"true"`

	// Settings, if not nil, is what the status page shows as the configuration in
	// force, by the names of the flags; secrets are masked there, see MaskSecret.
	// Of those that are fields above it shows what is in force, defaults included.
	// Without it, it shows all fields above. It is called by whichever goroutine serves
	// the status page, one at a time, while others wait for the page: it must be quick,
	// and must not ask for the page or its overview itself.
	Settings func() map[string]string `no-flag:"true"`

	// Input, if not nil, is how it stands with standard input, which the status page
	// and metrics show then. It is called for each scrape and for the status page, by
	// several goroutines at a time: it must be safe for that, and quick, and must not
	// ask for the page or its overview itself.
	Input func() Input `no-flag:"true"`

	// Logger, if not nil, is for what the emitter has to say until a Monitor
	// attaches its own.
	Logger lager.Logger `no-flag:"true"`

	// realTime, if not nil, is what the rates of events go by, and how old the status
	// may get; then nothing but a test samples them.
	realTime func() time.Time
}

const defaultNamespace = "concourse"

// maxLabelValueBytes is how long a label value may be.
const maxLabelValueBytes = 16 << 10

// Description implements metric.EmitterFactory.
func (config *PrometheusConfig) Description() string { return "Prometheus" }

// IsConfigured implements metric.EmitterFactory: it wants both IP and port.
func (config *PrometheusConfig) IsConfigured() bool {
	return config.BindIP != "" && config.BindPort != ""
}

// NewEmitter starts the emitter, a *Prometheus, with the attributes as constant
// labels. It fails, with nothing left running, if a field has a value that it
// cannot have, if an attribute cannot be a label, or if it cannot listen.
func (config *PrometheusConfig) NewEmitter(attributes map[string]string) (metric.Emitter, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	source := c.ruleSource()
	mapping, err := source.read()
	if err != nil {
		return nil, err
	}
	constants, err := constantLabels(attributes, append(mapping.rules, lastSeenRule))
	if err != nil {
		return nil, errors.Join(mapping.err(), err)
	}

	p := &Prometheus{clock: series.NewClock(), guarded: c.WebConfigFile != ""}
	if c.Clock != nil {
		p.clock = series.NewExactClock(c.Clock)
	}
	p.mapping.source, p.mapping.now = source, c.now
	p.logger.Store(&c.Logger)
	p.store = series.NewStore(series.Options{
		Clock:         p.clock,
		Constants:     constants,
		OwnerLimit:    c.WorkerStaleAfter,
		MaxSeries:     c.MaxSeriesPerMetric,
		MaxValueBytes: maxLabelValueBytes,
	})
	p.beside = newNeighbours(p.store)
	if p.self, err = newOwnFamilies(p.store, c.Namespace, c.MaxSeriesPerMetric, &p.received); err != nil {
		return nil, err
	}
	if c.Input != nil {
		if err = p.self.addInput(c.Input); err != nil {
			return nil, err
		}
	}
	if _, err = p.takeOver(mapping); err != nil {
		return nil, err
	}

	if err = c.checkWebConfig(); err != nil {
		return nil, err
	}
	p.server, err = exposition.Listen(exposition.ServerOptions{
		Address:       net.JoinHostPort(c.BindIP, c.BindPort),
		WebConfigFile: c.WebConfigFile,
		Status:        status.NewHandler(p.overview),
		Elsewhere:     c.Elsewhere,
		Logger:        func() lager.Logger { return *p.logger.Load() },
		Page: exposition.Page{
			Store:    p.store,
			Others:   p.beside,
			Gathered: p.beside.remember,
			Pushed:   p.beside.pushed.Load,
			Refresh:  p.self.refresh,
			Created:  !c.OmitCreatedTimestamp,
		},
		Reload:      p.reloadHandler(c.EnableReloadAPI),
		MaxInFlight: c.MaxScrapesInFlight,
		Done:        p.scraped,
	})
	if err != nil {
		return nil, fmt.Errorf("--prometheus-bind-ip, --prometheus-bind-port: %w", err)
	}
	if c.Gatherer != nil {
		p.ServeGatherer(c.Gatherer)
	}
	if c.Pushed != nil {
		p.ServePushed(c.Pushed)
	}
	p.watch(c)
	p.start(c)
	return p, nil
}

// lastSeenRule stands for the family that no event drives but the store itself.
var lastSeenRule = Rule{
	Metric: "workers_last_seen_timestamp_seconds",
	Help:   "When a worker was last heard of, in seconds since the epoch.",
	Labels: workerLabels,
}

// newOwnFamilies adds the families to the store that no rule drives.
func newOwnFamilies(store *series.Store, namespace string, maxSeries int, received *tallies) (*selfMetrics, error) {
	name := prefixed(namespace, lastSeenRule.Metric)
	if _, err := store.AddLastSeen(name, lastSeenRule.Help, workerAttribute); err != nil {
		return nil, err
	}
	return newSelfMetrics(store, maxSeries, received)
}

// start begins what goes on until Close.
func (p *Prometheus) start(c PrometheusConfig) {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if c.Clock == nil {
		// A hundredth of the staleness limit is as exact as anyone can want.
		p.tolerance = min(max(c.WorkerStaleAfter/100, time.Millisecond), 100*time.Millisecond)
		p.running.Go(func() { every(ctx, p.tolerance, func() { p.clock.Tick() }) })
	}
	p.running.Go(func() {
		collectPeriodically(ctx, func() lager.Logger { return *p.logger.Load() }, c.GCInterval, p)
	})
	p.running.Go(func() { p.status.labels.run(ctx) })
	if c.realTime == nil {
		p.running.Go(func() { every(ctx, sampleEvery, func() { p.history.sample(time.Now()) }) })
	}
	p.server.Serve()
}

// every does something at every interval until the context ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// withDefaults is the configuration with the defaults filled in, or what is
// wrong with it.
func (config *PrometheusConfig) withDefaults() (PrometheusConfig, error) {
	c := *config
	setDefault(&c.Namespace, defaultNamespace)
	setDefault(&c.Naming, Inherited)
	setDefault(&c.WorkerStaleAfter, 5*time.Minute)
	setDefault(&c.GCInterval, time.Minute)
	setDefault(&c.MaxSeriesPerMetric, 100_000)
	setDefault(&c.MaxScrapesInFlight, 16)
	if c.Logger == nil {
		c.Logger = lager.NewLogger("signalbox") // without a sink it says nothing
	}

	var errs []error
	refuse := func(flag string, value any, want string) { errs = append(errs, invalid(flag, value, want)) }
	if net.ParseIP(c.BindIP) == nil {
		refuse("bind-ip", c.BindIP, "an IP address")
	}
	if _, err := strconv.ParseUint(c.BindPort, 10, 16); err != nil {
		refuse("bind-port", c.BindPort, "a port from 0 to 65535")
	}
	errs = append(errs, c.checkNames())
	if c.WorkerStaleAfter < 0 {
		refuse("worker-stale-after", c.WorkerStaleAfter, "a positive duration")
	}
	if c.GCInterval < 0 {
		refuse("gc-interval", c.GCInterval, "a positive duration")
	}
	if c.MaxSeriesPerMetric < 0 {
		refuse("max-series-per-metric", c.MaxSeriesPerMetric, "a positive number")
	}
	if c.MaxScrapesInFlight < 0 {
		refuse("max-scrapes-in-flight", c.MaxScrapesInFlight, "a positive number")
	}
	return c, errors.Join(errs...)
}

// checkNames is what is wrong with what metrics are to be called.
func (config *PrometheusConfig) checkNames() error {
	var errs []error
	if !isName(config.Namespace, false) {
		errs = append(errs, invalid("namespace", config.Namespace, "letters, digits and _, not starting with a digit"))
	}
	if config.Naming != Inherited && config.Naming != Modern {
		errs = append(errs, invalid("naming", config.Naming, "inherited or modern"))
	}
	return errors.Join(errs...)
}

// A FlagError says that a field of PrometheusConfig has a value that it cannot have, or
// that an attribute of the node cannot be a label: what is wrong with how the emitter
// was called, rather than with what it found. Errors of NewEmitter and Check that have
// such a fault have a FlagError in their tree.
type FlagError string

// Error implements error.
func (e FlagError) Error() string { return string(e) }

// invalid is the error of a flag with a value that it cannot have.
func invalid(flag string, value any, want string) error {
	return FlagError(fmt.Sprintf("--prometheus-%s is %q, want %s", flag, fmt.Sprint(value), want))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
