package engine

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// compileFile compiles a mapping file on top of built-in rules. The store has a
// constant label and the families about Signalbox itself.
func compileFile(builtin []rule.Rule, content string) (mapping.Mapping, compiledMapping, error) {
	m := mapping.Source{File: "m.yml", Rules: builtin, SilentEvents: catalog.SilentEvents(), Namespace: "ci"}.Parse([]byte(content))
	store := series.NewStore(series.Options{Constants: []series.Label{{Name: "zone", Value: "b"}}})
	if _, err := addReservedFamilies(store, Options{Source: mapping.Source{Namespace: "ci"}}, new(traffic.Tallies)); err != nil {
		panic(err)
	}
	c, err := compile("ci", m, store, nil)
	return m, c, err
}

func compileRules(rules ...rule.Rule) error {
	m := mapping.Mapping{Rules: rules}
	_, err := compile("ci", m, series.NewStore(series.Options{}), nil)
	return err
}

func TestCatalogCompiles(t *testing.T) {
	rules := mapping.Mapping{Rules: catalog.Rules(catalog.Inherited, catalog.All()...), SilentEvents: catalog.SilentEvents(catalog.All()...)}
	m, err := compile("concourse", rules, series.NewStore(series.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range catalog.SilentEvents(catalog.All()...) {
		if p := m.plans[event]; p == nil || len(p.updates) != 0 {
			t.Errorf("event %q is unknown or has updates", event)
		}
	}
	for _, p := range m.plans {
		if len(p.attributes) > maxAttributes/2 {
			t.Errorf("the rules for %q use %d attributes, expected at most half of the limit: the rest is for rules of operators", p.event, len(p.attributes))
		}
	}
}

func TestLimitOfListsOfValuesPerEvent(t *testing.T) {
	var rules []rule.Rule
	for i := range maxClosed + 1 {
		rules = append(rules, rule.Rule{
			Event: "e", Metric: fmt.Sprint("m", i), Type: rule.Gauge, Operation: rule.Set,
			Values: map[string][]string{"a": {fmt.Sprint(i)}},
		})
	}
	if err := compileRules(rules[:maxClosed]...); err != nil {
		t.Fatal(err)
	}
	if err := compileRules(rules...); err == nil || !strings.Contains(err.Error(), "too many different lists of values, expected at most 32") {
		t.Errorf("got %v", err)
	}
}

// TestRulesBeyondTheLimitAddNothing checks that the time to compile the rules for an
// event is linear: after a rule exceeds the limit, others are not compared with it.
func TestRulesBeyondTheLimitAddNothing(t *testing.T) {
	p := &plan{worker: -1}
	for i := range 1000 {
		r := rule.Rule{Operation: rule.Set}
		for k := range 20 {
			r.Needs = append(r.Needs, fmt.Sprint(i, k))
		}
		if err := p.add(r, nil, nil); err == nil || !strings.Contains(err.Error(), "too many attributes") {
			t.Fatalf("got %v", err)
		}
	}
	if len(p.attributes) != 20 {
		t.Errorf("got %d attributes, expected those of the first rule", len(p.attributes))
	}
}

// TestDifferentHelpIsCut checks that an error does not repeat a long help text of another
// rule, and that it appears even if the texts have the same beginning.
func TestDifferentHelpIsCut(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Gauge, Operation: rule.Set, Help: strings.Repeat("x", 10_000)}
	b := a
	b.Event, b.Help = "b", a.Help+"y"
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), "got help ") || len(err.Error()) > 1000 {
		t.Errorf("got %v", err)
	}
}

func TestLimitOfAttributesPerEvent(t *testing.T) {
	r := rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set, Needs: strings.Split("abcdefghijklmnop", "")}
	if err := compileRules(r); err != nil {
		t.Fatal(err)
	}
	r.Needs = append(r.Needs, "q")
	if err := compileRules(r); err == nil || !strings.Contains(err.Error(), "expected at most 16") {
		t.Errorf("got %v", err)
	}
}

func TestRulesMustAgreeOnTheDefinitionOfAMetric(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Counter, Operation: rule.Add, Labels: []rule.Label{{Name: "x", Attribute: "y"}}}
	b := a
	b.Event, b.Operation, b.Labels = "b", rule.Inc, []rule.Label{{Name: "x", Attribute: "z", Required: rule.Present}}
	if err := compileRules(a, b); err != nil {
		t.Errorf("rules with the same definition of the family: %v", err)
	}
	b.Help = "Something else."
	err := compileRules(a, b)
	if err == nil || !strings.Contains(err.Error(), `metric "m" is defined differently in the rule for event "a"`) {
		t.Errorf("got %v", err)
	}
}

