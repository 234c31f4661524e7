package rule_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// validRule returns a valid rule for a gauge or a histogram.
func validRule(t rule.Type) rule.Rule {
	r := rule.Rule{Event: "e", Metric: "m", Type: t, Operation: rule.Set, Labels: []rule.Label{{Name: "a", Attribute: "b"}}}
	if t == rule.Histogram {
		r.Operation, r.Buckets = rule.Observe, []float64{1}
	}
	return r
}

func TestValidate(t *testing.T) {
	for _, valid := range []rule.Rule{validRule(rule.Gauge), validRule(rule.Histogram)} {
		if found := valid.Validate(); found != nil {
			t.Errorf("%+v: got %v", valid, found)
		}
	}

	labels := func(labels ...rule.Label) func(*rule.Rule) {
		return func(r *rule.Rule) { r.Labels = labels }
	}
	replace := func(match, with string) func(*rule.Rule) {
		return labels(rule.Label{Name: "a", Attribute: "b", Replace: []rule.Replacement{{Match: match, With: with}}})
	}
	values := func(attribute string, values ...string) func(*rule.Rule) {
		return func(r *rule.Rule) { r.Values = map[string][]string{attribute: values} }
	}
	exemplar := func(labels ...rule.ExemplarLabel) func(*rule.Rule) {
		return func(r *rule.Rule) { r.Exemplar = labels }
	}
	state := func(label string, values ...string) func(*rule.Rule) {
		return func(r *rule.Rule) {
			r.Operation, r.States = rule.State, &rule.States{Label: label, Values: values}
		}
	}
	stateWith := func(with string) func(*rule.Rule) {
		return func(r *rule.Rule) {
			state("a", "failed", "running")(r)
			replace("x", with)(r)
		}
	}
	valid := validRule(rule.Gauge)
	state("a", "running", "failed")(&valid)
	for _, with := range []string{"failed", "$$", "${0}x"} {
		valid.Labels[0].Replace = []rule.Replacement{{Match: "x", With: with}}
		if found := valid.Validate(); found != nil {
			t.Errorf("%+v: got %v", valid, found)
		}
	}
	for _, c := range []struct {
		typ           rule.Type
		change        func(*rule.Rule)
		field, reason string // reason is a substring of the error's Reason
	}{
		{rule.Gauge, func(r *rule.Rule) { r.Event = "" }, "event", "event is missing"},
		{rule.Gauge, func(r *rule.Rule) { r.Metric = "1m" }, "metric", `metric "1m" is not a metric name`},
		{rule.Gauge, func(r *rule.Rule) { r.Metric = "" }, "metric", `metric is missing`},
		{rule.Gauge, func(r *rule.Rule) { r.Namespace = "a-b" }, "namespace", `namespace "a-b" is not valid: expected letters, digits and _`},
		{rule.Gauge, func(r *rule.Rule) { r.Namespace = "a:b" }, "namespace", `namespace "a:b" is not valid`},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "" }, "type", "type is missing: expected counter, gauge or histogram"},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "countr" }, "type", `type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "meter" }, "type", `type "meter" is not one of`},
		{rule.Gauge, func(r *rule.Rule) { r.Operation = "" }, "operation", "operation is missing: expected set, hold or state"},
		{rule.Gauge, func(r *rule.Rule) { r.Operation = rule.Add }, "operation", `operation "add" is not valid for a gauge: expected set, hold or state`},
		{rule.Gauge, func(r *rule.Rule) { r.NativeHistogram = true }, "native_histogram", "native_histogram is not valid for a gauge: expected a histogram"},
		{rule.Gauge, func(r *rule.Rule) { r.Divide = -1 }, "divide", "divide is -1"},
		{rule.Gauge, func(r *rule.Rule) { r.Divide = math.NaN() }, "divide", "divide is NaN"},
		{rule.Gauge, func(r *rule.Rule) { r.Operation, r.Divide = rule.Hold, 1000 }, "divide", `divide is not valid for the operation "hold"`},
		{rule.Gauge, func(r *rule.Rule) { r.Buckets = []float64{1} }, "buckets", "buckets are not valid for a gauge: expected a histogram"},
		{rule.Histogram, func(r *rule.Rule) { r.Buckets = nil }, "buckets", "a histogram needs buckets"},
		{rule.Histogram, func(r *rule.Rule) { r.Buckets = []float64{-1, 1} }, "buckets", "begin below 0"},
		{rule.Histogram, func(r *rule.Rule) { r.Buckets = []float64{1, 1} }, "buckets", "expected finite numbers in ascending order"},
		{rule.Histogram, func(r *rule.Rule) { r.Buckets = []float64{1, math.Inf(1)} }, "buckets", "expected finite numbers in ascending order"},
		{rule.Histogram, labels(rule.Label{Name: "le", Attribute: "x"}), "labels[0].name", `label "le" is reserved`},
		{rule.Gauge, func(r *rule.Rule) { r.Worker = "mine" }, "worker", `worker "mine" is not one of owned, heartbeat`},
		{rule.Gauge, func(r *rule.Rule) { r.Worker = rule.Owned }, "worker", `a label with the attribute "worker"`},
		{rule.Gauge, func(r *rule.Rule) { r.IdleTTL = -time.Second }, "idle_ttl", "got idle_ttl -1s, expected a positive duration"},
		{rule.Gauge, func(r *rule.Rule) { r.IdleTTL = 1 }, "idle_ttl", "got idle_ttl 1ns, expected at least a millisecond"},
		{rule.Gauge, func(r *rule.Rule) { r.IdleTTL, r.Labels = time.Hour, nil }, "idle_ttl", "idle_ttl requires labels"},
		{rule.Gauge, func(r *rule.Rule) { r.When = &rule.Condition{} }, "when", "when has no attribute"},

		{rule.Gauge, values("", "x"), "values", "values has an attribute without a name"},
		{rule.Gauge, values("s"), "values", `attribute "s" has no values`},
		{rule.Gauge, values("s", "x", "y", "x"), "values", `attribute "s": value "x" is duplicated`},
		{rule.Gauge, func(r *rule.Rule) {
			r.When, r.Values = &rule.Condition{Attribute: "s", Value: "faild"}, map[string][]string{"s": {"failed", "ok"}}
		}, "values", `when requires the value "faild" of attribute "s", which is not one of its values failed, ok: did you mean "failed"?`},
		{rule.Gauge, func(r *rule.Rule) { r.Unit = "a\nb" }, "unit", `got unit "a\nb", expected a text`},
		{rule.Gauge, func(r *rule.Rule) { r.Unit = strings.Repeat("s", 101) }, "unit", "expected a text of at most 100 bytes"},

		{rule.Gauge, func(r *rule.Rule) { r.Operation = rule.State }, "states", "the operation state needs states"},
		{rule.Gauge, func(r *rule.Rule) { state("a", "x", "y")(r); r.Operation = rule.Set }, "states", `states are not valid for the operation "set": expected the operation state`},
		{rule.Histogram, state("a", "x", "y"), "operation", `operation "state" is not valid for a histogram: expected observe`},
		{rule.Gauge, func(r *rule.Rule) { state("a", "x", "y")(r); r.Divide = 2 }, "divide", `divide is not valid for the operation "state"`},
		{rule.Gauge, state("", "x", "y"), "states.label", "states have no label"},
		{rule.Gauge, state("A", "x", "y"), "states.label", `the label "A" shows the state, but no label of the rule has that name`},
		{rule.Gauge, func(r *rule.Rule) { state("statsu", "x", "y")(r); r.Labels[0].Name = "status" }, "states.label", `has that name: did you mean "status"?`},
		{rule.Gauge, state("a"), "states.values", "got 0 states, expected 2 to 100"},
		{rule.Gauge, state("a", "x"), "states.values", "got 1 state, expected 2 to 100"},
		{rule.Gauge, state("a", make([]string, 101)...), "states.values", "got 101 states"},
		{rule.Gauge, state("a", "x", ""), "states.values[1]", `state "" is not valid: expected UTF-8 text of 1 to 200 bytes`},
		{rule.Gauge, state("a", "x", "\xff"), "states.values[1]", `state "\xff" is not valid`},
		{rule.Gauge, state("a", "x", strings.Repeat("y", 201)), "states.values[1]", "expected UTF-8 text of 1 to 200 bytes"},
		{rule.Gauge, state("a", "x", "y", "x"), "states.values[2]", `state "x" is duplicated`},
		{rule.Gauge, stateWith("faild"), "labels[0].replace[0].with", `"faild" is not one of the states: did you mean "failed"?`},
		{rule.Gauge, stateWith(""), "labels[0].replace[0].with", `"" is not one of the states`},
		{rule.Gauge, func(r *rule.Rule) {
			state("a", "x", "y")(r)
			r.Worker, r.Labels[0].Attribute = rule.Owned, rule.WorkerAttribute
		}, "worker", `a label with the attribute "worker"`},

		{rule.Gauge, labels(rule.Label{Name: "a-b", Attribute: "x"}), "labels[0].name", `label "a-b" is not a label name`},
		{rule.Gauge, labels(rule.Label{Name: "__a", Attribute: "x"}), "labels[0].name", `label "__a" is not a label name`},
		{rule.Gauge, labels(rule.Label{Name: "a", Attribute: "x"}, rule.Label{Name: "a", Attribute: "y"}), "labels[1].name", `label "a" is duplicated`},
		{rule.Gauge, func(r *rule.Rule) {
			r.Worker, r.Labels = rule.Owned, []rule.Label{{Name: "worker", Attribute: "worker", Truncate: true}}
		}, "worker", `worker requires a label with the attribute "worker", without replace and truncate`},
		{rule.Gauge, labels(rule.Label{Name: "a"}), "labels[0].attribute", `label "a" has no attribute`},
		{rule.Gauge, labels(rule.Label{Name: "a", Attribute: "x", Required: "presnt"}), "labels[0].required",
			`label "a": required "presnt" is not one of present, non-empty: did you mean "present"?`},
		{rule.Gauge, replace("a(", ""), "labels[0].replace[0].match", `"a(" is not a regular expression (RE2): missing closing )`},
		{rule.Gauge, replace("(a)", "$2"), "labels[0].replace[0].with", `"$2" refers to $2, but match has 1 group`},
		{rule.Gauge, replace("(a)", "$1s"), "labels[0].replace[0].with", "did you mean ${1}s?"},
		{rule.Gauge, replace("(a)", "US$"), "labels[0].replace[0].with", `"US$" has a $ that refers to no group`},

		{rule.Gauge, exemplar(rule.ExemplarLabel{Name: "a", Attribute: "x"}), "exemplar", "exemplar is not valid for a gauge: expected a histogram"},
		{rule.Histogram, exemplar(rule.ExemplarLabel{Name: "a-b", Attribute: "x"}), "exemplar[0].name", `exemplar label "a-b" is not a label name`},
		{rule.Histogram, exemplar(rule.ExemplarLabel{Name: "a", Attribute: "x"}, rule.ExemplarLabel{Name: "a", Attribute: "y"}), "exemplar[1].name",
			`exemplar label "a" is duplicated`},
		{rule.Histogram, exemplar(rule.ExemplarLabel{Name: "a"}), "exemplar[0].attribute", `exemplar label "a" has no attribute`},
		{rule.Histogram, exemplar(rule.ExemplarLabel{Name: strings.Repeat("a", 128), Attribute: "x"}), "exemplar", "have 128 characters"},
	} {
		r := validRule(c.typ)
		c.change(&r)
		found := r.Validate()
		if len(found) == 0 || found[0].Field != c.field || !strings.Contains(found[0].Reason, c.reason) {
			t.Errorf("%+v\n got      %+v\n expected {Field:%s Reason:…%s…}", r, found, c.field, c.reason)
		}
	}
}

func TestFieldsAreCheckedForTheTypeThatWasProbablyMeant(t *testing.T) {
	for _, c := range []struct {
		typ       rule.Type
		operation rule.Operation
		expected  string // fields of the errors
	}{
		{"histgram", rule.Observe, "type buckets"},
		{"", rule.Observe, "type buckets"},
		{"histgram", rule.Inc, "type operation buckets"},
		{"meter", rule.Inc, "type"},
		{"meter", "", "type operation"},
		{"meter", "icn", "type operation"},
		{"gage", rule.Set, "type"},
		{"gage", rule.Observe, "type operation"},
		{rule.Histogram, "observ", "operation buckets"},
	} {
		r := validRule(rule.Gauge)
		r.Type, r.Operation = c.typ, c.operation
		var fields []string
		for _, e := range r.Validate() {
			fields = append(fields, e.Field)
		}
		if got := strings.Join(fields, " "); got != c.expected {
			t.Errorf("type %q, operation %q: got errors in %s, expected %s", c.typ, c.operation, got, c.expected)
		}
	}
}

func TestCloneSharesNoMemory(t *testing.T) {
	original := validRule(rule.Histogram)
	original.Labels[0].Replace = []rule.Replacement{{Match: "a"}}
	original.Needs, original.When = []string{"a"}, &rule.Condition{Attribute: "a"}
	original.Exemplar = []rule.ExemplarLabel{{Name: "a", Attribute: "a"}}
	original.States = &rule.States{Label: "a", Values: []string{"a"}}
	clone := original.Clone()
	clone.Labels[0].Name, clone.Labels[0].Replace[0].Match = "changed", "changed"
	clone.States.Label, clone.States.Values[0] = "changed", "changed"
	clone.Needs[0], clone.When.Attribute, clone.Buckets[0], clone.Exemplar[0].Name = "changed", "changed", 2, "changed"
	if original.Labels[0].Name != "a" || original.Labels[0].Replace[0].Match != "a" || original.Needs[0] != "a" ||
		original.States.Label != "a" || original.States.Values[0] != "a" || original.When.Attribute != "a" || original.Buckets[0] != 1 || original.Exemplar[0].Name != "a" {
		t.Errorf("changing the clone changed the original to %+v", original)
	}
}

// TestTooLargeRules checks that a rule with too many parts is rejected before its parts
// are compared, with a single error.
func TestTooLargeRules(t *testing.T) {
	numbered := func(n int) (texts []string) {
		for i := range n {
			texts = append(texts, fmt.Sprint("x", i%(n-1))) // the last is a duplicate
		}
		return texts
	}
	lists := func(attributes, values int) map[string][]string {
		lists := map[string][]string{}
		for i := range attributes {
			lists[fmt.Sprint("a", i)] = numbered(values)
		}
		return lists
	}
	for _, c := range []struct {
		change func(*rule.Rule)
		want   rule.FieldError
	}{
		{func(r *rule.Rule) { r.Labels = make([]rule.Label, 65) }, rule.FieldError{Field: "labels", Reason: "got 65 labels, expected at most 64"}},
		{func(r *rule.Rule) { r.Exemplar = make([]rule.ExemplarLabel, 65) }, rule.FieldError{Field: "exemplar", Reason: "got 65 exemplar labels, expected at most 64"}},
		{func(r *rule.Rule) { r.Needs = numbered(65) }, rule.FieldError{Field: "needs", Reason: "got 65 attributes, expected at most 64"}},
		{func(r *rule.Rule) { r.Values = lists(65, 2) }, rule.FieldError{Field: "values", Reason: "got 65 attributes, expected at most 64"}},
		{func(r *rule.Rule) { r.Values = lists(1, 1001) }, rule.FieldError{Field: "values", Reason: "got 1001 values in all lists together, expected at most 1000"}},
		{func(r *rule.Rule) { r.Values = lists(2, 501) }, rule.FieldError{Field: "values", Reason: "got 1002 values in all lists together, expected at most 1000"}},
		{func(r *rule.Rule) { r.Buckets = make([]float64, 1001) }, rule.FieldError{Field: "buckets", Reason: "got 1001 buckets, expected at most 1000"}},
		{func(r *rule.Rule) { r.Labels[0].Replace = make([]rule.Replacement, 1001) }, rule.FieldError{Field: "labels[0].replace", Reason: "got 1001 replacements, expected at most 1000"}},
		{func(r *rule.Rule) { r.States = &rule.States{Values: numbered(101)} }, rule.FieldError{Field: "states.values", Reason: "got 101 states, expected 2 to 100"}},
	} {
		r := validRule(rule.Gauge)
		c.change(&r)
		if found := r.Validate(); len(found) != 1 || found[0] != c.want {
			t.Errorf("got %v, expected only %v", found, c.want)
		}
	}
}
