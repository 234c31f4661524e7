package emitter

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
	"github.com/signalbox-ci/signalbox/metric"
)

// PrometheusConfig configures and creates the Prometheus emitter. It is a go-flags
// group, but can also be used without parsing flags: a zero field means the flag's
// default. It must not be changed after NewEmitter.
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

	// Naming is "inherited" or "modern"; empty means "inherited".
	//
	//lint:ignore SA5008 go-flags needs a tag for each choice
	Naming string `long:"prometheus-naming" choice:"inherited" choice:"modern" default:"inherited" description:"What metrics and labels are called: inherited, as Concourse's dashboards and alerts expect, or modern, as Prometheus' naming practices want, in base units."`

	// Handler configures an emitter without its own listener: the program serves
	// Prometheus.Handler on its own server. If BindIP and BindPort are set as well, the
	// emitter also has a listener.
	Handler bool `no-flag:"true"`

	// Rules are added to the built-in catalog, for the program's own events.
	Rules []rule.Rule `no-flag:"true"`

	// Pushed, if not nil, contains the metrics that agents and jobs push, which are on
	// the page from the start: see Prometheus.ServePushed.
	Pushed Pushed `no-flag:"true"`

	// Clock, if not nil, returns the time that the emitter uses instead of the
	// machine's, for tests or to replay a recording.
	Clock func() time.Time `no-flag:"true"`

	// Logger, if not nil, is used until a Monitor attaches its own, which discards
	// everything if Monitor.Initialize got a nil logger.
	Logger lager.Logger `no-flag:"true"`

	host     host.Options
	realTime func() time.Time // for tests: the time of rates; if set, only the test samples them
}

// Host sets options that only Signalbox's own daemon uses. It must be called before
// NewEmitter.
func (config *PrometheusConfig) Host(o host.Options) {
	config.host = o
	if o.Pushed != nil {
		config.Pushed = o.Pushed
	}
}

// Description implements metric.EmitterFactory.
func (config *PrometheusConfig) Description() string { return "Prometheus" }

// IsConfigured implements metric.EmitterFactory. It reports whether there is an output:
// both BindIP and BindPort, or Handler.
func (config *PrometheusConfig) IsConfigured() bool {
	return config.Handler || config.BindIP != "" && config.BindPort != ""
}

// NewEmitter starts the emitter, a *Prometheus, with the attributes as constant labels.
// It fails, with nothing left running, with a *FlagError if a field has an invalid
// value or an attribute cannot be a label, with a *rule.MappingError for each fault of
// the rules, or if it cannot listen.
func (config *PrometheusConfig) NewEmitter(attributes map[string]string) (metric.Emitter, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	e, err := engine.New(c.engineOptions(attributes))
	if err != nil {
		return nil, flagged(err)
	}
	if err = c.checkWebConfig(); err != nil {
		return nil, err
	}
	p, err := newPrometheus(e, c)
	if err != nil {
		return nil, err
	}
	if err = p.listen(c); err != nil {
		return nil, fmt.Errorf("--prometheus-bind-ip, --prometheus-bind-port: %w", err)
	}
	p.start(c)
	return p, nil
}

// Check reports what NewEmitter would find wrong, except that the address may be in
// use, without starting anything. The summary of the mapping is for people: "70 rules
// (69 built in, 1 own), 70 families"; it is empty with an error. The text of the error
// has a line for each fault; those of the mapping file begin with the file and line.
func (config *PrometheusConfig) Check(attributes map[string]string) (summary string, err error) {
	c, err := config.withDefaults()
	if c.checkNames() != nil {
		return "", errors.Join(err, c.checkWebConfig())
	}
	counted, mappingErr := engine.Check(c.engineOptions(attributes))
	if err = errors.Join(err, flagged(mappingErr), c.checkWebConfig()); err != nil {
		return "", err
	}
	return counted.String(), nil
}

