// Package rule has the rules that map events to metrics, as programs write them in Go
// and operators write them in YAML.
package rule

import (
	"slices"
	"time"
)

// A Rule maps one event to one update of one metric family.
//
// Several rules may have the same event, and several the same metric. Rules with the
// same metric must agree on everything that belongs to the family: type, help, label
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

	// When, if not nil, restricts the rule to events whose attribute has the value.
	// An event that lacks the attribute is rejected for the metric.
	When *Condition `json:"when,omitempty" yaml:"when,omitempty"`

	// Operation is how the event's value changes the series.
	Operation Operation `json:"operation" yaml:"operation"`

	// Divide is what the value is divided by first: 1000 turns milliseconds
	// into seconds. 0 means 1.
	Divide float64 `json:"divide,omitempty" yaml:"divide,omitempty"`

	// Buckets are a histogram's upper bounds, ascending, none below 0, without +Inf.
	Buckets []float64 `json:"buckets,omitempty" yaml:"buckets,omitempty,flow"`

	// NativeHistogram adds native buckets to a histogram, which are served in
	// protobuf.
	NativeHistogram bool `json:"native_histogram,omitempty" yaml:"native_histogram,omitempty"`

	// Exemplar lists the labels of the exemplars of a histogram's buckets, in this
	// order. An event need not have the attributes: labels whose attribute is
	// missing or empty are left out. So is a whole exemplar that OpenMetrics cannot
	// show, because its labels have more than 128 characters or are not UTF-8. A
	// bucket keeps its exemplar for at least a second, until an event replaces it.
	Exemplar []ExemplarLabel `json:"exemplar,omitempty" yaml:"exemplar,omitempty"`

	// Worker is how the series depend on the worker that the attribute "worker"
	// names. Empty means that they belong to no worker.
	Worker Ownership `json:"worker,omitempty" yaml:"worker,omitempty"`

	// IdleTTL is how long a series stays without an update. 0 means that it never
	// expires.
	IdleTTL time.Duration `json:"idle_ttl,omitempty" yaml:"idle_ttl,omitempty"`
}

// A Label is one label of a family.
type Label struct {
	// Name is the label's name.
	Name string `json:"name" yaml:"name"`

	// Attribute is the event's attribute that gives the label its value.
	Attribute string `json:"attribute" yaml:"attribute"`

	// Required is what an event must have. Empty means that the label's value is
	// empty for an event without the attribute.
	Required Requirement `json:"required,omitempty" yaml:"required,omitempty"`

	// Replace maps the attribute's value to the label's. The first replacement that
	// matches applies; a value that none matches stays as it is. A missing attribute
	// counts as empty. Required, Needs and When apply to the original value.
	Replace []Replacement `json:"replace,omitempty" yaml:"replace,omitempty"`
}

// A Replacement maps attribute values to a label value.
type Replacement struct {
	// Match is a regular expression (RE2) that matches the whole value; a dot
	// matches newlines too.
	Match string `json:"match" yaml:"match"`

	// With is the label's value. $1 or ${1} is the text of Match's first group,
	// ${name} that of a named group, and $$ a dollar sign.
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

// Operation is how an event's value changes a series.
type Operation string

// The operations. Add and Inc are for counters, Set and Hold for gauges,
// Observe for histograms.
const (
	Add     Operation = "add"     // adds the value, which must not be negative
	Inc     Operation = "inc"     // adds one, whatever the value
	Set     Operation = "set"     // replaces the value
	Hold    Operation = "hold"    // adds one if the value is 1, subtracts one otherwise
	Observe Operation = "observe" // counts the value in its bucket
)

// Requirement is what a label requires of its attribute.
type Requirement string

// The requirements. The empty one requires nothing.
const (
	Present  Requirement = "present"   // the event must have the attribute
	NonEmpty Requirement = "non-empty" // the event must have the attribute, and it must not be empty
)

// Ownership is how a family's series depend on a worker.
type Ownership string

// The ownerships. Series of either are removed with their worker. An event of a
// Heartbeat family shows that the worker is alive; one of an Owned family does not.
const (
	Owned     Ownership = "owned"
	Heartbeat Ownership = "heartbeat"
)

// WorkerAttribute is the attribute that names the worker an event is about.
const WorkerAttribute = "worker"

// NamesWorker reports whether the label's value is the worker's name as it is.
func (l Label) NamesWorker() bool { return l.Attribute == WorkerAttribute && len(l.Replace) == 0 }

// Clone returns a copy of the rule that shares no memory with it.
func (r Rule) Clone() Rule {
	r.Labels, r.Needs = slices.Clone(r.Labels), slices.Clone(r.Needs)
	for i := range r.Labels {
		r.Labels[i].Replace = slices.Clone(r.Labels[i].Replace)
	}
	r.Buckets, r.Exemplar = slices.Clone(r.Buckets), slices.Clone(r.Exemplar)
	if r.When != nil {
		when := *r.When
		r.When = &when
	}
	return r
}
