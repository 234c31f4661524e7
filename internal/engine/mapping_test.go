package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/series"
)

func compileRules(rules ...rule.Rule) error {
	m := mapping.Mapping{Rules: rules}
	_, err := compile("ci", m, series.NewStore(series.Options{}), nil)
	return err
}

func TestTheCatalogCompiles(t *testing.T) {
	rules := mapping.Mapping{Rules: catalog.Rules(catalog.Inherited), SilentEvents: catalog.SilentEvents()}
	m, err := compile("concourse", rules, series.NewStore(series.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range catalog.SilentEvents() {
		if p := m.plans[event]; p == nil || len(p.updates) != 0 {
			t.Errorf("%q is not known and silent", event)
		}
	}
	for _, p := range m.plans {
		if len(p.attributes) > maxAttributes/2 {
			t.Errorf("the rules for %q look at %d attributes, which leaves no room", p.event, len(p.attributes))
		}
	}
}

func TestABadRuleIsRefusedWithItsReason(t *testing.T) {
	good := rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set, Labels: []rule.Label{{Name: "a", Attribute: "b"}}}
	if err := compileRules(good); err != nil {
		t.Fatal(err)
	}
	exemplar := func(labels ...rule.ExemplarLabel) func(*rule.Rule) {
		return func(r *rule.Rule) {
			r.Type, r.Operation, r.Buckets, r.Exemplar = rule.Histogram, rule.Observe, []float64{1}, labels
		}
	}
	for want, change := range map[string]func(*rule.Rule){
		"event is empty":                   func(r *rule.Rule) { r.Event = "" },
		`metric "1m" is not a metric name`: func(r *rule.Rule) { r.Metric = "1m" },
		`metric "" is not a metric name`:   func(r *rule.Rule) { r.Metric = "" },
		`type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`: func(r *rule.Rule) { r.Type = "countr" },
		`native_histogram goes with histograms, not with a gauge`:                        func(r *rule.Rule) { r.NativeHistogram = true },
		`type "meter" is not one of`:                                                     func(r *rule.Rule) { r.Type = "meter" },
		`operation "add" does not go with a g`:                                           func(r *rule.Rule) { r.Operation = rule.Add },
		"divide is -1":                                                                   func(r *rule.Rule) { r.Divide = -1 },
		"divide is NaN":                                                                  func(r *rule.Rule) { r.Divide = math.NaN() },
		"buckets go with histograms, not with a gauge":                                   func(r *rule.Rule) { r.Buckets = []float64{1} },
		"a histogram needs buckets":                                                      func(r *rule.Rule) { r.Type, r.Operation = rule.Histogram, rule.Observe },
		"not finite and ascending": func(r *rule.Rule) {
			r.Type, r.Operation, r.Buckets = rule.Histogram, rule.Observe, []float64{1, 1}
		},
		`label "le" is the histogram's own`: func(r *rule.Rule) {
			r.Type, r.Operation, r.Buckets, r.Labels = rule.Histogram, rule.Observe, []float64{1}, []rule.Label{{Name: "le", Attribute: "x"}}
		},
		`worker "mine" is not one of`:     func(r *rule.Rule) { r.Worker = "mine" },
		"idle_ttl -1s is negative":        func(r *rule.Rule) { r.IdleTTL = -time.Second },
		"idle_ttl 1ns is under":           func(r *rule.Rule) { r.IdleTTL = 1 },
		"idle_ttl wants labels":           func(r *rule.Rule) { r.IdleTTL, r.Labels = time.Hour, nil },
		`a label with the attribute "wo`:  func(r *rule.Rule) { r.Worker = rule.Owned },
		`divide does not go with the ope`: func(r *rule.Rule) { r.Operation, r.Divide = rule.Hold, 1000 },
		`label "a-b" is not a label name`: func(r *rule.Rule) { r.Labels = []rule.Label{{Name: "a-b", Attribute: "x"}} },
		`label "__a" is not a label name`: func(r *rule.Rule) { r.Labels = []rule.Label{{Name: "__a", Attribute: "x"}} },
		`label "a" is duplicated`: func(r *rule.Rule) {
			r.Labels = []rule.Label{{Name: "a", Attribute: "x"}, {Name: "a", Attribute: "y"}}
		},
		`label "a" has no attribute`:       func(r *rule.Rule) { r.Labels = []rule.Label{{Name: "a"}} },
		`required "maybe" is not one of`:   func(r *rule.Rule) { r.Labels = []rule.Label{{Name: "a", Attribute: "x", Required: "maybe"}} },
		"native_histogram goes with hist":  func(r *rule.Rule) { r.NativeHistogram = true },
		"exemplar goes with histograms":    func(r *rule.Rule) { r.Exemplar = []rule.ExemplarLabel{{Name: "a", Attribute: "x"}} },
		`exemplar label "a-b" is not a l`:  exemplar(rule.ExemplarLabel{Name: "a-b", Attribute: "x"}),
		`exemplar label "a" is duplicated`: exemplar(rule.ExemplarLabel{Name: "a", Attribute: "x"}, rule.ExemplarLabel{Name: "a", Attribute: "y"}),
		`exemplar label "a" has no attri`:  exemplar(rule.ExemplarLabel{Name: "a"}),
		"have 128 characters; wi":          exemplar(rule.ExemplarLabel{Name: strings.Repeat("a", 128), Attribute: "x"}),
		"when has no attribute":            func(r *rule.Rule) { r.When = &rule.Condition{} },
		"more than 16 attributes": func(r *rule.Rule) {
			r.Needs = strings.Split("abcdefghijklmnopqr", "")
		},
	} {
		bad := good
		change(&bad)
		if err := compileRules(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v\n got error %v\nwant one with %q", bad, err, want)
		}
	}
}

func TestRulesThatShareAMetricMustAgree(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Counter, Operation: rule.Add, Labels: []rule.Label{{Name: "x", Attribute: "y"}}}
	b := a
	b.Event, b.Operation, b.Labels = "b", rule.Inc, []rule.Label{{Name: "x", Attribute: "z", Required: rule.Present}}
	if err := compileRules(a, b); err != nil {
		t.Errorf("rules that agree on the family: %v", err)
	}
	b.Help = "Something else."
	err := compileRules(a, b)
	if err == nil || !strings.Contains(err.Error(), `metric "m" is defined differently by the rule for event "a"`) {
		t.Errorf("got %v", err)
	}
}

