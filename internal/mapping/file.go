package mapping

import (
	"reflect"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// A mappingFile is the content of a mapping file; see docs/mapping.md.
type mappingFile struct {
	Builtin      *bool          `yaml:"builtin"`       // start with the built-in rules (the default) or with none
	Rules        []rule.Rule    `yaml:"rules"`         // rules to add
	SilentEvents []string       `yaml:"silent_events"` // more events that are known and update nothing
	DropEvents   []string       `yaml:"drop_events"`   // events whose built-in rules are removed; the events stay known
	Metrics      []metricChange `yaml:"metrics"`       // changes to metrics, applied last
}

// A metricChange changes one metric in all rules that update it.
type metricChange struct {
	Metric          string         `yaml:"metric"`           // name of the metric, without the namespace
	Drop            bool           `yaml:"drop"`             // removes the metric
	Help            *string        `yaml:"help"`             // help text that replaces the one of the rules
	DropLabels      []string       `yaml:"drop_labels"`      // names of labels to remove, with what they require
	AddLabels       []rule.Label   `yaml:"add_labels"`       // labels to add, after drop_labels
	Buckets         []float64      `yaml:"buckets"`          // buckets that replace those of the rules; only for a histogram
	IdleTTL         *time.Duration `yaml:"idle_ttl"`         // idle TTL that replaces the one of the rules; with 0s, series never expire
	NativeHistogram *bool          `yaml:"native_histogram"` // adds native buckets (true) or removes them (false); only for a histogram
}

// changesNothing reports whether the change neither replaces anything nor changes labels.
func (c metricChange) changesNothing() bool {
	return c.Help == nil && len(c.DropLabels) == 0 && len(c.AddLabels) == 0 && c.Buckets == nil && c.IdleTTL == nil && c.NativeHistogram == nil
}

// Fields returns the names of the top-level fields of a mapping file.
func Fields() []string { return fieldsOf(reflect.TypeFor[mappingFile]()) }
