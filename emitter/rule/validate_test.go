package rule_test

import (
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
	exemplar := func(labels ...rule.ExemplarLabel) func(*rule.Rule) {
		return func(r *rule.Rule) { r.Exemplar = labels }
	}
	for _, c := range []struct {
		typ           rule.Type
		change        func(*rule.Rule)
		field, reason string // reason is a substring of the error's Reason
	}{
		{rule.Gauge, func(r *rule.Rule) { r.Event = "" }, "event", "event is empty"},
		{rule.Gauge, func(r *rule.Rule) { r.Metric = "1m" }, "metric", `metric "1m" is not a metric name`},
		{rule.Gauge, func(r *rule.Rule) { r.Metric = "" }, "metric", `metric "" is not a metric name`},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "" }, "type", "type is missing: expected counter, gauge or histogram"},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "countr" }, "type", `type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`},
		{rule.Gauge, func(r *rule.Rule) { r.Type = "meter" }, "type", `type "meter" is not one of`},
		{rule.Gauge, func(r *rule.Rule) { r.Operation = "" }, "operation", "operation is missing: expected set or hold"},
		{rule.Gauge, func(r *rule.Rule) { r.Operation = rule.Add }, "operation", `operation "add" is not valid for a gauge: expected set or hold`},
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

func TestCloneSharesNoMemory(t *testing.T) {
	original := validRule(rule.Histogram)
	original.Labels[0].Replace = []rule.Replacement{{Match: "a"}}
	original.Needs, original.When = []string{"a"}, &rule.Condition{Attribute: "a"}
	original.Exemplar = []rule.ExemplarLabel{{Name: "a", Attribute: "a"}}
	clone := original.Clone()
	clone.Labels[0].Name, clone.Labels[0].Replace[0].Match = "changed", "changed"
	clone.Needs[0], clone.When.Attribute, clone.Buckets[0], clone.Exemplar[0].Name = "changed", "changed", 2, "changed"
	if original.Labels[0].Name != "a" || original.Labels[0].Replace[0].Match != "a" || original.Needs[0] != "a" ||
		original.When.Attribute != "a" || original.Buckets[0] != 1 || original.Exemplar[0].Name != "a" {
		t.Errorf("changing the clone changed the original to %+v", original)
	}
}