func TestRulesThatShareAHistogramMustAgreeOnNativeBucketsButNotOnExemplars(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Histogram, Operation: rule.Observe, Buckets: []float64{1}, Exemplar: []rule.ExemplarLabel{{Name: "x", Attribute: "y"}}}
	b := a
	b.Event, b.Exemplar = "b", nil
	if err := compileRules(a, b); err != nil {
		t.Errorf("rules that agree on the family: %v", err)
	}
	b.NativeHistogram = true
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), "native_histogram is true, want false") {
		t.Errorf("got %v", err)
	}
}

func TestAnEventDrivesSoManyMetricsAndNoMore(t *testing.T) {
	rules := make([]rule.Rule, maxUpdates)
	for i := range rules {
		rules[i] = rule.Rule{Event: "e", Metric: fmt.Sprint("m", i), Type: rule.Gauge, Operation: rule.Set}
	}
	if err := compileRules(rules...); err != nil {
		t.Fatal(err)
	}
	rules = append(rules, rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set})
	if err := compileRules(rules...); err == nil || !strings.Contains(err.Error(), `more than 255 rules for event "e"`) {
		t.Errorf("got %v", err)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	err := compileRules(rule.Rule{Event: "a"}, rule.Rule{Metric: "m"})
	for _, want := range []string{
		`rule for event "a", metric "": metric "" is not a metric name`,
		`rule for event "a", metric "": type is missing: want counter, gauge or histogram`,
		`rule for event "", metric "m": event is empty`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant one with %s", err, want)
		}
	}
}
