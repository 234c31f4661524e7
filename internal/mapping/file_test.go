package mapping_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/mapping"
)

// load reads a mapping file over the built-in catalog, and validates each rule by
// itself.
func load(content string) (mapping.Mapping, error) {
	m := mapping.Source{
		File: "m.yml", Rules: catalog.Rules(catalog.Inherited), SilentEvents: catalog.SilentEvents(), Namespace: "ci",
	}.Parse([]byte(content))
	var wrong []mapping.RuleError
	for i, r := range m.Rules {
		for _, e := range r.Validate() {
			wrong = append(wrong, mapping.RuleError{Index: i, FieldError: e})
		}
	}
	return m, m.Err(wrong)
}

// mustLoad is load of a file without faults.
func mustLoad(t *testing.T, content string) mapping.Mapping {
	t.Helper()
	m, err := load(content)
	if err != nil {
		t.Fatalf("%s\n%v", content, err)
	}
	return m
}

func rulesOf(m mapping.Mapping, metric string) (rules []rule.Rule) {
	for _, r := range m.Rules {
		if r.Metric == metric {
			rules = append(rules, r)
		}
	}
	return rules
}

func labelNamesOf(r rule.Rule) (names []string) {
	for _, l := range r.Labels {
		names = append(names, l.Name)
	}
	return names
}

func TestEmptyFileChangesNothing(t *testing.T) {
	for _, content := range []string{"", "\n# nothing yet\n", "---\n", "{}", "null", "builtin: true\nrules:\nmetrics: []\n"} {
		m := mustLoad(t, content)
		if !reflect.DeepEqual(m.Rules, catalog.Rules(catalog.Inherited)) || !slices.Equal(m.SilentEvents, catalog.SilentEvents()) {
			t.Errorf("%q changes the catalog", content)
		}
	}
}

func TestCatalogPrintedAsYAMLLoadsBack(t *testing.T) {
	everything := append(catalog.Rules(catalog.Inherited), rule.Rule{
		Event: "deploy finished", Metric: "deploys_duration_seconds", Type: rule.Histogram, Operation: rule.Observe, Divide: 1000,
		Help: "Time: \"from\" start\nto end # really.", Buckets: []float64{.005, 1, 1e9}, IdleTTL: 36 * time.Hour,
		NativeHistogram: true, Needs: []string{"a"}, When: &rule.Condition{Attribute: "b", Value: "1.10"},
		Labels: []rule.Label{{Name: "env", Attribute: "env", Required: rule.NonEmpty, Replace: []rule.Replacement{
			{Match: "", With: "none"}, {Match: `(.+)/\d+`, With: "${1}"},
		}}},
	})
	content, err := yaml.Marshal(map[string]any{"builtin": false, "rules": everything, "silent_events": catalog.SilentEvents()})
	if err != nil {
		t.Fatal(err)
	}
	m := mustLoad(t, string(content))
	if !reflect.DeepEqual(m.Rules, everything) {
		t.Errorf("got %+v", m.Rules)
	}
	if !slices.Equal(m.SilentEvents, catalog.SilentEvents()) {
		t.Errorf("got silent events %q", m.SilentEvents)
	}
}

func TestFileAddsAndRemovesRules(t *testing.T) {
	m := mustLoad(t, `
rules:
  - event: deploy finished
    metric: deploys_total
    type: counter
    operation: inc
    help: Deployments.
    labels: [{name: environment, attribute: env, required: present}]
  - {event: jobs scheduled, metric: jobs_planned_total, type: counter, operation: add, help: The other name.}
silent_events: [noise, mallocs]
drop_events: [error log, jobs scheduled]
metrics:
  - {metric: builds_failed_total, drop: true}
  - {metric: workers_registered, drop: true}
`)
	for _, removed := range []string{"error_logs", "jobs_scheduled_total", "builds_failed_total", "workers_registered"} {
		if len(rulesOf(m, removed)) > 0 {
			t.Errorf("%s is still in the rules", removed)
		}
	}
	for _, added := range []string{"deploys_total", "jobs_planned_total"} {
		if len(rulesOf(m, added)) != 1 {
			t.Errorf("%s is not in the rules", added)
		}
	}
	if got, expected := len(m.Rules), len(catalog.Rules(catalog.Inherited))-4+2; got != expected || m.Own != 2 {
		t.Errorf("got %d rules, %d of them from the file, expected %d and 2", got, m.Own, expected)
	}
	for _, silent := range []string{"noise", "mallocs", "error log", "worker state"} {
		if !slices.Contains(m.SilentEvents, silent) {
			t.Errorf("event %q is not known", silent)
		}
	}
}

