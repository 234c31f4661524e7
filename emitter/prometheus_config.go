package emitter

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/builds"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
	"github.com/signalbox-ci/signalbox/metric"
)

// PrometheusConfig configures and creates the Prometheus emitter. It implements
// metric.EmitterFactory. Its fields are go-flags flags, but programs can also set them
// without parsing flags; a zero field means the flag's default. Fields must not be
// changed after NewEmitter is called.
type PrometheusConfig struct {
	BindIP   string `long:"prometheus-bind-ip" value-name:"IP" description:"IP address or host name to serve Prometheus metrics on. The Prometheus emitter is disabled unless both the address and the port are set."`
	BindPort string `long:"prometheus-bind-port" value-name:"PORT" description:"Port to serve Prometheus metrics on; 0 selects any free port."`

	Namespace            string        `long:"prometheus-namespace" value-name:"NAME" default:"concourse" description:"Namespace of the metrics that events update, which is the prefix of their names; empty means the default. Rules can have a namespace of their own; those of the catalog ci do."`
	WorkerStaleAfter     time.Duration `long:"prometheus-worker-stale-after" value-name:"DURATION" default:"2m" description:"Time since a worker's last heartbeat after which its series are removed; 0 means the default."`
	GCInterval           time.Duration `long:"prometheus-gc-interval" value-name:"DURATION" default:"1m" description:"Interval of garbage collection, which removes stale series; 0 means the default."`
	MaxSeriesPerMetric   int           `long:"prometheus-max-series-per-metric" value-name:"N" default:"100000" description:"Maximum number of series per metric; 0 means the default. Beyond it, counters and histograms count events for new series under the label value __overflow__, and gauges reject them."`
	WebConfigFile        string        `long:"prometheus-web-config-file" value-name:"FILE" description:"Prometheus web configuration file that enables TLS, client certificates or basic authentication."`
	MaxScrapesInFlight   int           `long:"prometheus-max-scrapes-in-flight" value-name:"N" default:"16" description:"Maximum number of concurrent scrapes of each listener; 0 means the default. Beyond it, scrapes whose clients do not read are aborted, and other scrapes are answered with status 503."`
	Formats              string        `long:"prometheus-formats" value-name:"LIST" default:"text,openmetrics,protobuf" description:"Formats in which scrapers can request the metrics page, separated by commas; empty means the default."`
	MappingFile          string        `long:"mapping-file" value-name:"FILE" description:"YAML file that adds rules for events or changes the built-in ones. signalbox reloads it on SIGHUP; an embedding scheduler reloads it by calling Reload."`
	EnableReloadAPI      bool          `long:"enable-reload-api" description:"Reload the mapping file on POST or PUT requests to /-/reload of the metrics listener."`
	OmitCreatedTimestamp bool          `long:"prometheus-omit-created-samples" description:"Omit _created samples from OpenMetrics pages, for scrapers that would store them as series."`
	Catalog              string        `long:"catalog" value-name:"LIST" default-mask:"concourse, or concourse,ci if signalbox receives webhooks" description:"Built-in events and metrics: those of Concourse (concourse), those of any CI system (ci), or both (concourse,ci), in which case builds of Concourse also update metrics of any CI system."`
	NativeHistograms     bool          `long:"prometheus-native-histograms" description:"Add native histograms to the classic buckets of all histograms that events update, for scrapers that request protobuf."`

	// Naming is "inherited" or "modern"; empty means "inherited".
	//
	//lint:ignore SA5008 go-flags needs a tag for each choice
	Naming string `long:"prometheus-naming" choice:"inherited" choice:"modern" default:"inherited" description:"Names of metrics and labels: inherited, as Concourse's dashboards and alerts expect, or modern, with base units, as Prometheus recommends."`

	// Handler enables the emitter without a listener: the program serves
	// Prometheus.Handler on its own server. If BindIP and BindPort are set as well, the
	// emitter also has a listener.
	Handler bool `no-flag:"true"`

	// AllowedHosts are the host names, besides localhost, in the Host header of
	// requests to the emitter's listener. Requests with an IP address are always
	// allowed. If there are no AllowedHosts, the header is checked only if the listener
	// is on a loopback address; without the check, a website could read the metrics by
	// resolving its own name to that address.
	AllowedHosts []string `no-flag:"true"`

	// Rules are added to the built-in rules, for the program's own events.
	Rules []rule.Rule `no-flag:"true"`

	// Pushed, if not nil, contains the metrics that agents and jobs push. NewEmitter
	// passes it to Prometheus.ServePushed.
	Pushed Pushed `no-flag:"true"`

	// Clock, if not nil, replaces the system's clock, for tests and for replaying
	// recorded events. It must be safe for concurrent use.
	Clock func() time.Time `no-flag:"true"`

	// Logger receives the emitter's messages until Monitor.Initialize replaces it with
	// its own logger. If the logger passed to Initialize is nil, messages are discarded
	// from then on. If Logger is nil, the emitter discards messages until Initialize
	// or, in a program that does not use a Monitor, until the first event, and then
	// uses the logger of that event.
	Logger lager.Logger `no-flag:"true"`

	host           host.Options
	defaultCatalog func() string // value of Catalog if it is empty; nil means concourse

	realTime func() time.Time // set only by tests; see SetRealTime in export_test.go
}

