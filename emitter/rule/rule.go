// Package rule defines the rules that decide which metrics an event updates. This rule
// counts the deployments of each environment:
//
//	deployments := rule.Rule{
//		Event:     "deploy finished",
//		Metric:    "deploys_total",
//		Type:      rule.Counter,
//		Operation: rule.Inc,
//		Help:      "Number of finished deployments, by environment.",
//		Labels: []rule.Label{
//			{Name: "environment", Attribute: "env", Required: rule.Present},
//		},
//	}
//
// A program adds its rules to the built-in ones with the field Rules of
// emitter.PrometheusConfig. The namespace of that configuration becomes the prefix of
// the metric's name, as in concourse_deploys_total{environment="live"}.
//
// Operators write the same rules in YAML, in a mapping file:
//
//	rules:
//	  - event: deploy finished
//	    metric: deploys_total
//	    type: counter
//	    operation: inc
//	    help: Number of finished deployments, by environment.
//	    labels:
//	      - {name: environment, attribute: env, required: present}
package rule

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Rule maps one event to one update of one metric family.
//
// Several rules may have the same event, and several rules may have the same metric.
// Rules with the same metric and namespace must agree on everything that belongs to the
// family: type, help, label names, states, buckets, native histogram, worker and idle
// TTL. Event, Metric, Type and Operation are required, Buckets if Type is Histogram,
// and States if Operation is State. All other fields may have their zero values.
type Rule struct {
	// Event is the event's name, exactly as the program emits it.
	Event string `json:"event" yaml:"event"`

	// Metric is the family's name, without the namespace: "deploys_total", which
	// becomes "concourse_deploys_total" with the default namespace.
	Metric string `json:"metric" yaml:"metric"`

	// Namespace is the prefix of the family's name: with "ci", "runs_total" becomes
	// "ci_runs_total". Empty means --prometheus-namespace. Rules with the same metric
	// in different namespaces update different families.
	Namespace string `json:"namespace,omitempty" yaml:"namespace,omitempty"`

	// Type is the family's type.
	Type Type `json:"type" yaml:"type"`

	// Help is the family's help text. It may be empty.
	Help string `json:"help" yaml:"help"`

	// Labels are the family's labels, in any order. Without labels, the family has only
	// one series.
	Labels []Label `json:"labels,omitempty" yaml:"labels,omitempty"`

	// Needs lists additional attributes that an event must have. An event that lacks
	// one of them is rejected for this metric.
	Needs []string `json:"needs,omitempty" yaml:"needs,omitempty,flow"`

	// When restricts the rule to events that meet the condition. An event that lacks
	// the condition's attribute is rejected for this metric. Without When, the rule
	// applies to all events with its name.
	When *Condition `json:"when,omitempty" yaml:"when,omitempty"`

	// Values lists the possible values of attributes, by the name of the attribute. An
	// event whose attribute has another value is rejected for this metric. An event
	// without the attribute is not rejected for that; see Needs.
	Values map[string][]string `json:"values,omitempty" yaml:"values,omitempty,flow"`

	// Unit is the unit of the event's value before Divide applies, such as
	// "milliseconds" or "builds". It is only documentation and may be empty.
	Unit string `json:"unit,omitempty" yaml:"unit,omitempty"`

	// Operation determines how the event's value changes the series.
	Operation Operation `json:"operation" yaml:"operation"`

	// States are the states of a gauge with the operation state. They are required for
	// this operation and invalid for others.
	States *States `json:"states,omitempty" yaml:"states,omitempty"`

	// Divide is the number by which the value is divided first, from 1e-100 to 1e100:
	// 1000 turns milliseconds into seconds. 0 means 1. It is invalid with the
	// operations inc, hold and state, which do not use the value.
	Divide float64 `json:"divide,omitempty" yaml:"divide,omitempty"`

	// Buckets are the upper bounds of a histogram's buckets, in the unit of the divided
	// value, in ascending order, at least 0 and without +Inf. They are required for
	// histograms and invalid for other types.
	Buckets []float64 `json:"buckets,omitempty" yaml:"buckets,omitempty,flow"`

	// NativeHistogram adds native buckets to a histogram. Only scrapes in protobuf
	// format contain them.
	NativeHistogram bool `json:"native_histogram,omitempty" yaml:"native_histogram,omitempty"`

	// Exemplar lists the labels of the exemplars of a histogram's buckets, in this
	// order. If it is empty, there are no exemplars. An exemplar omits a label whose
	// attribute is missing or empty. An exemplar is discarded if OpenMetrics does not
	// allow it, because its labels have more than 128 characters or are not UTF-8. An
	// event replaces the exemplar of its bucket if that is at least a second old.
	Exemplar []ExemplarLabel `json:"exemplar,omitempty" yaml:"exemplar,omitempty"`

	// Worker determines how the series depend on the worker that the attribute "worker"
	// names. It requires a label with this attribute, without Replace and Truncate.
	// Empty means that the series do not belong to a worker.
	Worker Ownership `json:"worker,omitempty" yaml:"worker,omitempty"`

	// IdleTTL is how long a series is kept without an update, at least a millisecond.
	// It requires labels. 0 means that the series never expires.
	IdleTTL time.Duration `json:"idle_ttl,omitempty" yaml:"idle_ttl,omitempty"`
}