func TestMetricChanges(t *testing.T) {
	before := catalog.Rules(catalog.Inherited)
	m := mustLoad(t, `
metrics:
  - metric: builds_duration_seconds
    help: How long.
    drop_labels: [job, team]
    add_labels: [{name: branch, attribute: branch, replace: [{match: 'release/.*', with: release}]}]
    buckets: [10, 60.5, 6e2]
    idle_ttl: 24h
    native_histogram: true
  - {metric: builds_finished, idle_ttl: 1h30m}
  - metric: workers_containers
    drop_labels: [worker, tags]
    add_labels: [{name: node, attribute: worker}]
`)
	r := rulesOf(m, "builds_duration_seconds")[0]
	if r.Help != "How long." || !slices.Equal(labelNamesOf(r), []string{"pipeline", "branch"}) || !slices.Equal(r.Buckets, []float64{10, 60.5, 600}) ||
		r.IdleTTL != 24*time.Hour || !r.NativeHistogram || r.Labels[1].Replace[0].With != "release" {
		t.Errorf("got %+v", r)
	}
	if r := rulesOf(m, "builds_finished")[0]; r.IdleTTL != 90*time.Minute || len(r.Labels) != 4 {
		t.Errorf("got %+v", r)
	}
	if r := rulesOf(m, "workers_containers")[0]; !slices.Equal(labelNamesOf(r), []string{"platform", "team", "node"}) || r.Worker != rule.Heartbeat {
		t.Errorf("got %+v", r)
	}
	if !reflect.DeepEqual(catalog.Rules(catalog.Inherited), before) {
		t.Error("the catalog itself was changed")
	}
}

func TestAnchorsAndAliases(t *testing.T) {
	m := mustLoad(t, `
rules:
  - {event: a, metric: a_total, type: counter, operation: inc, labels: &both [{name: x, attribute: x}]}
  - {event: b, metric: b_total, type: counter, operation: inc, labels: *both}
`)
	if r := rulesOf(m, "b_total"); len(r) != 1 || len(r[0].Labels) != 1 {
		t.Errorf("got %+v", r)
	}
}

// ruleLine returns a file with one rule on its second line, which also has the fields
// in more.
func ruleLine(more string) string {
	return "rules:\n  - {event: e, metric: m, type: gauge, operation: set, " + more + "}"
}

