package rule

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/names"
)

// operations lists the valid operations of each type.
var operations = map[Type][]Operation{
	Counter:   {Add, Inc},
	Gauge:     {Set, Hold},
	Histogram: {Observe},
}

// The range of Divide. Outside it, dividing the values of events would overflow or
// yield 0.
const minDivide, maxDivide = 1e-100, 1e100

// Validate checks the rule on its own. It does not check whether the rule agrees with
// other rules for the same metric. It returns all errors, or nil if the rule is valid.
// The errors name fields as in YAML, such as "labels[0].name".
func (r Rule) Validate() []FieldError {
	var found fieldErrors
	found.check(r.Event != "", "event", "event is empty")
	found.check(names.IsMetric(r.Metric), "metric",
		"metric %q is not a metric name: expected letters, digits, _ and :, not starting with a digit", r.Metric)
	allowed, known := operations[r.Type]
	if !known {
		oneOf(&found, "type", "type", r.Type, Counter, Gauge, Histogram)
		oneOf(&found, "operation", "operation", r.Operation, Add, Inc, Set, Hold, Observe)
	} else {
		found.check(r.Operation != "", "operation", "operation is missing: expected %s", orList(allowed))
		found.check(r.Operation == "" || slices.Contains(allowed, r.Operation), "operation",
			"operation %q is not valid for a %s: expected %s", r.Operation, r.Type, orList(allowed))
		found.check(len(r.Buckets) > 0 || r.Type != Histogram, "buckets",
			"a histogram needs buckets: expected their upper bounds, such as [0.1, 1, 10]")
		found.check(len(r.Buckets) == 0 || r.Type == Histogram, "buckets",
			"buckets are not valid for a %s: expected a histogram", r.Type)
		found.check(!r.NativeHistogram || r.Type == Histogram, "native_histogram",
			"native_histogram is not valid for a %s: expected a histogram", r.Type)
		found.check(len(r.Exemplar) == 0 || r.Type == Histogram, "exemplar",
			"exemplar is not valid for a %s: expected a histogram", r.Type)
	}
	found.check(r.Divide == 0 || r.Divide >= minDivide && r.Divide <= maxDivide, "divide",
		"divide is %v, expected a positive number, from %v to %v", r.Divide, minDivide, maxDivide)
	found.check(r.Divide == 0 || r.Operation != Inc && r.Operation != Hold, "divide",
		"divide is not valid for the operation %q, which does not use the value", r.Operation)
	found.check(len(r.Buckets) == 0 || !(r.Buckets[0] < 0), "buckets",
		"buckets %v begin below 0, expected bounds of at least 0", r.Buckets)
	for i, bound := range r.Buckets {
		if math.IsNaN(bound) || math.IsInf(bound, 0) || i > 0 && bound <= r.Buckets[i-1] {
			found.add("buckets", "got buckets %v, expected finite numbers in ascending order", r.Buckets)
			break
		}
	}
	if r.Worker != "" {
		oneOf(&found, "worker", "worker", r.Worker, Owned, Heartbeat)
		found.check(slices.ContainsFunc(r.Labels, Label.NamesWorker), "worker",
			"worker requires a label with the attribute %q, without replace and truncate, so that workers do not share series", WorkerAttribute)
	}
	switch {
	case r.IdleTTL < 0:
		found.add("idle_ttl", "got idle_ttl %v, expected a positive duration", r.IdleTTL)
	case r.IdleTTL > 0 && r.IdleTTL < time.Millisecond:
		found.add("idle_ttl", "got idle_ttl %v, expected at least a millisecond", r.IdleTTL)
	case r.IdleTTL > 0 && len(r.Labels) == 0:
		found.add("idle_ttl", "idle_ttl requires labels: the only series of a metric without labels never expires")
	}
	found.check(r.When == nil || r.When.Attribute != "", "when", "when has no attribute")
	for i, l := range r.Labels {
		found.addPart(fmt.Sprintf("labels[%d]", i), l.validate())
		found.check(l.Name != "le" || r.Type != Histogram, fmt.Sprintf("labels[%d].name", i), `label "le" is reserved for the buckets of a histogram`)
		found.check(!slices.ContainsFunc(r.Labels[:i], func(earlier Label) bool { return earlier.Name == l.Name }),
			fmt.Sprintf("labels[%d].name", i), "label %q is duplicated", l.Name)
	}
	length := 0
	for i, l := range r.Exemplar {
		found.addPart(fmt.Sprintf("exemplar[%d]", i), l.validate())
		found.check(!slices.ContainsFunc(r.Exemplar[:i], func(earlier ExemplarLabel) bool { return earlier.Name == l.Name }),
			fmt.Sprintf("exemplar[%d].name", i), "exemplar label %q is duplicated", l.Name)
		length += len(l.Name)
	}
	found.check(length < prometheus.ExemplarMaxRunes, "exemplar",
		"the names of the exemplar's labels have %d characters; names and values together may have at most %d", length, prometheus.ExemplarMaxRunes)
	return found
}

// validate returns the errors of the label.
func (l Label) validate() (found fieldErrors) {
	found.check(names.IsLabel(l.Name), "name",
		"label %q is not a label name: expected letters, digits and _, not starting with a digit or __", l.Name)
	found.check(l.Attribute != "", "attribute", "label %q has no attribute", l.Name)
	if l.Required != "" {
		oneOf(&found, "required", fmt.Sprintf("label %q: required", l.Name), l.Required, Present, NonEmpty)
	}
	for i, r := range l.Replace {
		found.addPart(fmt.Sprintf("replace[%d]", i), r.validate())
	}
	return found
}

// validate returns the errors of the exemplar label.
func (l ExemplarLabel) validate() (found fieldErrors) {
	found.check(names.IsLabel(l.Name), "name",
		"exemplar label %q is not a label name: expected letters, digits and _, not starting with a digit or __", l.Name)
	found.check(l.Attribute != "", "attribute", "exemplar label %q has no attribute", l.Name)
	return found
}
