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
	Help            *string        `yaml:"help"`             // replaces the help text, if not nil, as the fields below do
	DropLabels      []string       `yaml:"drop_labels"`      // labels to remove, with what they require
	AddLabels       []rule.Label   `yaml:"add_labels"`       // labels to add after that
	Buckets         []float64      `yaml:"buckets"`          // only for a histogram
	IdleTTL         *time.Duration `yaml:"idle_ttl"`         // 0s means that series never expire
	NativeHistogram *bool          `yaml:"native_histogram"` // only for a histogram
}

// changesNothing reports whether the change neither replaces anything nor changes labels.
func (c metricChange) changesNothing() bool {
	return c.Help == nil && len(c.DropLabels) == 0 && len(c.AddLabels) == 0 && c.Buckets == nil && c.IdleTTL == nil && c.NativeHistogram == nil
}

// Fields returns the names of the top-level fields of a mapping file.
func Fields() []string { return fieldsOf(reflect.TypeFor[mappingFile]()) }