func TestRulesOfAHistogramMayDifferInExemplarsButNotInNativeBuckets(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Histogram, Operation: rule.Observe, Buckets: []float64{1}, Exemplar: []rule.ExemplarLabel{{Name: "x", Attribute: "y"}}}
	b := a
	b.Event, b.Exemplar = "b", nil
	if err := compileRules(a, b); err != nil {
		t.Errorf("rules with the same definition of the family: %v", err)
	}
	b.NativeHistogram = true
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), "got native_histogram true, expected false") {
		t.Errorf("got %v", err)
	}
}

func TestRulesMustAgreeOnStatesInAnyOrder(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Gauge, Operation: rule.State, Labels: []rule.Label{{Name: "x", Attribute: "y"}, {Name: "z", Attribute: "z"}},
		States: &rule.States{Label: "x", Values: []string{"running", "failed"}}}
	b := a
	b.Event, b.States = "b", &rule.States{Label: "x", Values: []string{"failed", "running"}}
	if err := compileRules(a, b); err != nil {
		t.Errorf("rules with the same states: %v", err)
	}
	for want, change := range map[string]func(){
		"got states failed, pending, running (label x), expected failed, running (label x)": func() { b.States = &rule.States{Label: "x", Values: []string{"failed", "running", "pending"}} },
		"got states failed, running (label z), expected failed, running (label x)":          func() { b.States = &rule.States{Label: "z", Values: []string{"failed", "running"}} },
		"got states none, expected failed, running (label x)":                               func() { b.Operation, b.States = rule.Set, nil },
	} {
		b.Operation = rule.State
		change()
		if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected an error with %q", err, want)
		}
	}
}

func TestLimitOfRulesPerEvent(t *testing.T) {
	rules := make([]rule.Rule, maxUpdates)
	for i := range rules {
		rules[i] = rule.Rule{Event: "e", Metric: fmt.Sprint("m", i), Type: rule.Gauge, Operation: rule.Set}
	}
	if err := compileRules(rules...); err != nil {
		t.Fatal(err)
	}
	rules = append(rules, rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set})
	if err := compileRules(rules...); err == nil || !strings.Contains(err.Error(), `event "e" has too many rules`) {
		t.Errorf("got %v", err)
	}
}

func TestAllInvalidRulesAreReportedAtOnce(t *testing.T) {
	err := compileRules(rule.Rule{Event: "a"}, rule.Rule{Metric: "m"})
	got := mappingErrors(err)
	for _, expected := range []rule.MappingError{
		{Event: "a", Field: "metric"}, {Event: "a", Field: "type"}, {Metric: "m", Field: "event"},
	} {
		if !slices.ContainsFunc(got, func(e rule.MappingError) bool {
			return e.Event == expected.Event && e.Metric == expected.Metric && e.Field == expected.Field
		}) {
			t.Errorf("got %v, expected an error for %+v", err, expected)
		}
	}
}

// mappingErrors returns the errors that err joins.
func mappingErrors(err error) (list []rule.MappingError) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, e := range joined.Unwrap() {
		if m, ok := errors.AsType[*rule.MappingError](e); ok {
			list = append(list, *m)
		}
	}
	return list
}

