package emitter

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Rule maps one event to one update of one metric family. The built-in
// catalog is a table of rules and nothing else.
//
// Several rules may share an event, and several a metric; those that share a
// metric must agree on everything that is the family's own: type, help, label
// names, buckets, native histogram, worker and idle TTL.
type Rule struct {
	// Event is the event's name, exactly as it is emitted.
	Event string `json:"event" yaml:"event"`

	// Metric is the family's name, without the namespace.
	Metric string `json:"metric" yaml:"metric"`

	// Type is the family's type.
	Type Type `json:"type" yaml:"type"`

	// Help is the family's help text.
	Help string `json:"help" yaml:"help"`

	// Labels are the family's labels, and where their values come from.
	Labels []Label `json:"labels,omitempty" yaml:"labels,omitempty"`

	// Needs are attributes that must be present though no label shows them.
	Needs []string `json:"needs,omitempty" yaml:"needs,omitempty,flow"`

	// When, if it is set, restricts the rule to events whose attribute has
	// the value. An event that lacks the attribute is rejected for the metric.
	When *Condition `json:"when,omitempty" yaml:"when,omitempty"`

	// Operation is what the event's value does to the series.
	Operation Operation `json:"operation" yaml:"operation"`

	// Divide is what the value is divided by first: 1000 turns milliseconds
	// into seconds. 0 means 1.
	Divide float64 `json:"divide,omitempty" yaml:"divide,omitempty"`

	// Buckets are a histogram's upper bounds, ascending, none below 0, without +Inf.
	Buckets []float64 `json:"buckets,omitempty" yaml:"buckets,omitempty,flow"`

	// NativeHistogram says whether a histogram has native buckets beside those,
	// which are served in protobuf.
	NativeHistogram bool `json:"native_histogram,omitempty" yaml:"native_histogram,omitempty"`

	// Exemplar are the labels by which a histogram's bucket tells of one event
	// that is in it, in this order. They ask nothing of an event: attributes that
	// it lacks or that are empty are left out, and an exemplar that OpenMetrics
	// cannot show, with more than 128 characters or not UTF-8, altogether. A bucket
	// keeps its exemplar for a second, and then until the next comes.
	Exemplar []ExemplarLabel `json:"exemplar,omitempty" yaml:"exemplar,omitempty"`

	// Worker says whether the series belong to a worker, which is named by
	// the attribute "worker". Empty means that they belong to none.
	Worker Ownership `json:"worker,omitempty" yaml:"worker,omitempty"`

	// IdleTTL is how long a series stays without an update. 0 means for ever.
	IdleTTL time.Duration `json:"idle_ttl,omitempty" yaml:"idle_ttl,omitempty"`
}

// A Label is one label of a family.
type Label struct {
	// Name is the label's name.
	Name string `json:"name" yaml:"name"`

	// Attribute is the event's attribute that gives the label its value.
	Attribute string `json:"attribute" yaml:"attribute"`

	// Required says what an event without the attribute gets. Empty means an
	// empty label value.
	Required Requirement `json:"required,omitempty" yaml:"required,omitempty"`

	// Replace maps the attribute's value before it becomes the label's: the first
	// that matches says what it becomes, and a value that none matches stays as it
	// is. An attribute that the event lacks counts as empty. Everything else that a
	// rule asks of an attribute looks at the value as it came.
	Replace []Replacement `json:"replace,omitempty" yaml:"replace,omitempty"`
}

// A Replacement maps attribute values to a label value.
type Replacement struct {
	// Match is a regular expression (RE2) that matches the whole value; a dot
	// matches newlines too.
	Match string `json:"match" yaml:"match"`

	// With is what the value becomes. $1 or ${1} stands for what the first group
	// of Match found, ${name} for that of a named group, and $$ for a dollar.
	With string `json:"with" yaml:"with"`
}

// An ExemplarLabel is one label of an exemplar.
type ExemplarLabel struct {
	// Name is the label's name.
	Name string `json:"name" yaml:"name"`

	// Attribute is the event's attribute that gives the label its value.
	Attribute string `json:"attribute" yaml:"attribute"`
}

// A Condition holds for events whose Attribute equals Value.
type Condition struct {
	Attribute string `json:"attribute" yaml:"attribute"`
	Value     string `json:"value" yaml:"value"`
}

// Type is the type of a metric family.
type Type string

// The types of families that rules can drive.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Operation is what an event's value does to a series.
type Operation string

// The operations. Add and Inc are for counters, Set and Hold for gauges,
// Observe for histograms.
const (
	Add     Operation = "add"     // adds the value, which must not be negative
	Inc     Operation = "inc"     // adds one, whatever the value
	Set     Operation = "set"     // replaces the value
	Hold    Operation = "hold"    // adds one if the value is 1, subtracts one otherwise
	Observe Operation = "observe" // counts the value into its bucket
)

// Requirement is what a label asks of its attribute.
type Requirement string

// The requirements beyond the empty one, which asks nothing.
const (
	Present  Requirement = "present"   // the event must have the attribute
	NonEmpty Requirement = "non-empty" // and it must not be empty
)

// Ownership is how a family's series depend on a worker.
type Ownership string

// The ownerships beyond the empty one. Series go with their worker; only a
// heartbeat proves that the worker is alive.
const (
	Owned     Ownership = "owned"
	Heartbeat Ownership = "heartbeat"
)

// cloned are rules that share nothing with the given ones.
func cloned(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		r := &rules[i]
		r.Labels, r.Needs = slices.Clone(r.Labels), slices.Clone(r.Needs)
		for j := range r.Labels {
			r.Labels[j].Replace = slices.Clone(r.Labels[j].Replace)
		}
		r.Buckets, r.Exemplar = slices.Clone(r.Buckets), slices.Clone(r.Exemplar)
		if r.When != nil {
			when := *r.When
			r.When = &when
		}
	}
	return rules
}

// withNativeHistograms are the rules with native buckets for all histograms.
func withNativeHistograms(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].NativeHistogram = rules[i].NativeHistogram || rules[i].Type == Histogram
	}
	return rules
}

// updatesTheSameAs tells whether both rules make the same update of the same events:
// then each would be counted twice.
func (r Rule) updatesTheSameAs(other Rule) bool {
	return r.Event == other.Event && r.Metric == other.Metric &&
		reflect.DeepEqual(r.When, other.When) && reflect.DeepEqual(r.sortedLabels(), other.sortedLabels())
}

func (r Rule) sortedLabels() []Label {
	return slices.SortedFunc(slices.Values(r.Labels), func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}
