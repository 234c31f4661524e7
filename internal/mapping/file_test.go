package mapping_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/mapping"
)

// load applies a mapping file to the built-in catalog, and validates each rule by
// itself.
func load(content string) (mapping.Mapping, error) {
	m := mapping.Source{
		File: "m.yml", Rules: catalog.Rules(catalog.Inherited), SilentEvents: catalog.SilentEvents(), Namespace: "ci",
	}.Parse([]byte(content))
	var invalid []mapping.RuleError
	for i, r := range m.Rules {
		for _, e := range r.Validate() {
			invalid = append(invalid, mapping.RuleError{Index: i, FieldError: e})
		}
	}
	return m, m.Err(invalid)
}

// mustLoad is like load, but fails the test if the file has errors.
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
			t.Errorf("%q: got different rules than the catalog", content)
		}
	}
}

func TestCatalogSurvivesAYAMLRoundTrip(t *testing.T) {
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
  - {event: jobs scheduled, metric: jobs_planned_total, type: counter, operation: add, help: Jobs planned.}
silent_events: [noise, mallocs]
drop_events: [error log, jobs scheduled]
metrics:
  - {metric: builds_failed_total, drop: true}
  - {metric: workers_registered, drop: true}
`)
	for _, removed := range []string{"error_logs", "jobs_scheduled_total", "builds_failed_total", "workers_registered"} {
		if len(rulesOf(m, removed)) > 0 {
			t.Errorf("metric %s is still in the rules", removed)
		}
	}
	for _, added := range []string{"deploys_total", "jobs_planned_total"} {
		if len(rulesOf(m, added)) != 1 {
			t.Errorf("metric %s is not in the rules", added)
		}
	}
	if got, expected := len(m.Rules), len(catalog.Rules(catalog.Inherited))-4+2; got != expected || m.Custom != 2 {
		t.Errorf("got %d rules with %d from the file, expected %d with 2", got, m.Custom, expected)
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
		t.Error("the mapping file changed the catalog")
	}
}

func TestValuesOfAttributes(t *testing.T) {
	m := mustLoad(t, `
rules:
  - {event: a, metric: a_total, type: counter, operation: inc, unit: builds, values: {"x.y": [one, two], z: [""]}}
metrics:
  - {metric: builds_finished, values: {build_status: [won, lost], job: [unit]}}
  - {metric: workers_registered, values: {state: []}}
  - {metric: builds_started_total, add_labels: [{name: kind, attribute: kind}], values: {kind: [x]}}
  - {metric: lidar_checks_finished_total, drop_labels: [status]}
`)
	for metric, expected := range map[string]map[string][]string{
		"a_total":                     {"x.y": {"one", "two"}, "z": {""}},
		"builds_finished":             {"build_status": {"won", "lost"}, "job": {"unit"}},
		"workers_registered":          {},
		"builds_started_total":        {"kind": {"x"}},
		"lidar_checks_finished_total": {},
	} {
		if r := rulesOf(m, metric)[0]; !maps.EqualFunc(r.Values, expected, slices.Equal) {
			t.Errorf("%s: got values %v, expected %v", metric, r.Values, expected)
		}
	}
	if r := rulesOf(m, "a_total")[0]; r.Unit != "builds" {
		t.Errorf("got unit %q", r.Unit)
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

// ruleLine returns a file with one rule on the second line. The rule has the required
// fields, followed by those that the argument contains.
func ruleLine(more string) string {
	return "rules:\n  - {event: e, metric: m, type: gauge, operation: set, " + more + "}"
}

// An expectedError describes a *rule.MappingError.
type expectedError struct {
	line          int
	field, reason string // reason is a part of the reason
}

// checkErrors checks that err joins exactly the expected errors, in this order.
func checkErrors(t *testing.T, content string, err error, expected ...expectedError) {
	t.Helper()
	var got []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		got = joined.Unwrap()
	}
	if len(got) != len(expected) {
		t.Errorf("%s\n got %v\n expected %d errors", content, err, len(expected))
		return
	}
	for i, e := range expected {
		m, ok := errors.AsType[*rule.MappingError](got[i])
		if !ok || m.File != "m.yml" || m.Line != e.line || m.Field != e.field || !strings.Contains(m.Reason, e.reason) {
			t.Errorf("%s\n got %v\n expected %+v", content, got[i], e)
		}
	}
}

func TestErrorsHavePositions(t *testing.T) {
	for _, c := range []struct {
		content       string
		line          int
		field, reason string // reason is a part of the reason
	}{
		// The file.
		{"rules: [", 1, "", "invalid YAML: did not find expected node content"},
		{"rules:\n  - a: b\n c: d", 3, "", "invalid YAML: did not find expected key"},
		{"rules:\n  - event: e\n    labels:\n    - name: x\n      attribute: x\n   - name: y\nmetrics: []\n", 6, "", "invalid YAML: did not find expected '-' indicator"},
		{"rules:\n  - event: e\n    needs: [a,\n      b]\n    labels: [{name: x}\n    metric: m\n    type: counter\n", 5, "", "invalid YAML: did not find expected ',' or ']'"},
		{"rules:\n  - event: 'it\n      is'\n    help: 'it\n    type: counter\n", 4, "", "invalid YAML: found unexpected end of stream"},
		{"builtin: true\nrules:\n  - {event: e, labels: *a}\nmetrics: []\n", 3, "", "invalid YAML: unknown anchor 'a' referenced"},
		{"builtin: true\nhelp: \x01", 2, "", "invalid YAML: control characters are not allowed"},
		{"builtin: true\n---\nrules: []\n x: 1\n", 4, "", "invalid YAML: did not find expected key"},
		{"rules:\n\t- event: e\n", 2, "", "found character that cannot start any token: the line is indented with a tab"},
		{"\uFEFFrules:\n  - event: e\n  \tmetric: m\n", 3, "", "found a tab character that violates indentation: the line is indented with a tab"},
		{"rules:\r  - event: x\r    help: 'it\r", 3, "", "invalid YAML: found unexpected end of stream"},
		{"\xff\xfer\x00:\x00\n\x00'\x00", 2, "", "invalid YAML: found unexpected end of stream, in the list or mapping that begins on this line or the next"},
		{"rules:\n" + strings.Repeat("- a\n", 131_073), 131072, "", "the file has too many values"},
		{"rules: #" + strings.Repeat("x", 300<<10) + "\n - [\n", 2, "", "invalid YAML: did not find expected node content, in the list or mapping that begins on this line or the next"},
		{"rules: &a [*a]", 1, "", "the file has too many values"},
		{"builtin: true\r\nrules: x\r\n", 2, "rules", `got "x", expected a list`},
		{"[a,\n b,\n c\nrules: []\nmetrics: []\n", 3, "", "invalid YAML: did not find expected ',' or ']'"},
		{"- a", 1, "", "got a list"},
		{"hello", 1, "", `got "hello", expected fields`},
		{"builtin: true\n---\nbuiltin: false", 2, "", "got a second document"},
		{"builtin: true\nrulse: []", 2, "rulse", `did you mean "rules"?`},
		{"builtin: true\n\"a b\\nc\": 1\n", 2, `"a b\nc"`, "unknown field"},
		{"flags: []", 1, "flags", "unknown field: expected one of builtin, rules, silent_events, drop_events, metrics"},
		{"builtin: true\n\nbuiltin: false", 3, "", `field "builtin" is duplicated: it is already set on line 1`},
		{"builtin: 3", 1, "builtin", `got "3", expected true or false`},
		{"rules: yes", 1, "rules", `got "yes"`},
		{"rules:\n  -", 2, "rules[0]", "the list entry is empty"},
		{"rules: [e]", 1, "rules[0]", `got "e"`},
		{ruleLine("values: [x]"), 2, "rules[0].values", "got a list, expected names with their values"},
		{ruleLine("values: {s: x}"), 2, "rules[0].values.s", `got "x", expected a list`},
		{ruleLine("values: {s: }"), 2, "rules[0].values", `attribute "s" has no values`},
		{ruleLine("values: {s: [x], s: [y]}"), 2, "rules[0].values", `"s" is duplicated: it is already set on line 2`},
		{ruleLine("values: {[a]: [x]}"), 2, "rules[0].values", "got a list as a name, expected a string"},
		{ruleLine("unit: [ms]"), 2, "rules[0].unit", "got a list, expected a string"},
		{"metrics:\n  - metric: builds_failed_total\n    values: {build_status: [ok]}", 3, "metrics[0].values", `when requires the value "failed"`},

		// Rules.
		{ruleLine("lables: []"), 2, "rules[0].lables", `did you mean "labels"?`},
		{ruleLine("help: [a]"), 2, "rules[0].help", "got a list, expected a string"},
		{"rules:\n- event: e\n  metric: m\n  type: gauge\n  operation: set\n  help:\n    [a]", 6, "rules[0].help", "got a list"},
		{"builtin: &b true\nrules: *b", 2, "rules", `got "true"`},
		{ruleLine("divide: many"), 2, "rules[0].divide", `got "many", expected a number`},
		{ruleLine("divide: 0"), 2, "rules[0].divide", "divide is 0"},
		{ruleLine("divide: -0.0"), 2, "rules[0].divide", "divide is 0"},
		{ruleLine("divide: 1e-320"), 2, "rules[0].divide", "1e-320"},
		{ruleLine("divide: 1e101"), 2, "rules[0].divide", "1e+101"},
		{ruleLine("idle_ttl: 300"), 2, "rules[0].idle_ttl", "did you mean 300s?"},
		{ruleLine("idle_ttl: 2d"), 2, "rules[0].idle_ttl", "did you mean 48h?"},
		{ruleLine("idle_ttl: soon"), 2, "rules[0].idle_ttl", `got "soon", expected a duration`},
		{ruleLine("idle_ttl: -1s, labels: [{name: a, attribute: a}]") + "\nmetrics: [{metric: m, help: a}]", 2, "rules[0].idle_ttl", "-1s"},
		{ruleLine("idle_ttl: 1h"), 2, "rules[0].idle_ttl", "idle_ttl requires labels"},
		{ruleLine("buckets: [1]"), 2, "rules[0].buckets", "buckets are not valid for a gauge"},
		{ruleLine("native_histogram: true"), 2, "rules[0].native_histogram", "native_histogram is not valid for a gauge"},
		{ruleLine("labels: [{name: a, attribute: a, required: presnt}]"), 2, "rules[0].labels[0].required", `did you mean "present"?`},
		{ruleLine("labels: [{name: a, attribute: a}, {name: a, attribute: b}]"), 2, "rules[0].labels[1].name", `"a"`},
		{ruleLine("labels: [{name: 1st, attribute: a}]"), 2, "rules[0].labels[0].name", `"1st"`},
		{ruleLine("when: {value: a}"), 2, "rules[0].when", "attribute"},
		{"rules:\n  - event: e\n    type: countr\n    metric: m\n    operation: inc", 3, "rules[0].type", `did you mean "counter"?`},
		{"rules:\n  - metric: m\n    type: gauge\n    operation: hold", 2, "rules[0].event", "event"},
		{"rules:\n  - event: e\n    metric: m\n    type: counter\n    operation: set", 5, "rules[0].operation", `"set"`},
		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [-1, 0, 1]}", 2, "rules[0].buckets", "[-1 0 1]"},
		{ruleLine("labels: [{<<: {name: a}, attribute: a}]"), 2, "rules[0].labels[0]", "merge keys (<<) are not supported"},
		{"<<: {rules: []}", 1, "", "merge keys (<<) are not supported"},
		{"'<<': {rules: []}", 1, `"<<"`, "unknown field"},

		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe}", 2, "rules[0].buckets", "buckets"},

		// Replacements.
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'ab(c', with: x}]}]"), 2, "rules[0].labels[0].replace[0].match", "missing closing )"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'ab*+', with: x}]}]"), 2, "rules[0].labels[0].replace[0].match", `"*+"`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: 'a)(b', with: x}]}]"), 2, "rules[0].labels[0].replace[0].match", "unexpected )"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1$2'}]}]"), 2, "rules[0].labels[0].replace[0].with", "$2"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1s'}]}]"), 2, "rules[0].labels[0].replace[0].with", "did you mean ${1}s?"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: 'US$'}]}]"), 2, "rules[0].labels[0].replace[0].with", `"US$"`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '" + strings.Repeat("(", 999) + "a" + strings.Repeat(")", 999) + "', with: x}]}]"), 2, "rules[0].labels[0].replace[0].match", "nests too deeply"},

		{ruleLine("labels: [{name: a, attribute: a, replace: [{with: z}]}]"), 2, "rules[0].labels[0].replace[0]", "match is missing"},
		{"metrics: [{metric: builds_finished, add_labels: [{name: a, attribute: a, replace: [{match: , with: z}]}]}]", 1, "metrics[0].add_labels[0].replace[0]", "match is missing"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: z}]}]"), 2, "rules[0].labels[0].replace[0]", "with is missing"},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{mtach: a, with: z}]}]"), 2, "rules[0].labels[0].replace[0].mtach", `did you mean "match"?`},

		// Events.
		{"drop_events: [eror log]", 1, "drop_events[0]", `did you mean "error log"?`},
		{"drop_events:\n- error log\n- error log", 3, "drop_events[1]", `"error log" is duplicated`},
		{"drop_events: [mallocs]", 1, "drop_events[0]", `"mallocs" updates no metric`},
		{"builtin: false\ndrop_events: [error log]", 2, "drop_events[0]", `there is no built-in rule for event "error log"`},
		{"silent_events: [error log]", 1, "silent_events[0]", `"error log" updates a metric`},
		{"silent_events: [a, a]", 1, "silent_events[1]", `"a" is duplicated`},
		{"silent_events: ['']", 1, "silent_events[0]", "the event name is empty"},

		{strings.Replace(stateRule, "failed]", "failed, running]", 1), 6, "rules[0].states.values[2]", `state "running" is duplicated`},
		{strings.Replace(stateRule, "label: status", "label: statsu", 1), 6, "rules[0].states.label", `did you mean "status"?`},
		{strings.Replace(stateRule, "values:", "value:", 1), 6, "rules[0].states.value", `did you mean "values"?`},
		{strings.Replace(stateRule, "{label: status, values: [running, failed]}", "[running, failed]", 1), 6, "rules[0].states", "expected"},

		// Lists that are too long.
		{ruleLine("needs: [" + strings.Repeat("a, ", 65) + "]"), 2, "rules[0].needs", "got 65 attributes, expected at most 64"},
		{ruleLine("values: {s: [" + strings.Repeat("a, ", 1001) + "]}"), 2, "rules[0].values", "got 1001 values in all lists together, expected at most 1000"},
		{"metrics:\n- metric: builds_finished\n  drop_labels: [" + strings.Repeat("a, ", 65) + "]", 3, "metrics[0].drop_labels", "got 65 labels, expected at most 64"},
		{"metrics:\n- metric: builds_finished\n  add_labels: [" + strings.Repeat("{name: a, attribute: a}, ", 65) + "]", 3, "metrics[0].add_labels", "got 65 labels, expected at most 64"},
		{"metrics:\n- metric: builds_finished\n  values: {build_status: [" + strings.Repeat("a, ", 1001) + "]}", 3, "metrics[0].values", "got 1001 values"},

		// Values of attributes that no rule of the metric uses.
		{"metrics:\n- metric: builds_finished\n  values:\n    build_statu: [x]", 4, "metrics[0].values.build_statu", `no rule of metric "builds_finished" uses the attribute "build_statu": did you mean "build_status"?`},
		{"metrics: [{metric: builds_finished, values: {status: [x]}}]", 1, "metrics[0].values.status", `: did you mean "build_status", the attribute of the label "status"?`},
		{"metrics: [{metric: builds_finished, values: {zzz: [x]}}]", 1, "metrics[0].values.zzz", `uses the attribute "zzz", expected one of `},
		{"metrics: [{metric: builds_finished, drop_labels: [status], values: {build_status: [x]}}]", 1, "metrics[0].values.build_status", `no rule of metric "builds_finished" uses the attribute "build_status"`},

		// Changes to metrics.
		{"metrics: [{help: a}]", 1, "metrics[0]", "metric is missing"},
		{"metrics: [{metric: concourse_builds_finished, idle_ttl: 1h}]", 1, "metrics[0].metric", `did you mean "builds_finished"?`},
		{"metrics: [{metric: build_finished, idle_ttl: 1h}]", 1, "metrics[0].metric", `did you mean "builds_finished"?`},
		{"metrics: [{metric: job_builds_finished_total, idle_ttl: 1h}]", 1, "metrics[0].metric", `with --prometheus-naming=inherited, its name is "builds_finished"`},
		{"metrics: [{metric: signalbox_series, drop: true}]", 1, "metrics[0].metric", `"signalbox_series" is maintained by Signalbox itself`},
		{"metrics:\n- metric: builds_finished\n  idle_ttl: 1h\n- metric: builds_finished\n  help: a", 4, "metrics[1].metric", `"builds_finished" is duplicated`},
		{"metrics: [{metric: builds_finished, drop: true, help: a}]", 1, "metrics[0].drop", "drop cannot be combined"},
		{"metrics: [{metric: builds_finished}]", 1, "metrics[0]", "expected at least one of drop, help, drop_labels, add_labels, buckets, idle_ttl, native_histogram"},
		{"metrics:\n- metric: builds_finished\n  drop_labels:\n  - jobb", 4, "metrics[0].drop_labels[0]", `did you mean "job"?`},
		{"rules:\n- {event: a, metric: m, type: gauge, operation: set, labels: [{name: x, attribute: x}]}\n" +
			"- {event: b, metric: m, type: gauge, operation: set, labels: [{name: x, attribute: x}]}\n" +
			"metrics: [{metric: m, drop_labels: [a]}]", 4, "metrics[0].drop_labels[0]", `metric "m" has no label "a"`},
		{"metrics: [{metric: builds_started_total, drop_labels: [a]}]", 1, "metrics[0].drop_labels[0]", `metric "builds_started_total" has no labels`},
		{"metrics: [{metric: workers_containers, drop_labels: [team, worker]}]", 1, "metrics[0].drop_labels[1]", `"worker" cannot be dropped`},
		{"metrics:\n- metric: builds_finished\n  drop_labels: [team]\n  add_labels:\n  - {name: x, attribute: x}\n  - {name: job, attribute: x}", 6, "metrics[0].add_labels[1].name", `"job"`},
		{stateRule + "metrics:\n- metric: job_status\n  drop_labels: [job, status]", 10, "metrics[0].drop_labels[1]", `"status" cannot be dropped: it shows the state`},
		{"metrics:\n- metric: builds_finished\n  buckets: [1]", 3, "metrics[0].buckets", "buckets are not valid for a counter"},
		{"metrics: [{metric: builds_duration_seconds, buckets: [2, 1]}]", 1, "metrics[0].buckets", "[2 1]"},
		{"metrics: [{metric: builds_duration_seconds, buckets: []}]", 1, "metrics[0].buckets", "buckets"},
		{"metrics: [{metric: builds_started_total, idle_ttl: 1h}]", 1, "metrics[0].idle_ttl", "idle_ttl requires labels"},
	} {
		_, err := load(c.content)
		checkErrors(t, c.content, err, expectedError{c.line, c.field, c.reason})
	}
}

// stateRule is the start of a mapping file, with a rule for a metric with states.
const stateRule = `rules:
- event: job status
  metric: job_status
  type: gauge
  operation: state
  states: {label: status, values: [running, failed]}
  labels: [{name: job, attribute: job}, {name: status, attribute: status}]
`

func TestValidValues(t *testing.T) {
	for _, content := range []string{
		stateRule + "metrics: [{metric: job_status, drop_labels: [status], add_labels: [{name: status, attribute: state}]}]",
		ruleLine("divide: "),
		ruleLine("labels: [{name: a, attribute: a, replace: [{match: '', with: ''}]}]"),
	} {
		mustLoad(t, content)
	}
}

func TestMisspelledFieldsDoNotHideOtherErrors(t *testing.T) {
	for _, c := range []struct {
		content  string
		expected []expectedError
	}{
		{"metrics:\n- metric: builds_finished\n  drop_label: [job]\n  add_labels: [{name: job, attribute: job}]\n  idle_ttl: -1s\n",
			[]expectedError{{3, "metrics[0].drop_label", `did you mean "drop_labels"?`}, {5, "metrics[0].idle_ttl", "-1s"}}},
		{"metrics:\n- metric: workers_containers\n  drop_labels: [worker]\n  add_label: [{name: node, attribute: worker}]\n  buckets: [1]\n",
			[]expectedError{{4, "metrics[0].add_label", `did you mean "add_labels"?`}, {5, "metrics[0].buckets", "not valid for a gauge"}}},
		{"metrics:\n- metric: nothing_such\n  hlep: a\n",
			[]expectedError{{2, "metrics[0].metric", `no rule updates the metric "nothing_such"`}, {3, "metrics[0].hlep", `did you mean "help"?`}}},
		{"metrics:\n- metric: builds_finished\n  hlep: a\n", []expectedError{{3, "metrics[0].hlep", `did you mean "help"?`}}},
		{"metrics:\n- mteric: builds_finished\n  help: a\n", []expectedError{{2, "metrics[0].mteric", `did you mean "metric"?`}}},
		{"rules:\n- event: e\n  metric: m\n  operation: incr\n",
			[]expectedError{{2, "rules[0].type", "type is missing"}, {4, "rules[0].operation", `did you mean "inc"?`}}},
		{"rules:\n- &a {event: e, metric: e_total, type: counter, operation: inc}\n- <<: *a\n  event: f\n  hlep: x",
			[]expectedError{{3, "rules[1]", "merge keys (<<) are not supported"}, {5, "rules[1].hlep", `did you mean "help"?`}}},
	} {
		_, err := load(c.content)
		checkErrors(t, c.content, err, c.expected...)
	}
}

func TestOnlyTheFirstErrorsAreReported(t *testing.T) {
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
	if expected := "m.yml:2: rules[0].zork0: unknown field"; !strings.HasPrefix(lines[0], expected) {
		t.Errorf("got first line %s, expected it to start with %s", lines[0], expected)
	}
	if last := lines[100]; !strings.HasSuffix(last, fmt.Sprintf(": and %d more", 5*rules-100)) {
		t.Errorf("got last line %s, expected the number of other errors", last)
	}
}

func TestPositionsOfErrorsInRulesOfAProgram(t *testing.T) {
	for _, c := range []struct {
		label    rule.Label
		file     string
		expected rule.MappingError
	}{
		{rule.Label{Name: "b"}, "metrics: [{metric: m, add_labels: [{name: a, attribute: a}]}]",
			rule.MappingError{Event: "e", Metric: "m", Field: "labels[0].attribute"}},
		{rule.Label{Name: "b", Attribute: "b"}, "metrics: [{metric: m, idle_ttl: 1us}]",
			rule.MappingError{File: "m.yml", Line: 1, Field: "metrics[0].idle_ttl"}},
	} {
		program := rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set, Labels: []rule.Label{c.label}, IdleTTL: time.Hour}
		m := mapping.Source{File: "m.yml", Rules: []rule.Rule{program}}.Parse([]byte(c.file))
		invalid := m.Rules[0].Validate()[0]
		c.expected.Reason = invalid.Reason
		err := m.Err([]mapping.RuleError{{Index: 0, FieldError: invalid}})
		if got, ok := errors.AsType[*rule.MappingError](err); !ok || *got != c.expected {
			t.Errorf("%s: got %+v, expected %+v", c.file, got, c.expected)
		}
	}
}

func TestAMetricWithoutLabelsLosesItsIdleTTL(t *testing.T) {
	r := rule.Rule{Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.Set, IdleTTL: time.Hour,
		Labels: []rule.Label{{Name: "a", Attribute: "a"}, {Name: "b", Attribute: "b"}}}
	for dropped, expected := range map[string]time.Duration{"a": time.Hour, "a, b": 0} {
		m := mapping.Source{File: "m.yml", Rules: []rule.Rule{r.Clone()}}.Parse([]byte("metrics: [{metric: m, drop_labels: [" + dropped + "]}]"))
		if err := m.Err(nil); err != nil || len(m.Rules[0].Validate()) > 0 || m.Rules[0].IdleTTL != expected {
			t.Errorf("without %s: got %v and idle TTL %v, expected %v", dropped, err, m.Rules[0].IdleTTL, expected)
		}
	}
}

func TestKeysAreNotCountedAsValues(t *testing.T) {
	_, err := load("rules:\n" + strings.Repeat("- {event: e}\n", 45_000))
	if strings.Contains(fmt.Sprint(err), "too many values") {
		t.Errorf("got %v", err)
	}
}

// inNamespaces is the beginning of a file with rules for metrics in several namespaces.
// The default namespace of load is ci.
const inNamespaces = `
builtin: false
rules:
  - {event: a, metric: m, type: counter, operation: inc, labels: [{name: x, attribute: x}]}
  - {event: a, metric: m, namespace: other, type: counter, operation: inc, labels: [{name: x, attribute: x}]}
  - {event: a, metric: alone, namespace: other, type: counter, operation: inc, labels: [{name: x, attribute: x}]}
metrics:
`

func TestChangesFindTheMetricInItsNamespace(t *testing.T) {
	m := mustLoad(t, inNamespaces+`
  - {metric: m, namespace: ci, help: Default.}
  - {metric: m, namespace: other, help: Other.}
  - {metric: alone, add_labels: [{name: y, attribute: y}]}
`)
	if a, b := rulesOf(m, "m")[0], rulesOf(m, "m")[1]; a.Help != "Default." || b.Help != "Other." || a.Namespace != "" || b.Namespace != "other" {
		t.Errorf("got %+v and %+v", a, b)
	}
	if got := labelNamesOf(rulesOf(m, "alone")[0]); !slices.Equal(got, []string{"x", "y"}) {
		t.Errorf("got labels %q", got)
	}
	m = mustLoad(t, inNamespaces+"  - {metric: m, namespace: other, drop: true}")
	if got := rulesOf(m, "m"); len(got) != 1 || got[0].Namespace != "" {
		t.Errorf("got %+v, expected the rule in the default namespace", got)
	}
}

func TestChangesOfAmbiguousMetricsNeedANamespace(t *testing.T) {
	for change, reason := range map[string]string{
		"{metric: m, drop: true}":                                                          `m.yml:8: metrics[0].metric: "m" is ambiguous: the namespaces ci, other have a metric of this name: set namespace to one of them`,
		"{metric: m, namespace: concourse, drop: true}":                                    `m.yml:8: metrics[0].namespace: no rule updates the metric "m" in the namespace "concourse", expected ci or other`,
		"{metric: alone, namespace: ci, drop: true}":                                       `m.yml:8: metrics[0].namespace: no rule updates the metric "alone" in the namespace "ci", expected other`,
		"{metric: nothing, namespace: ci, drop: true}":                                     `m.yml:8: metrics[0].metric: no rule updates the metric "nothing"`,
		"{metric: alone, drop: true}\n  - {metric: alone, namespace: other, help: Other.}": `m.yml:9: metrics[1].metric: "alone" is duplicated: expected a single entry for each metric`,
		"{metric: m, namespace: other}":                                                    `m.yml:8: metrics[0]: the entry changes nothing: expected at least one of drop, help, `,
		"{metric: m, namespace: o-r, help: Other.}\n":                                      `m.yml:8: metrics[0].namespace: no rule updates`,
	} {
		if _, err := load(inNamespaces + "  - " + change); err == nil || !strings.HasPrefix(err.Error(), reason) {
			t.Errorf("%s\ngot %v\nexpected %s", change, err, reason)
		}
	}
}