// Host sets options that only Signalbox's own daemon uses. Call it before NewEmitter.
func (config *PrometheusConfig) Host(o host.Options) {
	config.host = o
	if o.Pushed != nil {
		config.Pushed = o.Pushed
	}
}

// SetDefaultCatalog sets the function that returns what an empty Catalog means, which is
// otherwise "concourse". Check and NewEmitter call it. Only Signalbox's own daemon uses
// it.
func (config *PrometheusConfig) SetDefaultCatalog(list func() string) { config.defaultCatalog = list }

// Description implements metric.EmitterFactory.
func (config *PrometheusConfig) Description() string { return "Prometheus" }

// IsConfigured implements metric.EmitterFactory. It reports whether Handler is true or
// both BindIP and BindPort are set.
func (config *PrometheusConfig) IsConfigured() bool {
	return config.Handler || config.BindIP != "" && config.BindPort != ""
}

// ConfigurationHint returns which flags to set if IsConfigured returns false.
// Monitor.Initialize logs the hint if no emitter is configured.
func (config *PrometheusConfig) ConfigurationHint() string {
	switch {
	case config.BindIP != "":
		return "set --prometheus-bind-port: --prometheus-bind-ip has no effect without it"
	case config.BindPort != "":
		return "set --prometheus-bind-ip: --prometheus-bind-port has no effect without it"
	}
	return "set --prometheus-bind-ip and --prometheus-bind-port to serve Prometheus metrics"
}

// NewEmitter starts and returns the emitter, a *Prometheus, with the attributes as
// constant labels. If it returns an error, nothing is left running. The error wraps a
// *FlagError if a field has an invalid value or an attribute cannot become a label, and
// a *rule.MappingError for each error in the rules. NewEmitter also returns an error if
// it cannot read a file or cannot listen on the address.
func (config *PrometheusConfig) NewEmitter(attributes map[string]string) (metric.Emitter, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	observed := builds.New(builds.Options{Memory: c.host.Memory})
	options := c.engineOptions(attributes)
	options.Taps = observed.Taps()
	e, err := engine.New(options)
	if err != nil {
		return nil, asFlagError(err)
	}
	webConfig, err := c.openWebConfig()
	if err != nil {
		return nil, err
	}
	p, err := newPrometheus(e, observed, c)
	if err != nil {
		return nil, err
	}
	if err = p.listen(c, webConfig); err != nil {
		return nil, fmt.Errorf("--prometheus-bind-ip, --prometheus-bind-port: %w", err)
	}
	p.start(c)
	return p, nil
}

// Check returns the errors that NewEmitter would return, without starting anything. It
// does not check whether the address is in use. The summary is a readable description
// of the mapping, such as "70 rules (69 built-in, 1 custom), 70 families"; it is empty
// if there is an error. The error's message has one line for each problem. Lines about
// the mapping file begin with the file's path and the line number.
func (config *PrometheusConfig) Check(attributes map[string]string) (summary string, err error) {
	c, err := config.withDefaults()
	if c.checkNames() != nil { // check the mapping with valid names
		c.Namespace, c.Naming, c.Catalog = defaultNamespace, string(catalog.Inherited), string(catalog.Concourse)
	}
	counted, mappingErr := engine.Check(c.engineOptions(attributes))
	if err = errors.Join(err, asFlagError(mappingErr), c.checkWebConfig()); err != nil {
		return "", err
	}
	return counted.String(), nil
}

func (config *PrometheusConfig) engineOptions(attributes map[string]string) engine.Options {
	catalogs, err := catalog.Parse(config.Catalog)
	if err != nil {
		panic("BUG: the configuration was not checked: " + err.Error())
	}
	rules := catalog.Rules(catalog.Naming(config.Naming), catalogs...)
	for _, r := range config.Rules {
		rules = append(rules, r.Clone())
	}
	return engine.Options{
		Source: mapping.Source{
			File:             config.MappingFile,
			Rules:            rules,
			SilentEvents:     catalog.SilentEvents(catalogs...),
			Catalogs:         catalogs,
			Namespace:        config.Namespace,
			NativeHistograms: config.NativeHistograms,
		},
		Attributes:       attributes,
		WorkerStaleAfter: config.WorkerStaleAfter,
		MaxSeries:        config.MaxSeriesPerMetric,
		Memory:           config.host.Memory,
		Clock:            config.Clock,
		RealTime:         config.realTime,
		Logger:           config.Logger,
	}
}