// The compiler finds some errors in the rules of a mapping file that the reader cannot
// find.
func TestErrorsFoundByTheCompilerHavePositions(t *testing.T) {
	for _, c := range []struct {
		content       string
		line          int
		field, reason string // reason is a part of the reason
	}{
		{"rules:\n- {event: e, metric: m, type: gauge, operation: set, labels: [{name: zone, attribute: a}]}",
			2, "rules[0].metric", `constant label "zone"`},
		{"rules:\n- {event: e, metric: builds_started_total, type: counter, operation: inc}",
			2, "rules[0]", `got help "", expected "`},
		{"rules:\n- {event: builds started, metric: builds_started_total, type: counter, operation: inc, help: Number of builds started.}",
			2, "rules[0]", `another rule updates metric "builds_started_total" for event "builds started"`},
		{"rules:\n- {event: e, metric: workers_last_seen_timestamp_seconds, type: gauge, operation: set}",
			2, "rules[0].metric", "metric ci_workers_last_seen_timestamp_seconds is reserved"},
		{"rules:\n- {event: e, metric: builds_duration_seconds_sum, type: gauge, operation: set}",
			2, "rules[0].metric", "ci_builds_duration_seconds"},
		{"rules:\n- {event: e, metric: h_sum, type: gauge, operation: set}\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [1]}",
			3, "rules[1].metric", "ci_h_sum"},
		{"rules:\n- {event: e, metric: h_created, type: gauge, operation: set}\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [1]}",
			3, "rules[1].metric", "ci_h_created"},
	} {
		_, _, err := compileFile(catalog.Rules(catalog.Inherited), c.content)
		got := mappingErrors(err)
		if len(got) != 1 || got[0].File != "m.yml" || got[0].Line != c.line || got[0].Field != c.field || !strings.Contains(got[0].Reason, c.reason) {
			t.Errorf("%s\n got %v, expected line %d, field %s, reason %s", c.content, err, c.line, c.field, c.reason)
		}
	}
}

func TestAllErrorsInAFileAreReportedAtOnce(t *testing.T) {
	_, _, err := compileFile(catalog.Rules(catalog.Inherited), `metrics:
  - metric: builds_finishd
    drop: true
rules:
  - event: e
    metric: m
    type: countr
    operation: inc
    labels:
      - {name: a-b, attribut: x}
  - event: e
    metric: error_logs
    type: gauge
    operation: set
silent_evnts: []
`)
	var got []string
	for _, e := range mappingErrors(err) {
		got = append(got, fmt.Sprintf("%d: %s", e.Line, e.Field))
	}
	expected := []string{
		"2: metrics[0].metric", "7: rules[0].type", "10: rules[0].labels[0].attribut",
		"10: rules[0].labels[0].name", "11: rules[1]", "15: silent_evnts",
	}
	if !slices.Equal(got, expected) {
		t.Errorf("got\n%v\nexpected errors in %q", err, expected)
	}
	for _, part := range []string{"got type gauge, expected counter", "got label names [], expected [message]"} {
		if !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("got\n%v\nexpected one with %s", err, part)
		}
	}
}

func TestAnInvalidTypeOrOperationHidesNoOtherError(t *testing.T) {
	for _, kind := range []string{"type: countr, operation: inc", "type: counter, operation: icn", "type: x, operation: y", "operation: inc", "type: counter"} {
		for _, c := range []struct{ rest, field, reason string }{
			{"event: builds started, metric: builds_started_total, help: Number of builds started.", "rules[0].metric", "another rule updates"},
			{"event: e, metric: builds_started_total, help: other", "rules[0].metric", `got help "other", expected`},
			{"event: e, metric: ci_m", "rules[0].metric", "remove the namespace"},
			{"event: e, metric: workers_last_seen_timestamp_seconds", "rules[0].metric", "is reserved"},
			{"event: e, metric: m, divide: -1", "rules[0].divide", "divide is -1"},
			{"metric: m", "rules[0].event", "event is missing"},
			{"event: e", "rules[0].metric", "metric is missing"},
			{"event: e, metric: m, labels: [{name: a-b, attribute: x}]", "rules[0].labels[0].name", "is not a label name"},
		} {
			_, _, err := compileFile(catalog.Rules(catalog.Inherited), "rules:\n- {"+kind+", "+c.rest+"}")
			got := mappingErrors(err)
			if !slices.ContainsFunc(got, func(e rule.MappingError) bool { return e.Field == c.field && strings.Contains(e.Reason, c.reason) }) ||
				!slices.ContainsFunc(got, func(e rule.MappingError) bool { return e.Field == "rules[0].type" || e.Field == "rules[0].operation" }) {
				t.Errorf("%s, %s:\n got %v", kind, c.rest, err)
			}
			if strings.Contains(fmt.Sprint(err), "got type") {
				t.Errorf("%s, %s:\n got %v, which repeats the error in the type", kind, c.rest, err)
			}
		}
	}
}

func TestExamplesInTheDocumentationCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("got %d examples, expected at least 3", len(blocks))
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(operations), "```yaml\n")[1:] {
		if strings.HasPrefix(block, "metrics:") { // the other examples are for Prometheus
			blocks = append(blocks, block)
		}
	}
	for _, block := range blocks {
		content, _, _ := strings.Cut(block, "```")
		if _, _, err := compileFile(catalog.Rules(catalog.Inherited, catalog.All()...), content); err != nil {
			t.Errorf("%s\n%v", content, err)
		}
	}
}

func FuzzMappingFile(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "rules:\n- *a", "a: &a [*a]", "rules: &a [*a]", "rules: [&a {labels: *a}]", "!!binary a", "<<: {rules: []}", "? [a]\n: b",
		"rules:\n- {event: e, metric: m, type: gauge, operation: set, labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1'}]}]}",
		"metrics:\n- metric: builds_finished\n  drop_labels: [team]\n  add_labels:\n  - {name: x, attribute: x}\n  idle_ttl: 3h",
		"drop_events: [error log]\nsilent_events: [a]\nbuiltin: false",
		"rules:\n- {event: e, metric: m, type: gauge, operation: state, states: {label: s, values: [a, b]}, labels: [{name: s, attribute: s}]}\nmetrics: [{metric: m, drop_labels: [s]}]",
		"rules:\n- {event: e, metric: m, namespace: n, type: counter, operation: inc}\n- {event: e, metric: m, type: counter, operation: inc}\nmetrics: [{metric: m, namespace: n, drop: true}]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		m, c, err := compileFile(catalog.Rules(catalog.Inherited)[:12], content)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "m.yml:") && !strings.Contains(content, "\n") {
					t.Errorf("%q has no position", line)
				}
			}
			return
		}
		for _, r := range m.Rules {
			if c.families[r.FullName("ci")] == nil || c.plans[r.Event] == nil {
				t.Errorf("rule %+v has no family or no plan", r)
			}
		}
	})
}

// The name of a metric must not include the namespace, in a mapping file or in Go,
// unless metrics in the catalog start with the same word.
func TestMetricsDoNotIncludeTheNamespace(t *testing.T) {
	const file = "rules:\n- {event: e, metric: builds_e_total, type: counter, operation: inc}"
	r := rule.Rule{Event: "e", Metric: "builds_e_total", Type: rule.Counter, Operation: rule.Inc}
	const expected = `metric "builds_e_total" would become "builds_e_builds_e_total": remove the namespace "builds_e_" from the name`
	for namespace, wrong := range map[string]bool{"builds": false, "builds_e": true, "b": false, "": false} {
		for what, source := range map[string]mapping.Source{"file": {File: "m.yml"}, "Go": {Rules: []rule.Rule{r}}} {
			m := mapping.Mapping{Rules: source.Rules}
			if source.File != "" {
				m = source.Parse([]byte(file))
			}
			_, err := compile(namespace, m, series.NewStore(series.Options{}), nil)
			if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), expected) {
				t.Errorf("%s, namespace %q: got %v", what, namespace, err)
			}
		}
	}
}

func TestRulesInDifferentNamespacesUpdateDifferentFamilies(t *testing.T) {
	a := rule.Rule{Event: "a", Metric: "m", Type: rule.Counter, Operation: rule.Inc}
	b := rule.Rule{Event: "a", Metric: "m", Namespace: "other", Type: rule.Gauge, Operation: rule.Set}
	c, err := compile("ci", mapping.Mapping{Rules: []rule.Rule{a, b}}, series.NewStore(series.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(c.families)); !slices.Equal(got, []string{"ci_m", "other_m"}) {
		t.Errorf("got families %q", got)
	}
	// The default namespace is the same whether or not a rule spells it out.
	b.Namespace = "ci"
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), `another rule updates metric "m" for event "a"`) {
		t.Errorf("got %v", err)
	}
	b.Event = "b"
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), `metric "m" is defined differently in the rule for event "a"`) {
		t.Errorf("got %v", err)
	}
	b.Namespace, b.Metric = "other", "other_m"
	if err := compileRules(b); err == nil || !strings.Contains(err.Error(), `metric "other_m" would become "other_other_m": remove the namespace "other_" from the name`) {
		t.Errorf("got %v", err)
	}
	// Names that are equal only with their namespaces are the same family.
	a.Namespace, a.Metric, b.Namespace, b.Metric = "x", "y_m", "x_y", "m"
	if err := compileRules(a, b); err == nil || !strings.Contains(err.Error(), "is defined differently") {
		t.Errorf("got %v", err)
	}
}
