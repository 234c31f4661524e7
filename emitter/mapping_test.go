package emitter

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

func compileRules(rules ...Rule) error {
	source := ruleSource{base: rulebook{rules: rules}, namespace: "ci"}
	_, err := source.compile(mappingRead{rulebook: source.base}, series.NewStore(series.Options{}), nil)
	return err
}

func TestTheCatalogCompiles(t *testing.T) {
	c := compiler{namespace: "concourse", store: series.NewStore(series.Options{})}
	m, wrong := c.compile(Catalog(), SilentEvents())
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for _, event := range SilentEvents() {
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

// TestTheCatalogIsWhatDashboardsDependOn compares the catalog with a list of what
// was promised: events, names, types, labels, operations, buckets, owners.
func TestTheCatalogIsWhatDashboardsDependOn(t *testing.T) {
	promised, err := os.ReadFile("testdata/catalog.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, r := range Catalog() {
		rules = append(rules, strings.TrimRight(fmt.Sprintln(r.Event, "|", r.Metric, "|", r.Type, "|", labelsOf(r), "|", conditionsOf(r), "|", r.Operation, r.Divide, "|", r.Buckets, "|", r.Worker, r.IdleTTL), "\n"))
	}
	slices.Sort(rules)
	if got := strings.Join(rules, "\n") + "\n"; got != string(promised) {
		t.Errorf("the catalog is now\n%s", got)
	}
}

func labelsOf(r Rule) (labels []string) {
	for _, l := range r.Labels {
		labels = append(labels, strings.TrimSuffix(l.Name+"="+l.Attribute+":"+string(l.Required), ":"))
	}
	return labels
}

func conditionsOf(r Rule) string {
	if r.When != nil {
		return fmt.Sprint(r.When.Attribute, "=", r.When.Value, " ", r.Needs)
	}
	return fmt.Sprint(r.Needs)
}

func TestTheCatalogReadsWell(t *testing.T) {
	for _, r := range Catalog() {
		if !strings.HasSuffix(r.Help, ".") || len(r.Help) < 10 {
			t.Errorf("%s: help %q is no sentence", r.Metric, r.Help)
		}
		names := make([]string, len(r.Labels))
		for i, l := range r.Labels {
			names[i] = l.Name
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: labels %v are not sorted", r.Metric, names)
		}
	}
}

func TestABadRuleIsRefusedWithItsReason(t *testing.T) {
	good := Rule{Event: "e", Metric: "m", Type: Gauge, Operation: Set, Labels: []Label{{Name: "a", Attribute: "b"}}}
	if err := compileRules(good); err != nil {
		t.Fatal(err)
	}
	exemplar := func(labels ...ExemplarLabel) func(*Rule) {
		return func(r *Rule) {
			r.Type, r.Operation, r.Buckets, r.Exemplar = Histogram, Observe, []float64{1}, labels
		}
	}
	for want, change := range map[string]func(*Rule){
		"event is empty":                   func(r *Rule) { r.Event = "" },
		`metric "1m" is not a metric name`: func(r *Rule) { r.Metric = "1m" },
		`metric "" is not a metric name`:   func(r *Rule) { r.Metric = "" },
		`type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`: func(r *Rule) { r.Type = "countr" },
		`native_histogram goes with histograms, not with a gauge`:                        func(r *Rule) { r.NativeHistogram = true },
		`type "meter" is not one of`:                                                     func(r *Rule) { r.Type = "meter" },
		`operation "add" does not go with a g`:                                           func(r *Rule) { r.Operation = Add },
		"divide is -1":                                                                   func(r *Rule) { r.Divide = -1 },
		"divide is NaN":                                                                  func(r *Rule) { r.Divide = math.NaN() },
		"buckets go with histograms, not with a gauge":                                   func(r *Rule) { r.Buckets = []float64{1} },
		"a histogram needs buckets":                                                      func(r *Rule) { r.Type, r.Operation = Histogram, Observe },
		"not finite and ascending": func(r *Rule) {
			r.Type, r.Operation, r.Buckets = Histogram, Observe, []float64{1, 1}
		},
		`label "le" is the histogram's own`: func(r *Rule) {
			r.Type, r.Operation, r.Buckets, r.Labels = Histogram, Observe, []float64{1}, []Label{{Name: "le", Attribute: "x"}}
		},
		`worker "mine" is not one of`:     func(r *Rule) { r.Worker = "mine" },
		"idle_ttl -1s is negative":        func(r *Rule) { r.IdleTTL = -time.Second },
		"idle_ttl 1ns is under":           func(r *Rule) { r.IdleTTL = 1 },
		"idle_ttl wants labels":           func(r *Rule) { r.IdleTTL, r.Labels = time.Hour, nil },
		`a label with the attribute "wo`:  func(r *Rule) { r.Worker = Owned },
		`divide does not go with the ope`: func(r *Rule) { r.Operation, r.Divide = Hold, 1000 },
		`label "a-b" is not a label name`: func(r *Rule) { r.Labels = []Label{{Name: "a-b", Attribute: "x"}} },
		`label "__a" is not a label name`: func(r *Rule) { r.Labels = []Label{{Name: "__a", Attribute: "x"}} },
		`label "a" is there twice`: func(r *Rule) {
			r.Labels = []Label{{Name: "a", Attribute: "x"}, {Name: "a", Attribute: "y"}}
		},
		`label "a" has no attribute`:      func(r *Rule) { r.Labels = []Label{{Name: "a"}} },
		`required "maybe" is not one of`:  func(r *Rule) { r.Labels = []Label{{Name: "a", Attribute: "x", Required: "maybe"}} },
		"native_histogram goes with hist": func(r *Rule) { r.NativeHistogram = true },
		"exemplar goes with histograms":   func(r *Rule) { r.Exemplar = []ExemplarLabel{{Name: "a", Attribute: "x"}} },
		`exemplar label "a-b" is not a l`: exemplar(ExemplarLabel{Name: "a-b", Attribute: "x"}),
		`exemplar label "a" is there twi`: exemplar(ExemplarLabel{Name: "a", Attribute: "x"}, ExemplarLabel{Name: "a", Attribute: "y"}),
		`exemplar label "a" has no attri`: exemplar(ExemplarLabel{Name: "a"}),
		"have 128 characters; wi":         exemplar(ExemplarLabel{Name: strings.Repeat("a", 128), Attribute: "x"}),
		"when has no attribute":           func(r *Rule) { r.When = &Condition{} },
		"more than 16 attributes": func(r *Rule) {
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

func TestWhatACallerChangesInTheCatalogStaysWithTheCaller(t *testing.T) {
	for _, naming := range []Naming{Inherited, Modern} {
		before := cloned(CatalogNamed(naming))
		for _, r := range CatalogNamed(naming) {
			for i := range r.Labels {
				r.Labels[i].Name = "changed"
			}
			for i := range r.Needs {
				r.Needs[i] = "changed"
			}
			for i := range r.Buckets {
				r.Buckets[i] = -1
			}
			for i := range r.Exemplar {
				r.Exemplar[i].Name = "changed"
			}
			if r.When != nil {
				r.When.Value = "changed"
			}
		}
		for i, r := range CatalogNamed(naming) {
			if !reflect.DeepEqual(r, before[i]) {
				t.Errorf("%s: rule %d is now %+v, want %+v", naming, i, r, before[i])
			}
		}
	}
}

func TestTheMappingOfNamesThatCannotBeIsRefused(t *testing.T) {
	for want, config := range map[string]PrometheusConfig{
		`--prometheus-naming is "moderm", want inherited or modern`: {Naming: "moderm"},
		`--prometheus-namespace is "a-b", want letters`:             {Namespace: "a-b"},
	} {
		if _, err := config.CheckMapping(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWhatIsShortenedIsCutBetweenCharacters(t *testing.T) {
	if got, want := shortened("a"+strings.Repeat("ü", 40)), `"a`+strings.Repeat("ü", 31)+`"…`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRulesThatShareAMetricMustAgree(t *testing.T) {
	a := Rule{Event: "a", Metric: "m", Type: Counter, Operation: Add, Labels: []Label{{Name: "x", Attribute: "y"}}}
	b := a
	b.Event, b.Operation, b.Labels = "b", Inc, []Label{{Name: "x", Attribute: "z", Required: Present}}
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
	a := Rule{Event: "a", Metric: "m", Type: Histogram, Operation: Observe, Buckets: []float64{1}, Exemplar: []ExemplarLabel{{Name: "x", Attribute: "y"}}}
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
	rules := make([]Rule, maxUpdates)
	for i := range rules {
		rules[i] = Rule{Event: "e", Metric: fmt.Sprint("m", i), Type: Gauge, Operation: Set}
	}
	if err := compileRules(rules...); err != nil {
		t.Fatal(err)
	}
	rules = append(rules, Rule{Event: "e", Metric: "m", Type: Gauge, Operation: Set})
	if err := compileRules(rules...); err == nil || !strings.Contains(err.Error(), `more than 255 rules for event "e"`) {
		t.Errorf("got %v", err)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	err := compileRules(Rule{Event: "a"}, Rule{Metric: "m"})
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
