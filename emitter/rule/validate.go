package rule

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// operations lists the valid operations of each type.
var operations = map[Type][]Operation{
	Counter:   {Add, Inc},
	Gauge:     {Set, Hold, State},
	Histogram: {Observe},
}

// The range of Divide. Outside it, dividing the values of events would overflow or
// yield 0.
const minDivide, maxDivide = 1e-100, 1e100

// maxUnitBytes is the maximum length of a unit.
const maxUnitBytes = 100

// The limits on the parts of a rule. They bound the time that checks take, which can
// compare each part with each other one. maxParts applies to labels, labels of the
// exemplar, needs and the attributes in values, maxValues to all lists in values
// together, and maxReplacements to each label.
const maxParts, maxValues, maxReplacements, maxBuckets = 64, 1000, 1000, 1000

// validateSizes adds an error for each part of the rule that exceeds its limit.
func (r Rule) validateSizes(found *fieldErrors) {
	atMost := func(field string, n int, noun string, limit int) {
		found.check(n <= limit, field, "got %s, expected at most %d", plural(n, noun), limit)
	}
	atMost("labels", len(r.Labels), "label", maxParts)
	atMost("exemplar", len(r.Exemplar), "exemplar label", maxParts)
	atMost("needs", len(r.Needs), "attribute", maxParts)
	atMost("values", len(r.Values), "attribute", maxParts)
	values := 0
	for _, list := range r.Values {
		values += len(list)
	}
	found.check(values <= maxValues, "values", "got %s in all lists together, expected at most %d", plural(values, "value"), maxValues)
	atMost("buckets", len(r.Buckets), "bucket", maxBuckets)
	for i, l := range r.Labels[:min(len(r.Labels), maxParts)] {
		atMost(fmt.Sprintf("labels[%d].replace", i), len(l.Replace), "replacement", maxReplacements)
	}
	if r.States != nil {
		found.check(len(r.States.Values) <= maxStates, "states.values",
			"got %s, expected %d to %d", plural(len(r.States.Values), "state"), minStates, maxStates)
	}
}