func TestFaultsHavePositions(t *testing.T) {
	for _, c := range []struct{ content, expected string }{
		// The file.
		{"rules: [", `m.yml:1: not YAML: did not find expected node content`},
		{"rules:\n  - a: b\n c: d", `m.yml:3: not YAML: did not find expected key`},
		{"rules:\n  - event: e\n    labels:\n    - name: x\n      attribute: x\n   - name: y\nmetrics: []\n",
			`m.yml:6: not YAML: did not find expected '-' indicator`},
		{"rules:\n  - event: e\n    needs: [a,\n      b]\n    labels: [{name: x}\n    metric: m\n    type: counter\n",
			`m.yml:5: not YAML: did not find expected ',' or ']'`},
		{"rules:\n  - event: 'it\n      is'\n    help: 'it\n    type: counter\n", `m.yml:4: not YAML: found unexpected end of stream`},
		{"builtin: true\nrules:\n  - {event: e, labels: *a}\nmetrics: []\n", `m.yml:3: not YAML: unknown anchor 'a' referenced`},
		{"builtin: true\nhelp: \x01", `m.yml:2: not YAML: control characters are not allowed`},
		{"builtin: true\n---\nrules: []\n x: 1\n", `m.yml:4: not YAML: did not find expected key`},
		{"rules:\n\t- event: e\n",
			`m.yml:2: not YAML: found character that cannot start any token: the line begins with a tab, expected spaces`},
		{"\uFEFFrules:\n  - event: e\n  \tmetric: m\n",
			`m.yml:3: not YAML: found a tab character that violates indentation: the line begins with a tab, expected spaces`},
		{"rules:\r  - event: x\r    help: 'it\r", `m.yml:3: not YAML: found unexpected end of stream`},
		{"\xff\xfer\x00:\x00\n\x00'\x00", `m.yml:2: not YAML: found unexpected end of stream, in the list or mapping that begins here or on the next line`},
		{"rules:\n" + strings.Repeat("- a\n", 131_073), `m.yml:131072: got more than 131072 values in the file, which is the limit; an alias counts as what it stands for`},
		{"rules: #" + strings.Repeat("x", 300<<10) + "\n - [\n", `m.yml:2: not YAML: did not find expected node content, in the list or mapping that begins here or on the next line`},
		{"rules: &a [*a]", `m.yml:1: got more than 131072 values in the file, which is the limit; an alias counts as what it stands for`},
		{"builtin: true\r\nrules: x\r\n", `m.yml:2: rules: expected a list, got "x"`},
		{"[a,\n b,\n c\nrules: []\nmetrics: []\n", `m.yml:3: not YAML: did not find expected ',' or ']'`},
		{"- a", `m.yml:1: expected fields and their values, got a list`},
		{"hello", `m.yml:1: expected fields and their values, got "hello"`},
		{"builtin: true\n---\nbuiltin: false", `m.yml:2: got a second document, expected one document in the file`},
		{"builtin: true\nrulse: []", `m.yml:2: rulse: unknown field: did you mean "rules"?`},
		{"builtin: true\n\"a b\\nc\": 1\n",
			`m.yml:2: "a b\nc": unknown field: expected one of builtin, rules, silent_events, drop_events, metrics`},
		{"flags: []", `m.yml:1: flags: unknown field: expected one of builtin, rules, silent_events, drop_events, metrics`},
		{"builtin: true\n\nbuiltin: false", `m.yml:3: field "builtin" is duplicated, first on line 1`},
		{"builtin: 3", `m.yml:1: builtin: expected true or false, got "3"`},
		{"rules: yes", `m.yml:1: rules: expected a list, got "yes"`},
		{"rules:\n  -", `m.yml:2: rules[0]: expected a value after the dash`},
		{"rules: [e]", `m.yml:1: rules[0]: expected fields and their values, got "e"`},

		// Rules.
		{ruleLine("lables: []"), `m.yml:2: rules[0].lables: unknown field: did you mean "labels"?`},
		{ruleLine("help: [a]"), `m.yml:2: rules[0].help: expected a string, got a list`},
		{"rules:\n- event: e\n  metric: m\n  type: gauge\n  operation: set\n  help:\n    [a]", `m.yml:6: rules[0].help: expected a string, got a list`},
		{"builtin: &b true\nrules: *b", `m.yml:2: rules: expected a list, got "true"`},
		{ruleLine("divide: many"), `m.yml:2: rules[0].divide: expected a number, got "many"`},
		{ruleLine("divide: 0"), `m.yml:2: rules[0].divide: divide is 0, expected a positive number`},
		{ruleLine("divide: -0.0"), `m.yml:2: rules[0].divide: divide is 0, expected a positive number`},
		{ruleLine("divide: 1e-320"), `m.yml:2: rules[0].divide: divide is 1e-320, expected a positive number, from 1e-100 to 1e+100`},
		{ruleLine("divide: 1e101"), `m.yml:2: rules[0].divide: divide is 1e+101, expected a positive number, from 1e-100 to 1e+100`},
		{ruleLine("divide: "), `<nil>`},
		{ruleLine("idle_ttl: 300"), `m.yml:2: rules[0].idle_ttl: expected a duration such as 30s, 10m or 24h, got "300": did you mean 300s?`},
		{ruleLine("idle_ttl: 2d"), `m.yml:2: rules[0].idle_ttl: expected a duration such as 30s, 10m or 24h, got "2d": did you mean 48h?`},
		{ruleLine("idle_ttl: soon"), `m.yml:2: rules[0].idle_ttl: expected a duration such as 30s, 10m or 24h, got "soon"`},
		{ruleLine("idle_ttl: -1s, labels: [{name: a, attribute: a}]") + "\nmetrics: [{metric: m, help: a}]",
			`m.yml:2: rules[0].idle_ttl: got idle_ttl -1s, expected a positive duration`},
		{ruleLine("idle_ttl: 1h"), `m.yml:2: rules[0].idle_ttl: idle_ttl requires labels: the only series of a metric without labels never expires`},
		{ruleLine("buckets: [1]"), `m.yml:2: rules[0].buckets: buckets are not valid for a gauge: expected a histogram`},
		{ruleLine("native_histogram: true"), `m.yml:2: rules[0].native_histogram: native_histogram is not valid for a gauge: expected a histogram`},
		{ruleLine("labels: [{name: a, attribute: a, required: presnt}]"),
			`m.yml:2: rules[0].labels[0].required: label "a": required "presnt" is not one of present, non-empty: did you mean "present"?`},
		{ruleLine("labels: [{name: a, attribute: a}, {name: a, attribute: b}]"), `m.yml:2: rules[0].labels[1].name: label "a" is duplicated`},
		{ruleLine("labels: [{name: 1st, attribute: a}]"),
			`m.yml:2: rules[0].labels[0].name: label "1st" is not a label name: expected letters, digits and _, not starting with a digit or __`},
		{ruleLine("when: {value: a}"), `m.yml:2: rules[0].when: when has no attribute`},
		{"rules:\n  - event: e\n    type: countr\n    metric: m\n    operation: inc",
			`m.yml:3: rules[0].type: type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`},
		{"rules:\n  - metric: m\n    type: gauge\n    operation: hold", `m.yml:2: rules[0].event: event is empty`},
		{"rules:\n  - event: e\n    metric: m\n    type: counter\n    operation: set",
			`m.yml:5: rules[0].operation: operation "set" is not valid for a counter: expected add or inc`},
		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [-1, 0, 1]}",
			`m.yml:2: rules[0].buckets: buckets [-1 0 1] begin below 0, expected bounds of at least 0`},
		{"rules:\n- &a {event: e, metric: e_total, type: counter, operation: inc}\n- <<: *a\n  event: f\n  hlep: x",
			"m.yml:3: rules[1]: merge keys (<<) are not supported: write the fields out\n" +
				`m.yml:5: rules[1].hlep: unknown field: did you mean "help"?`},
		{ruleLine("labels: [{<<: {name: a}, attribute: a}]"), `m.yml:2: rules[0].labels[0]: merge keys (<<) are not supported: write the fields out`},
		{"<<: {rules: []}", `m.yml:1: merge keys (<<) are not supported: write the fields out`},
		{"'<<': {rules: []}", `m.yml:1: "<<": unknown field: expected one of builtin, rules, silent_events, drop_events, metrics`},

		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe}",
			`m.yml:2: rules[0].buckets: a histogram needs buckets: expected their upper bounds, such as [0.1, 1, 10]`},

		// Replacements.
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'ab(c', with: x}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].match: "ab(c" is not a regular expression (RE2): missing closing )`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'ab*+', with: x}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].match: "ab*+" is not a regular expression (RE2): invalid nested repetition operator at character 3, "*+"`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'a)(b', with: x}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].match: "a)(b" is not a regular expression (RE2): unexpected )`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1$2'}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].with: "$1$2" refers to $2, but match has 1 group`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1s'}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].with: "$1s" refers to $1s, but match has no group of that name: did you mean ${1}s?`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: 'US$'}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].with: "US$" has a $ that refers to no group: expected $1, ${1}, ${name}, or $$ for a dollar sign`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '" + strings.Repeat("(", 999) + "a" + strings.Repeat(")", 999) + "', with: x}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].match: ` + excerpt.Quote(strings.Repeat("(", 999)+"a"+strings.Repeat(")", 999)) +
				` is not a regular expression (RE2): expression nests too deeply`},

		{ruleLine("labels: [{name: a, attribute: a, replace: [{with: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0]: match is missing: expected a regular expression, or '' for the empty value`},
		{"metrics: [{metric: builds_finished, add_labels: [{name: a, attribute: a, replace: [{match: , with: z}]}]}]",
			`m.yml:1: metrics[0].add_labels[0].replace[0]: match is missing: expected a regular expression, or '' for the empty value`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '', with: ''}]}]"), `<nil>`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0]: with is missing: expected the new value, or '' for the empty value`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{mtach: a, with: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].mtach: unknown field: did you mean "match"?`},

		// Events.
		{"drop_events: [eror log]", `m.yml:1: drop_events[0]: no built-in rule is for the event "eror log": did you mean "error log"?`},
		{"drop_events:\n- error log\n- error log", `m.yml:3: drop_events[1]: "error log" is duplicated`},
		{"drop_events: [mallocs]", `m.yml:1: drop_events[0]: "mallocs" updates no metric, so there is nothing to drop`},
		{"builtin: false\ndrop_events: [error log]", `m.yml:2: drop_events[0]: no built-in rule is for the event "error log"`},
		{"silent_events: [error log]",
			`m.yml:1: silent_events[0]: "error log" updates a metric: use drop_events to remove the built-in rules of an event`},
		{"silent_events: [a, a]", `m.yml:1: silent_events[1]: "a" is duplicated`},
		{"silent_events: ['']", `m.yml:1: silent_events[0]: the name of an event is empty`},

		// Changes to metrics.
		{"metrics: [{help: a}]", "m.yml:1: metrics[0]: metric is missing: expected the name of a metric, as `signalbox catalog` prints it, without the namespace"},
		{"metrics: [{metric: concourse_builds_finished, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule updates the metric "concourse_builds_finished": did you mean "builds_finished"?`},
		{"metrics: [{metric: build_finished, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule updates the metric "build_finished": did you mean "builds_finished"?`},
		{"metrics: [{metric: job_builds_finished_total, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule updates the metric "job_builds_finished_total": with --prometheus-naming=inherited it is "builds_finished"`},
		{"metrics: [{metric: signalbox_series, drop: true}]", `m.yml:1: metrics[0].metric: "signalbox_series" is not updated by rules and cannot be changed`},
		{"metrics:\n- metric: builds_finished\n  idle_ttl: 1h\n- metric: builds_finished\n  help: a",
			`m.yml:4: metrics[1].metric: "builds_finished" is duplicated: expected all changes to a metric in one place`},
		{"metrics: [{metric: builds_finished, drop: true, help: a}]", `m.yml:1: metrics[0].drop: drop cannot be combined with other changes`},
		{"metrics: [{metric: builds_finished}]",
			`m.yml:1: metrics[0]: nothing is changed: expected one of drop, help, drop_labels, add_labels, buckets, idle_ttl, native_histogram`},
		{"metrics:\n- metric: builds_finished\n  drop_labels:\n  - jobb",
			`m.yml:4: metrics[0].drop_labels[0]: metric "builds_finished" has no label "jobb", only job, pipeline, status, team: did you mean "job"?`},
		{"rules:\n- {event: a, metric: m, type: gauge, operation: set, labels: [{name: x, attribute: x}]}\n" +
			"- {event: b, metric: m, type: gauge, operation: set, labels: [{name: x, attribute: x}]}\n" +
			"metrics: [{metric: m, drop_labels: [a]}]", `m.yml:4: metrics[0].drop_labels[0]: metric "m" has no label "a", only x`},
		{"metrics: [{metric: builds_started_total, drop_labels: [a]}]", `m.yml:1: metrics[0].drop_labels[0]: metric "builds_started_total" has no labels`},
		{"metrics: [{metric: workers_containers, drop_labels: [team, worker]}]",
			`m.yml:1: metrics[0].drop_labels[1]: "worker" names the worker that a series of "workers_containers" belongs to, so it must stay`},
		{"metrics:\n- metric: builds_finished\n  drop_labels: [team]\n  add_labels:\n  - {name: x, attribute: x}\n  - {name: job, attribute: x}",
			`m.yml:6: metrics[0].add_labels[1].name: label "job" is duplicated`},
		{"metrics:\n- metric: builds_finished\n  buckets: [1]",
			`m.yml:3: metrics[0].buckets: buckets are not valid for a counter: expected a histogram`},
		{"metrics: [{metric: builds_duration_seconds, buckets: [2, 1]}]", `m.yml:1: metrics[0].buckets: got buckets [2 1], expected finite numbers in ascending order`},
		{"metrics: [{metric: builds_duration_seconds, buckets: []}]",
			`m.yml:1: metrics[0].buckets: a histogram needs buckets: expected their upper bounds, such as [0.1, 1, 10]`},
		{"metrics: [{metric: builds_started_total, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].idle_ttl: idle_ttl requires labels: the only series of a metric without labels never expires`},
	} {
		if _, err := load(c.content); fmt.Sprint(err) != c.expected {
			t.Errorf("%s\n got      %v\n expected %s", c.content, err, c.expected)
		}
	}
}

func TestMisspelledFieldHidesNoOtherFault(t *testing.T) {
	for _, c := range []struct{ content, expected string }{
		{"metrics:\n- metric: builds_finished\n  drop_label: [job]\n  add_labels: [{name: job, attribute: job}]\n  idle_ttl: -1s\n",
			`m.yml:3: metrics[0].drop_label: unknown field: did you mean "drop_labels"?
m.yml:5: metrics[0].idle_ttl: got idle_ttl -1s, expected a positive duration`},
		{"metrics:\n- metric: workers_containers\n  drop_labels: [worker]\n  add_label: [{name: node, attribute: worker}]\n  buckets: [1]\n",
			`m.yml:4: metrics[0].add_label: unknown field: did you mean "add_labels"?
m.yml:5: metrics[0].buckets: buckets are not valid for a gauge: expected a histogram`},
		{"metrics:\n- metric: nothing_such\n  hlep: a\n",
			`m.yml:2: metrics[0].metric: no rule updates the metric "nothing_such"
m.yml:3: metrics[0].hlep: unknown field: did you mean "help"?`},
		{"metrics:\n- metric: builds_finished\n  hlep: a\n", `m.yml:3: metrics[0].hlep: unknown field: did you mean "help"?`},
		{"metrics:\n- mteric: builds_finished\n  help: a\n", `m.yml:2: metrics[0].mteric: unknown field: did you mean "metric"?`},
		{"rules:\n- event: e\n  metric: m\n  operation: incr\n",
			`m.yml:2: rules[0].type: type is missing: expected counter, gauge or histogram
m.yml:4: rules[0].operation: operation "incr" is not one of add, inc, set, hold, observe: did you mean "inc"?`},
	} {
		if _, err := load(c.content); fmt.Sprint(err) != c.expected {
			t.Errorf("%s\n got      %v\n expected %s", c.content, err, c.expected)
		}
	}
}

func TestOfManyFaultsTheFirstAreReported(t *testing.T) {
	const rules = 5000
	var content strings.Builder
	content.WriteString("rules:\n")
	for i := range rules {
		fmt.Fprintf(&content, "- {zork%d: 1}\n", i)
	}
	_, err := load(content.String())
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 100+1 {
		t.Fatalf("got %d lines, expected 101", len(lines))
	}
	if expected := "m.yml:2: rules[0].zork0: unknown field: expected one of "; !strings.HasPrefix(lines[0], expected) {
		t.Errorf("the first line is %s", lines[0])
	}
	if last := lines[100]; !strings.HasSuffix(last, fmt.Sprintf(": and %d more", 5*rules-100)) {
		t.Errorf("the last line is %s", last)
	}
}

func TestPositionsOfFaultsInAProgramsRules(t *testing.T) {
	for _, c := range []struct {
		label    rule.Label
		file     string
		expected rule.MappingError
	}{
		{rule.Label{Name: "b"}, "metrics: [{metric: m, add_labels: [{name: a, attribute: a}]}]",
			rule.MappingError{Event: "e", Metric: "m", Field: "labels[0].attribute", Reason: `label "b" has no attribute`}},
		{rule.Label{Name: "b", Attribute: "b"}, "metrics: [{metric: m, drop_labels: [b]}]",
			rule.MappingError{File: "m.yml", Line: 1, Field: "metrics[0].idle_ttl",
				Reason: "idle_ttl requires labels: the only series of a metric without labels never expires"}},
	} {
		program := rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set, Labels: []rule.Label{c.label}, IdleTTL: time.Hour}
		m := mapping.Source{File: "m.yml", Rules: []rule.Rule{program}}.Parse([]byte(c.file))
		err := m.Err([]mapping.RuleError{{Index: 0, FieldError: m.Rules[0].Validate()[0]}})
		if got, ok := errors.AsType[*rule.MappingError](err); !ok || *got != c.expected {
			t.Errorf("%s: got %+v, expected %+v", c.file, got, c.expected)
		}
	}
}

func TestKeysDoNotCountAsValues(t *testing.T) {
	_, err := load("rules:\n" + strings.Repeat("- {event: e}\n", 45_000))
	if strings.Contains(fmt.Sprint(err), "values in the file") {
		t.Errorf("got %v", err)
	}
}