func (config *PrometheusConfig) engineOptions(attributes map[string]string) engine.Options {
	rules := catalog.Rules(catalog.Naming(config.Naming))
	for _, r := range config.Rules {
		rules = append(rules, r.Clone())
	}
	return engine.Options{
		Source: mapping.Source{
			File:             config.MappingFile,
			Rules:            rules,
			SilentEvents:     catalog.SilentEvents(),
			Namespace:        config.Namespace,
			NativeHistograms: config.NativeHistograms,
		},
		Attributes:       attributes,
		WorkerStaleAfter: config.WorkerStaleAfter,
		MaxSeries:        config.MaxSeriesPerMetric,
		Clock:            config.Clock,
		RealTime:         config.realTime,
		Logger:           config.Logger,
	}
}

// withDefaults returns the configuration with defaults for zero fields, and an error
// that joins those of all invalid fields.
func (config *PrometheusConfig) withDefaults() (*PrometheusConfig, error) {
	c := *config
	setDefault(&c.Namespace, "concourse")
	setDefault(&c.Naming, string(catalog.Inherited))
	setDefault(&c.WorkerStaleAfter, 5*time.Minute)
	setDefault(&c.GCInterval, time.Minute)
	setDefault(&c.MaxSeriesPerMetric, 100_000)
	setDefault(&c.MaxScrapesInFlight, 16)

	var errs []error
	refuse := func(flag string, value any, expected string) { errs = append(errs, invalid(flag, value, expected)) }
	if !c.Handler || c.BindIP != "" || c.BindPort != "" {
		if net.ParseIP(c.BindIP) == nil {
			refuse("bind-ip", c.BindIP, "an IP address")
		}
		if _, err := strconv.ParseUint(c.BindPort, 10, 16); err != nil {
			refuse("bind-port", c.BindPort, "a port from 0 to 65535")
		}
	}
	if c.WebConfigFile != "" && c.BindIP == "" && c.BindPort == "" {
		refuse("web-config-file", c.WebConfigFile, "an IP address and a port to listen on as well")
	}
	errs = append(errs, c.checkNames())
	if c.WorkerStaleAfter < 0 {
		refuse("worker-stale-after", c.WorkerStaleAfter, "a duration of at least 0")
	}
	if c.GCInterval < 0 {
		refuse("gc-interval", c.GCInterval, "a duration of at least 0")
	}
	if c.MaxSeriesPerMetric < 0 {
		refuse("max-series-per-metric", c.MaxSeriesPerMetric, "a number of at least 0")
	}
	if c.MaxScrapesInFlight < 0 {
		refuse("max-scrapes-in-flight", c.MaxScrapesInFlight, "a number of at least 0")
	}
	return &c, errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkNames returns an error if the namespace or the naming is invalid.
func (config *PrometheusConfig) checkNames() error {
	var errs []error
	if !model.LegacyValidation.IsValidLabelName(config.Namespace) { // a metric name without colons
		errs = append(errs, invalid("namespace", config.Namespace, "letters, digits and _, not starting with a digit"))
	}
	if catalog.Rules(catalog.Naming(config.Naming)) == nil {
		errs = append(errs, invalid("naming", config.Naming, "inherited or modern"))
	}
	return errors.Join(errs...)
}

func (config *PrometheusConfig) checkWebConfig() error {
	if err := webconfig.Check(config.WebConfigFile); err != nil {
		return fmt.Errorf("--prometheus-web-config-file: %w", err)
	}
	return nil
}

// A FlagError says that a field of PrometheusConfig has an invalid value, or that an
// attribute of the node cannot be a label. It does not cover what is wrong with the
// content of files.
type FlagError struct{ Err error }

// Error implements error.
func (e *FlagError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *FlagError) Unwrap() error { return e.Err }

// invalid returns the error of a flag with an invalid value.
func invalid(flag string, value any, expected string) error {
	return &FlagError{fmt.Errorf("--prometheus-%s: got %q, expected %s", flag, fmt.Sprint(value), expected)}
}

// flagged turns an AttributeError into a FlagError, and returns other errors unchanged.
func flagged(err error) error {
	if _, ok := errors.AsType[engine.AttributeError](err); ok {
		return &FlagError{err}
	}
	return err
}

// settings returns the flags in force. The host's settings have the values that were
// given; in the configuration's own fields, zero means the default.
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