// A Label is one label of a family.
type Label struct {
	// Name is the label's name: letters, digits and _, not starting with a digit or __.
	Name string `json:"name" yaml:"name"`

	// Attribute is the event's attribute that gives the label its value.
	Attribute string `json:"attribute" yaml:"attribute"`

	// Required is what the label requires of the attribute. An event that does not meet
	// the requirement is rejected for this metric. If Required is empty, an event
	// without the attribute gets an empty label value.
	Required Requirement `json:"required,omitempty" yaml:"required,omitempty"`

	// Replace maps the attribute's value to the label's. The first replacement that
	// matches applies; a value that no replacement matches remains unchanged. A missing
	// attribute counts as empty. Conditions and requirements apply to the original
	// value.
	Replace []Replacement `json:"replace,omitempty" yaml:"replace,omitempty"`

	// Truncate cuts a value that is longer than 16 KiB, the maximum of a label value,
	// and ends it with an ellipsis. It applies before and after Replace. Without
	// Truncate, an event with such a value is rejected for this metric. It is for free
	// text; values that identify something may become equal when they are cut.
	Truncate bool `json:"truncate,omitempty" yaml:"truncate,omitempty"`
}

// A Replacement maps attribute values to a label value.
type Replacement struct {
	// Match is a regular expression (RE2) that must match the whole value. A dot
	// matches newlines too. The empty expression matches the empty value.
	Match string `json:"match" yaml:"match"`

	// With is the label's value, which may be empty. $1 or ${1} stands for the text
	// that Match's first group matched, ${name} for that of a named group, and $$ for a
	// dollar sign.
	With string `json:"with" yaml:"with"`
}

// An ExemplarLabel is one label of an exemplar.
type ExemplarLabel struct {
	// Name is the label's name: letters, digits and _, not starting with a digit or __.
	Name string `json:"name" yaml:"name"`

	// Attribute is the event's attribute that gives the label its value.
	Attribute string `json:"attribute" yaml:"attribute"`
}

// A Condition holds for events whose attribute has the value.
type Condition struct {
	// Attribute is the event's attribute. It must not be empty.
	Attribute string `json:"attribute" yaml:"attribute"`

	// Value is the whole value that the attribute must have. It may be empty.
	Value string `json:"value" yaml:"value"`
}

// States are the states between which something changes, such as the statuses of a job.
// The family has one series for each state. An event sets the series of its state to 1,
// and those of the other states, with the same values of all other labels, to 0. These
// series appear with the first event, count toward limits and expire together. A scrape
// always sees exactly one of them as 1.
type States struct {
	// Label is the name of the label that shows the state. It is one of the rule's
	// labels, whose attribute gives the state after replacements. An event with a value
	// that is not in Values is rejected for this metric.
	Label string `json:"label" yaml:"label"`

	// Values are the states, at least two and at most 100, in any order.
	Values []string `json:"values" yaml:"values,flow"`
}

// A Type is the type of a metric family. There is no default.
type Type string

// The types of families that rules can update.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// An Operation determines how an event's value changes a series. There is no default.
type Operation string

// The operations. Add and Inc are for counters, Set, Hold and State for gauges, Observe
// for histograms.
const (
	Add     Operation = "add"     // adds the event's value, which must not be negative
	Inc     Operation = "inc"     // adds one, regardless of the event's value
	Set     Operation = "set"     // sets the series to the event's value
	Hold    Operation = "hold"    // adds one if the event's value is 1, and otherwise subtracts one
	State   Operation = "state"   // sets one of the Rule's States to 1 and the others to 0, regardless of the event's value
	Observe Operation = "observe" // observes the event's value, which must not be negative
)

// A Requirement is what a label requires of its attribute.
type Requirement string

// The requirements. The empty one requires nothing.
const (
	Present  Requirement = "present"   // the event must have the attribute
	NonEmpty Requirement = "non-empty" // the event must have the attribute, with a value that is not empty
)

// An Ownership determines how a family's series depend on a worker.
type Ownership string

// The ownerships. A worker becomes stale if it sends no heartbeat within the time
// WorkerStaleAfter of emitter.PrometheusConfig. With the empty Ownership, series do not
// belong to a worker.
const (
	// Owned means that a series is removed when its worker is stale. The rule's events
	// are not heartbeats.
	Owned Ownership = "owned"

	// Heartbeat means that the rule's events are heartbeats of the worker. A series is
	// removed when its worker is stale, or if no event has updated the series itself
	// within WorkerStaleAfter.
	Heartbeat Ownership = "heartbeat"
)

// WorkerAttribute is the attribute that contains the name of the event's worker.
const WorkerAttribute = "worker"

// NamesWorker reports whether the label's value is the name of the worker, neither
// replaced nor cut.
func (l Label) NamesWorker() bool {
	return l.Attribute == WorkerAttribute && len(l.Replace) == 0 && !l.Truncate
}

// Uses reports whether a label, the condition or Needs refers to the attribute.
func (r Rule) Uses(attribute string) bool {
	return slices.Contains(r.Needs, attribute) || r.When != nil && r.When.Attribute == attribute ||
		slices.ContainsFunc(r.Labels, func(l Label) bool { return l.Attribute == attribute })
}

// FullName returns the family's name with the rule's namespace. If the rule has none,
// FullName uses the given one, which may also be empty.
func (r Rule) FullName(namespace string) string {
	namespace = cmp.Or(r.Namespace, namespace)
	if namespace == "" {
		return r.Metric
	}
	return namespace + "_" + r.Metric
}

// Clone returns a deep copy of the rule.
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
	if r.States != nil {
		r.States = &States{r.States.Label, slices.Clone(r.States.Values)}
	}
	r.Values = maps.Clone(r.Values)
	for attribute, values := range r.Values {
		r.Values[attribute] = slices.Clone(values)
	}
	return r
}