// withDefaults returns a copy of the configuration in which zero fields have their
// defaults, and an error that joins the errors of all invalid fields.
func (config *PrometheusConfig) withDefaults() (*PrometheusConfig, error) {
	c := *config
	setDefault(&c.Namespace, defaultNamespace)
	if c.Catalog == "" && c.defaultCatalog != nil {
		c.Catalog = c.defaultCatalog()
	}
	setDefault(&c.Catalog, string(catalog.Concourse))
	setDefault(&c.Naming, string(catalog.Inherited))
	setDefault(&c.WorkerStaleAfter, 2*time.Minute)
	setDefault(&c.GCInterval, time.Minute)
	setDefault(&c.MaxSeriesPerMetric, 100_000)
	setDefault(&c.MaxScrapesInFlight, 16)
	setDefault(&c.Formats, exposition.AllFormats)

	var errs []error
	reject := func(flag string, value any, expected string) { errs = append(errs, invalid(flag, value, expected)) }
	if !c.Handler || c.BindIP != "" || c.BindPort != "" {
		if err := httpserver.CheckHost(c.BindIP); err != nil {
			errs = append(errs, &FlagError{fmt.Errorf("--prometheus-bind-ip: %w", err)})
		}
		if _, err := net.LookupPort("tcp", c.BindPort); err != nil || c.BindPort == "" {
			reject("bind-port", c.BindPort, "a port from 0 to 65535")
		}
	}
	if c.WebConfigFile != "" && c.BindIP == "" && c.BindPort == "" {
		errs = append(errs, &FlagError{errors.New("--prometheus-web-config-file requires --prometheus-bind-ip and --prometheus-bind-port: without a listener, there is nothing to protect")})
	}
	for _, host := range c.AllowedHosts {
		if err := access.CheckHost(host); err != nil {
			errs = append(errs, &FlagError{fmt.Errorf("AllowedHosts: %w", err)})
		}
	}
	if _, err := exposition.ParseFormats(c.Formats); err != nil {
		errs = append(errs, &FlagError{fmt.Errorf("--prometheus-formats: %w", err)})
	}
	errs = append(errs, c.checkNames())
	if c.WorkerStaleAfter < 0 {
		reject("worker-stale-after", c.WorkerStaleAfter, "a duration of at least 0")
	}
	if c.GCInterval < 0 {
		reject("gc-interval", c.GCInterval, "a duration of at least 0")
	}
	if c.MaxSeriesPerMetric < 0 {
		reject("max-series-per-metric", c.MaxSeriesPerMetric, "a number of at least 0")
	}
	if c.MaxScrapesInFlight < 0 {
		reject("max-scrapes-in-flight", c.MaxScrapesInFlight, "a number of at least 0")
	}
	return &c, errors.Join(errs...)
}

const defaultNamespace = "concourse"

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkNames returns an error if the namespace, the naming or the catalog is invalid.
func (config *PrometheusConfig) checkNames() error {
	var errs []error
	if !model.LegacyValidation.IsValidLabelName(config.Namespace) { // a metric name without colons
		errs = append(errs, invalid("namespace", config.Namespace, "letters, digits and _, not starting with a digit"))
	}
	if catalog.Rules(catalog.Naming(config.Naming)) == nil {
		errs = append(errs, invalid("naming", config.Naming, "inherited or modern"))
	}
	if _, err := catalog.Parse(config.Catalog); err != nil {
		errs = append(errs, &FlagError{fmt.Errorf("--catalog: %w", err)})
	}
	return errors.Join(errs...)
}

func (config *PrometheusConfig) checkWebConfig() error {
	_, err := config.openWebConfig()
	return err
}

// openWebConfig returns the web configuration file, or nil if there is none.
func (config *PrometheusConfig) openWebConfig() (*webconfig.File, error) {
	file, err := webconfig.Open(config.WebConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--prometheus-web-config-file: %w", err)
	}
	return file, nil
}

// A FlagError reports that a field of PrometheusConfig has an invalid value, or that an
// attribute of the node cannot become a label. Errors in the content of files are not
// FlagErrors.
type FlagError struct{ Err error }

// Error implements error.
func (e *FlagError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *FlagError) Unwrap() error { return e.Err }

// invalid returns the error for a flag with an invalid value. The flag is named without
// its prefix.
func invalid(flag string, value any, expected string) error {
	return &FlagError{fmt.Errorf("--prometheus-%s: got %q, expected %s", flag, fmt.Sprint(value), expected)}
}

// asFlagError wraps an AttributeError in a FlagError, and returns other errors
// unchanged.
func asFlagError(err error) error {
	if _, ok := errors.AsType[engine.AttributeError](err); ok {
		return &FlagError{err}
	}
	return err
}

// settings returns the flags and the values that are in effect. The host's settings
// contain the values that the user gave. For the emitter's flags, settings replaces
// these values with the fields of config, where zero values have become the defaults.
func (config *PrometheusConfig) settings() []status.Setting {
	own := config.ownSettings()
	if config.host.Settings == nil {
		return own
	}
	byName := make(map[string]string, len(own))
	for _, s := range own {
		byName[s.Name] = s.Value
	}
	settings := config.host.Settings()
	for i, s := range settings {
		if value, ok := byName[s.Name]; ok {
			settings[i].Value = value
		}
	}
	return settings
}

// ownSettings returns the flags of the configuration and the values of their fields.
func (config *PrometheusConfig) ownSettings() (settings []status.Setting) {
	v := reflect.ValueOf(config).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if name := field.Tag.Get("long"); name != "" {
			settings = append(settings, status.SettingOf(name, field.Tag, v.Field(i).Interface()))
		}
	}
	return settings
}
