package mapping

import (
	"reflect"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// A mappingFile is the content of a mapping file, as documented in docs/mapping.md.
type mappingFile struct {
	Builtin      *bool          `yaml:"builtin"`       // whether to start with the built-in rules; true by default
	Rules        []rule.Rule    `yaml:"rules"`         // rules to add
	SilentEvents []string       `yaml:"silent_events"` // additional known events that update no metric
	DropEvents   []string       `yaml:"drop_events"`   // events whose built-in rules are removed; the events remain known
	Metrics      []metricChange `yaml:"metrics"`       // changes to metrics, applied last
}

// A metricChange changes one metric in all rules that update it.
type metricChange struct {
	Metric          string         `yaml:"metric"`           // name of the metric, without the namespace
	Namespace       string         `yaml:"namespace"`        // namespace of the metric; required if several namespaces have a metric of this name
	Drop            bool           `yaml:"drop"`             // whether to remove the metric
	Help            *string        `yaml:"help"`             // help text that replaces that of the rules
	DropLabels      []string       `yaml:"drop_labels"`      // names of labels to remove, along with their requirements
	AddLabels       []rule.Label   `yaml:"add_labels"`       // labels to add, after drop_labels is applied
	Buckets         []float64      `yaml:"buckets"`          // buckets that replace those of the rules; only for histograms
	IdleTTL         *time.Duration `yaml:"idle_ttl"`         // idle TTL that replaces that of the rules; 0s means that series never expire
	NativeHistogram *bool          `yaml:"native_histogram"` // whether the metric has native buckets; only for histograms

	// Values replaces the possible values of attributes. An empty list allows all.
	Values map[string][]string `yaml:"values"`
}

// changesNothing reports whether no field other than Metric, Namespace and Drop is set.
func (c metricChange) changesNothing() bool {
	return c.Help == nil && len(c.DropLabels) == 0 && len(c.AddLabels) == 0 && c.Buckets == nil &&
		c.IdleTTL == nil && c.NativeHistogram == nil && len(c.Values) == 0
}

// Fields returns the names of the top-level fields of a mapping file.
func Fields() []string { return fieldsOf(reflect.TypeFor[mappingFile]()) }