// Validate checks the rule on its own. It does not check whether the rule agrees with
// other rules for the same metric. It returns all errors, or nil if the rule is valid. If
// parts of the rule are too large, it returns only the errors about that.
// The errors name fields as in YAML, such as "labels[0].name".
func (r Rule) Validate() []FieldError {
	var found fieldErrors
	if r.validateSizes(&found); found != nil {
		return found
	}
	found.check(r.Event != "", "event", "event is missing: expected the name of an event")
	found.check(r.Metric != "", "metric", "metric is missing: expected the name of a metric without the namespace")
	found.check(r.Metric == "" || names.IsMetric(r.Metric), "metric",
		"metric %q is not a metric name: %s", r.Metric, names.ExpectedMetric)
	found.check(r.Namespace == "" || names.IsMetric(r.Namespace) && !strings.Contains(r.Namespace, ":"), "namespace",
		"namespace %q is not valid: expected letters, digits and _, not starting with a digit", r.Namespace)
	oneOf(&found, "type", "type", r.Type, Counter, Gauge, Histogram)
	if meant := r.meantType(); meant == "" {
		oneOf(&found, "operation", "operation", r.Operation, Add, Inc, Set, Hold, State, Observe)
	} else {
		allowed := operations[meant]
		found.check(r.Operation != "", "operation", "operation is missing: expected %s", orList(allowed))
		found.check(r.Operation == "" || slices.Contains(allowed, r.Operation), "operation",
			"operation %q is not valid for a %s: expected %s", r.Operation, meant, orList(allowed))
		found.check(len(r.Buckets) > 0 || meant != Histogram, "buckets",
			"a histogram needs buckets: expected their upper bounds, such as [0.1, 1, 10]")
		found.check(len(r.Buckets) == 0 || meant == Histogram, "buckets",
			"buckets are not valid for a %s: expected a histogram", meant)
		found.check(!r.NativeHistogram || meant == Histogram, "native_histogram",
			"native_histogram is not valid for a %s: expected a histogram", meant)
		found.check(len(r.Exemplar) == 0 || meant == Histogram, "exemplar",
			"exemplar is not valid for a %s: expected a histogram", meant)
	}
	found.check(r.Divide == 0 || r.Divide >= minDivide && r.Divide <= maxDivide, "divide",
		"divide is %v, expected a positive number, from %v to %v", r.Divide, minDivide, maxDivide)
	found.check(r.Divide == 0 || r.Operation != Inc && r.Operation != Hold && r.Operation != State, "divide",
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
		found.check(slices.ContainsFunc(r.Labels, func(l Label) bool { return l.NamesWorker() && !r.shows(l) }), "worker",
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
	r.validateStates(&found)
	r.validateValues(&found)
	found.check(len(r.Unit) <= maxUnitBytes && !strings.ContainsFunc(r.Unit, unicode.IsControl), "unit",
		"got unit %s, expected a text of at most %d bytes on one line, such as milliseconds", excerpt.Quote(r.Unit), maxUnitBytes)
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

// validateValues adds the errors in the lists of values, and an error if the condition
// requires a value that is not in them.
func (r Rule) validateValues(found *fieldErrors) {
	for _, attribute := range slices.Sorted(maps.Keys(r.Values)) {
		values := r.Values[attribute]
		found.check(attribute != "", "values", "values has an attribute without a name")
		found.check(len(values) > 0, "values", "attribute %q has no values: expected a list of its possible values", attribute)
		seen := make(map[string]bool, len(values))
		for _, v := range values {
			found.check(!seen[v], "values", "attribute %q: value %q is duplicated", attribute, v)
			seen[v] = true
		}
	}
	if w := r.When; w != nil && len(r.Values[w.Attribute]) > 0 && !slices.Contains(r.Values[w.Attribute], w.Value) {
		found.add("values", "when requires the value %q of attribute %q, which is not one of its values %s%s", w.Value, w.Attribute,
			strings.Join(r.Values[w.Attribute], ", "), spelling.Hint(w.Value, r.Values[w.Attribute]))
	}
}

// The limits on the states of a rule. Each event compares its state with them, and each
// set of series has one for every state.
const minStates, maxStates, maxStateBytes = 2, 100, 200

// shows reports whether the label shows the state.
func (r Rule) shows(l Label) bool { return r.States != nil && r.States.Label == l.Name }

// validateStates adds the errors in the states, and an error for each replacement that
// yields something else than a state.
func (r Rule) validateStates(found *fieldErrors) {
	if r.States == nil {
		found.check(r.Operation != State, "states",
			"the operation state needs states: expected the label that shows the state and its values, such as {label: status, values: [running, failed]}")
		return
	}
	found.check(r.Operation == State || !slices.Contains(operations[r.Type], r.Operation), "states",
		"states are not valid for the operation %q: expected the operation state", r.Operation)
	var labels []string
	for _, l := range r.Labels {
		labels = append(labels, l.Name)
	}
	switch label := r.States.Label; {
	case label == "":
		found.add("states.label", "states have no label: expected the name of the label that shows the state")
	case !slices.Contains(labels, label):
		found.add("states.label", "the label %q shows the state, but no label of the rule has that name%s", label, spelling.Hint(label, labels))
	}
	values := r.States.Values
	found.check(len(values) >= minStates, "states.values",
		"got %s, expected %d to %d", plural(len(values), "state"), minStates, maxStates)
	for i, v := range values {
		field := fmt.Sprintf("states.values[%d]", i)
		found.check(v != "" && len(v) <= maxStateBytes && utf8.ValidString(v), field,
			"state %s is not valid: expected UTF-8 text of 1 to %d bytes", excerpt.Quote(v), maxStateBytes)
		found.check(!slices.Contains(values[:i], v), field, "state %s is duplicated", excerpt.Quote(v))
	}
	hinted := false // searching for a hint is slow
	for i, l := range r.Labels {
		if !r.shows(l) {
			continue
		}
		for j, by := range l.Replace {
			if !strings.Contains(by.With, "$") && !slices.Contains(values, by.With) {
				hint := ""
				if !hinted {
					hint, hinted = spelling.Hint(by.With, values), true
				}
				found.add(fmt.Sprintf("labels[%d].replace[%d].with", i, j), "%s is not one of the states%s", excerpt.Quote(by.With), hint)
			}
		}
	}
}

// meantType returns the rule's type. If the type is not valid, meantType returns the
// type that was probably meant: the one with a similar name, or the one to which the
// operation belongs. If neither exists, it returns the empty string.
func (r Rule) meantType() Type {
	types := []Type{Counter, Gauge, Histogram}
	if slices.Contains(types, r.Type) {
		return r.Type
	}
	if near := spelling.Nearest(string(r.Type), []string{string(Counter), string(Gauge), string(Histogram)}); near != "" {
		return Type(near)
	}
	for _, t := range types {
		if slices.Contains(operations[t], r.Operation) {
			return t
		}
	}
	return ""
}

// validate returns the errors of the label.
func (l Label) validate() (found fieldErrors) {
	found.check(names.IsLabel(l.Name), "name",
		"label %q is not a label name: %s", l.Name, names.ExpectedLabel)
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
		"exemplar label %q is not a label name: %s", l.Name, names.ExpectedLabel)
	found.check(l.Attribute != "", "attribute", "exemplar label %q has no attribute", l.Name)
	return found
}
