package engine

import (
	"fmt"
	"os"
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
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// loadMapping compiles a mapping file over the built-in catalog.
func loadMapping(content string) (book, compiled, error) {
	return loadMappingOver(catalog.Rules(catalog.Inherited), content)
}

// A book is the rules of a mapping.
type book mapping.Mapping

func loadMappingOver(rules []rule.Rule, content string) (book, compiled, error) {
	m := mapping.Source{File: "m.yml", Rules: rules, SilentEvents: catalog.SilentEvents(), Namespace: "ci"}.Parse([]byte(content))
	store := series.NewStore(series.Options{Constants: []series.Label{{Name: "zone", Value: "b"}}})
	if _, err := addOwnFamilies(store, Options{Source: mapping.Source{Namespace: "ci"}}, new(traffic.Tallies)); err != nil {
		panic(err)
	}
	c, err := compile("ci", m, store, nil)
	return book(m), c, err
}

// mustLoad is loadMapping of a file without faults.
func mustLoad(t *testing.T, content string) (book, compiled) {
	t.Helper()
	book, m, err := loadMapping(content)
	if err != nil {
		t.Fatalf("%s\n%v", content, err)
	}
	return book, m
}

func (b book) of(metric string) (rules []rule.Rule) {
	for _, r := range b.Rules {
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

func TestAMappingFileThatSaysNothingChangesNothing(t *testing.T) {
	for _, content := range []string{"", "\n# nothing yet\n", "---\n", "{}", "null", "builtin: true\nrules:\nmetrics: []\n"} {
		book, _ := mustLoad(t, content)
		if !reflect.DeepEqual(book.Rules, catalog.Rules(catalog.Inherited)) || !slices.Equal(book.SilentEvents, catalog.SilentEvents()) {
			t.Errorf("%q changes the catalog", content)
		}
	}
}

func TestTheCatalogAsYAMLLoadsBack(t *testing.T) {
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
	book, _ := mustLoad(t, string(content))
	if !reflect.DeepEqual(book.Rules, everything) {
		t.Errorf("got %+v", book.Rules)
	}
	if !slices.Equal(book.SilentEvents, catalog.SilentEvents()) {
		t.Errorf("silent events are %q", book.SilentEvents)
	}
}

func TestAMappingFileAddsAndTakesAway(t *testing.T) {
	book, m := mustLoad(t, `
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
	for _, gone := range []string{"error_logs", "jobs_scheduled_total", "builds_failed_total", "workers_registered"} {
		if len(book.of(gone)) > 0 || m.families[gone] != nil {
			t.Errorf("%s is still there", gone)
		}
	}
	for event, updates := range map[string]int{
		"deploy finished": 1, "jobs scheduled": 1, "noise": 0, "mallocs": 0, "error log": 0, "worker state": 0,
		"build finished": len(m.plans["build finished"].updates),
	} {
		if p := m.plans[event]; p == nil || len(p.updates) != updates {
			t.Errorf("%q drives %+v, want %d metrics", event, p, updates)
		}
	}
	if len(catalog.Rules(catalog.Inherited)) != len(book.Rules)+4-2 || m.families["deploys_total"].options.Name != "ci_deploys_total" {
		t.Errorf("there are %d rules and %d families", len(book.Rules), len(m.families))
	}
}

func TestAMappingFileChangesFamilies(t *testing.T) {
	before := catalog.Rules(catalog.Inherited)
	book, _ := mustLoad(t, `
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
	r := book.of("builds_duration_seconds")[0]
	if r.Help != "How long." || !slices.Equal(labelNamesOf(r), []string{"pipeline", "branch"}) || !slices.Equal(r.Buckets, []float64{10, 60.5, 600}) ||
		r.IdleTTL != 24*time.Hour || !r.NativeHistogram || r.Labels[1].Replace[0].With != "release" {
		t.Errorf("got %+v", r)
	}
	if r := book.of("builds_finished")[0]; r.IdleTTL != 90*time.Minute || len(r.Labels) != 4 {
		t.Errorf("got %+v", r)
	}
	if r := book.of("workers_containers")[0]; !slices.Equal(labelNamesOf(r), []string{"platform", "team", "node"}) || r.Worker != rule.Heartbeat {
		t.Errorf("got %+v", r)
	}
	if !reflect.DeepEqual(catalog.Rules(catalog.Inherited), before) {
		t.Error("the catalog itself was changed")
	}
}

func TestAnchorsAreFine(t *testing.T) {
	book, _ := mustLoad(t, `
rules:
  - {event: a, metric: a_total, type: counter, operation: inc, labels: &both [{name: x, attribute: x}]}
  - {event: b, metric: b_total, type: counter, operation: inc, labels: *both}
`)
	if r := book.of("b_total"); len(r) != 1 || len(r[0].Labels) != 1 {
		t.Errorf("got %+v", r)
	}
}

// ruleLine is a file with one rule in one line, which has more fields.
func ruleLine(more string) string {
	return "rules:\n  - {event: e, metric: m, type: gauge, operation: set, " + more + "}"
}

func TestWhatIsWrongWithAMappingFileIsSaidWithItsPlace(t *testing.T) {
	for _, c := range []struct{ content, want string }{
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
			`m.yml:2: not YAML: found character that cannot start any token: the line begins with a tab, want spaces`},
		{"\uFEFFrules:\n  - event: e\n  \tmetric: m\n",
			`m.yml:3: not YAML: found a tab character that violates indentation: the line begins with a tab, want spaces`},
		{"rules:\r  - event: x\r    help: 'it\r", `m.yml:3: not YAML: found unexpected end of stream`},
		{"\xff\xfer\x00:\x00\n\x00'\x00", `m.yml:2: not YAML: found unexpected end of stream`},
		{"rules:\n" + strings.Repeat("- a\n", 131_073), `m.yml:2: there are more than 131072 values in the file, aliases counted as what they stand for`},
		{"rules: #" + strings.Repeat("x", 300<<10) + "\n - [\n", `m.yml:2: not YAML: did not find expected node content, here or shortly before`},
		{"- a", `m.yml:1: want fields and their values, got a list`},
		{"hello", `m.yml:1: want fields and their values, got "hello"`},
		{"builtin: true\n---\nbuiltin: false", `m.yml:2: a second document begins here, want one in a file`},
		{"builtin: true\nrulse: []", `m.yml:2: rulse: unknown field: did you mean "rules"?`},
		{"builtin: true\n\"a b\\nc\": 1\n",
			`m.yml:2: "a b\nc": unknown field: want one of builtin, rules, silent_events, drop_events, metrics`},
		{"flags: []", `m.yml:1: flags: unknown field: want one of builtin, rules, silent_events, drop_events, metrics`},
		{"builtin: true\n\nbuiltin: false", `m.yml:3: field "builtin" is duplicated, first on line 1`},
		{"builtin: 3", `m.yml:1: builtin: want true or false, got "3"`},
		{"rules: yes", `m.yml:1: rules: want a list, got "yes"`},
		{"rules:\n  -", `m.yml:2: rules[0]: there is nothing after the dash`},
		{"rules: [e]", `m.yml:1: rules[0]: want fields and their values, got "e"`},

		// Rules.
		{ruleLine("lables: []"), `m.yml:2: rules[0].lables: unknown field: did you mean "labels"?`},
		{ruleLine("help: [a]"), `m.yml:2: rules[0].help: want a text, got a list`},
		{ruleLine("divide: many"), `m.yml:2: rules[0].divide: want a number, got "many"`},
		{ruleLine("divide: 0"), `m.yml:2: rules[0].divide: divide is 0, want a positive number`},
		{ruleLine("divide: -0.0"), `m.yml:2: rules[0].divide: divide is 0, want a positive number`},
		{ruleLine("divide: 1e-320"), `m.yml:2: rules[0].divide: divide is 1e-320, want a positive number, from 1e-100 to 1e+100`},
		{ruleLine("divide: 1e101"), `m.yml:2: rules[0].divide: divide is 1e+101, want a positive number, from 1e-100 to 1e+100`},
		{ruleLine("divide: "), `<nil>`},
		{ruleLine("idle_ttl: 300"), `m.yml:2: rules[0].idle_ttl: want a duration like 30s, 10m or 24h, got "300": did you mean 300s?`},
		{ruleLine("idle_ttl: 2d"), `m.yml:2: rules[0].idle_ttl: want a duration like 30s, 10m or 24h, got "2d": did you mean 48h?`},
		{ruleLine("idle_ttl: soon"), `m.yml:2: rules[0].idle_ttl: want a duration like 30s, 10m or 24h, got "soon"`},
		{ruleLine("idle_ttl: 1h"), `m.yml:2: rules[0].idle_ttl: a metric without labels has one series, which stays: idle_ttl wants labels`},
		{ruleLine("buckets: [1]"), `m.yml:2: rules[0].buckets: buckets go with histograms, not with a gauge`},
		{ruleLine("native_histogram: true"), `m.yml:2: rules[0].native_histogram: native_histogram goes with histograms, not with a gauge`},
		{ruleLine("labels: [{name: a, attribute: a, required: presnt}]"),
			`m.yml:2: rules[0].labels[0].required: label "a": required "presnt" is not one of present, non-empty: did you mean "present"?`},
		{ruleLine("labels: [{name: a, attribute: a}, {name: a, attribute: b}]"), `m.yml:2: rules[0].labels[1].name: label "a" is duplicated`},
		{ruleLine("labels: [{name: 1st, attribute: a}]"),
			`m.yml:2: rules[0].labels[0].name: label "1st" is not a label name: want letters, digits and _, not starting with a digit or __`},
		{ruleLine("labels: [{name: zone, attribute: a}]"),
			`m.yml:2: rules[0].metric: metric ci_m: constant label "zone" is also a label of the metric itself`},
		{ruleLine("when: {value: a}"), `m.yml:2: rules[0].when: when has no attribute`},
		{"rules:\n  - event: e\n    type: countr\n    metric: m\n    operation: inc",
			`m.yml:3: rules[0].type: type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`},
		{"rules:\n  - metric: m\n    type: gauge\n    operation: hold", `m.yml:2: rules[0].event: event is empty`},
		{"rules:\n  - event: e\n    metric: m\n    type: counter\n    operation: set",
			`m.yml:5: rules[0].operation: operation "set" does not go with a counter: want add or inc`},
		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [-1, 0, 1]}",
			`m.yml:2: rules[0].buckets: buckets [-1 0 1] begin below 0, want bounds of at least 0`},
		{"rules:\n- &a {event: e, metric: e_total, type: counter, operation: inc}\n- <<: *a\n  event: f\n  hlep: x",
			`m.yml:3: rules[1]: merge keys (<<) are not supported: write the fields out`},
		{ruleLine("labels: [{<<: {name: a}, attribute: a}]"), `m.yml:2: rules[0].labels[0]: merge keys (<<) are not supported: write the fields out`},
		{"<<: {rules: []}", `m.yml:1: merge keys (<<) are not supported: write the fields out`},
		{"'<<': {rules: []}", `m.yml:1: "<<": unknown field: want one of builtin, rules, silent_events, drop_events, metrics`},
		{"rules:\n- {event: e, metric: builds_started_total, type: counter, operation: inc}",
			`m.yml:2: rules[0]: metric "builds_started_total" is defined differently by the rule for event "builds started": ` +
				`help is "", want "Builds started."`},
		{"rules:\n- {event: builds started, metric: builds_started_total, type: counter, operation: inc, help: Builds started.}",
			`m.yml:2: rules[0]: event "builds started" updates metric "builds_started_total" in this way already`},
		{"rules:\n- {event: e, metric: workers_last_seen_timestamp_seconds, type: gauge, operation: set}",
			`m.yml:2: rules[0].metric: metric ci_workers_last_seen_timestamp_seconds exists already, as one of Signalbox's own`},
		{"rules:\n- {event: e, metric: builds_duration_seconds_sum, type: gauge, operation: set}",
			`m.yml:2: rules[0].metric: metric ci_builds_duration_seconds_sum has the name of a sample of the histogram ci_builds_duration_seconds`},
		{"rules:\n- {event: e, metric: h_sum, type: gauge, operation: set}\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [1]}",
			`m.yml:3: rules[1].metric: metric ci_h would have a sample of the name of the metric ci_h_sum`},
		{"rules:\n- {event: e, metric: h_created, type: gauge, operation: set}\n- {event: e, metric: h, type: histogram, operation: observe, buckets: [1]}",
			`m.yml:3: rules[1].metric: metric ci_h would have a sample of the name of the metric ci_h_created`},

		{"rules:\n- {event: e, metric: h, type: histogram, operation: observe}",
			`m.yml:2: rules[0].buckets: a histogram needs buckets: want their upper bounds, such as [0.1, 1, 10]`},
		{"rules:\n- {event: e, metric: ci_e_total, type: counter, operation: inc}",
			`m.yml:2: rules[0].metric: metric "ci_e_total" would become "ci_ci_e_total": leave out "ci_", which is the namespace`},

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
			`m.yml:2: rules[0].labels[0].replace[0].with: "US$" has a $ that stands for nothing: want $1, ${1}, ${name}, or $$ for a dollar`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '" + strings.Repeat("(", 999) + "a" + strings.Repeat(")", 999) + "', with: x}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].match: ` + excerpt.Quote(strings.Repeat("(", 999)+"a"+strings.Repeat(")", 999)) +
				` is not a regular expression (RE2): expression nests too deeply`},

		{ruleLine("labels: [{name: a, attribute: a, replace: [{with: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0]: match is missing: want a regular expression, or '' for the empty value`},
		{"metrics: [{metric: builds_finished, add_labels: [{name: a, attribute: a, replace: [{match: , with: z}]}]}]",
			`m.yml:1: metrics[0].add_labels[0].replace[0]: match is missing: want a regular expression, or '' for the empty value`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: '', with: ''}]}]"), `<nil>`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{match: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0]: with is missing: want what the value becomes, or '' for the empty value`},
		{ruleLine("labels: [{name: a, attribute: a, replace: [{mtach: a, with: z}]}]"),
			`m.yml:2: rules[0].labels[0].replace[0].mtach: unknown field: did you mean "match"?`},

		// Events.
		{"drop_events: [eror log]", `m.yml:1: drop_events[0]: no built-in rule is for the event "eror log": did you mean "error log"?`},
		{"drop_events:\n- error log\n- error log", `m.yml:3: drop_events[1]: "error log" is duplicated`},
		{"drop_events: [mallocs]", `m.yml:1: drop_events[0]: "mallocs" drives nothing anyway`},
		{"builtin: false\ndrop_events: [error log]", `m.yml:2: drop_events[0]: no built-in rule is for the event "error log"`},
		{"silent_events: [error log]",
			`m.yml:1: silent_events[0]: "error log" drives a metric: drop_events is for taking away the built-in rules of an event`},
		{"silent_events: [a, a]", `m.yml:1: silent_events[1]: "a" is duplicated`},
		{"silent_events: ['']", `m.yml:1: silent_events[0]: the name of an event is empty`},

		// Changes to metrics.
		{"metrics: [{help: a}]", "m.yml:1: metrics[0]: there is no metric: want the name of one, as `signalbox catalog` has it, without the namespace"},
		{"metrics: [{metric: concourse_builds_finished, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule drives the metric "concourse_builds_finished": did you mean "builds_finished"?`},
		{"metrics: [{metric: build_finished, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule drives the metric "build_finished": did you mean "builds_finished"?`},
		{"metrics: [{metric: job_builds_finished_total, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].metric: no rule drives the metric "job_builds_finished_total": with --prometheus-naming=inherited it is "builds_finished"`},
		{"metrics: [{metric: signalbox_series, drop: true}]", `m.yml:1: metrics[0].metric: "signalbox_series" is not driven by rules, and cannot be changed`},
		{"metrics:\n- metric: builds_finished\n  idle_ttl: 1h\n- metric: builds_finished\n  help: a",
			`m.yml:4: metrics[1].metric: there are changes to "builds_finished" already: want all of them together`},
		{"metrics: [{metric: builds_finished, drop: true, help: a}]", `m.yml:1: metrics[0].drop: a metric that is dropped cannot be changed as well`},
		{"metrics: [{metric: builds_finished}]",
			`m.yml:1: metrics[0]: nothing is changed: want one of drop, help, drop_labels, add_labels, buckets, idle_ttl, native_histogram`},
		{"metrics:\n- metric: builds_finished\n  drop_labels:\n  - jobb",
			`m.yml:4: metrics[0].drop_labels[0]: metric "builds_finished" has no label "jobb", only job, pipeline, status, team: did you mean "job"?`},
		{"metrics: [{metric: builds_started_total, drop_labels: [a]}]", `m.yml:1: metrics[0].drop_labels[0]: metric "builds_started_total" has no labels`},
		{"metrics: [{metric: workers_containers, drop_labels: [team, worker]}]",
			`m.yml:1: metrics[0].drop_labels[1]: "worker" says which worker a series of "workers_containers" belongs to, and goes with, so it must stay`},
		{"metrics:\n- metric: builds_finished\n  drop_labels: [team]\n  add_labels:\n  - {name: x, attribute: x}\n  - {name: job, attribute: x}",
			`m.yml:6: metrics[0].add_labels[1].name: label "job" is duplicated`},
		{"metrics:\n- metric: builds_finished\n  buckets: [1]",
			`m.yml:3: metrics[0].buckets: buckets go with histograms, not with a counter`},
		{"metrics: [{metric: builds_duration_seconds, buckets: [2, 1]}]", `m.yml:1: metrics[0].buckets: buckets [2 1] are not finite and ascending`},
		{"metrics: [{metric: builds_duration_seconds, buckets: []}]",
			`m.yml:1: metrics[0].buckets: a histogram needs buckets: want their upper bounds, such as [0.1, 1, 10]`},
		{"metrics: [{metric: builds_started_total, idle_ttl: 1h}]",
			`m.yml:1: metrics[0].idle_ttl: a metric without labels has one series, which stays: idle_ttl wants labels`},
	} {
		if _, _, err := loadMapping(c.content); fmt.Sprint(err) != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.content, err, c.want)
		}
	}
}

func TestAllThatIsWrongWithAMappingFileIsSaidAtOnce(t *testing.T) {
	_, _, err := loadMapping(`metrics:
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
	want := `m.yml:2: metrics[0].metric: no rule drives the metric "builds_finishd": did you mean "builds_finished"?
m.yml:7: rules[0].type: type "countr" is not one of counter, gauge, histogram: did you mean "counter"?
m.yml:10: rules[0].labels[0].attribut: unknown field: did you mean "attribute"?
m.yml:10: rules[0].labels[0].name: label "a-b" is not a label name: want letters, digits and _, not starting with a digit or __
m.yml:11: rules[1]: metric "error_logs" is defined differently by the rule for event "error log": type is gauge, want counter; help is "", want "Error-level log lines, by message."; list of label names is [], want [message]
m.yml:15: silent_evnts: unknown field: did you mean "silent_events"?`
	if fmt.Sprint(err) != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAMisspeltFieldHidesNoOtherFault(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"metrics:\n- metric: builds_finished\n  drop_label: [job]\n  add_labels: [{name: job, attribute: job}]\n  idle_ttl: -1s\n",
			`m.yml:3: metrics[0].drop_label: unknown field: did you mean "drop_labels"?
m.yml:5: metrics[0].idle_ttl: idle_ttl -1s is negative`},
		{"metrics:\n- metric: workers_containers\n  drop_labels: [worker]\n  add_label: [{name: node, attribute: worker}]\n  buckets: [1]\n",
			`m.yml:4: metrics[0].add_label: unknown field: did you mean "add_labels"?
m.yml:5: metrics[0].buckets: buckets go with histograms, not with a gauge`},
		{"metrics:\n- metric: nothing_such\n  hlep: a\n",
			`m.yml:2: metrics[0].metric: no rule drives the metric "nothing_such"
m.yml:3: metrics[0].hlep: unknown field: did you mean "help"?`},
		{"metrics:\n- metric: builds_finished\n  hlep: a\n", `m.yml:3: metrics[0].hlep: unknown field: did you mean "help"?`},
		{"metrics:\n- mteric: builds_finished\n  help: a\n", `m.yml:2: metrics[0].mteric: unknown field: did you mean "metric"?`},
		{"rules:\n- event: e\n  metric: m\n  operation: incr\n",
			`m.yml:2: rules[0].type: type is missing: want counter, gauge or histogram
m.yml:4: rules[0].operation: operation "incr" is not one of add, inc, set, hold, observe: did you mean "inc"?`},
	} {
		if _, _, err := loadMapping(c.content); fmt.Sprint(err) != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.content, err, c.want)
		}
	}
}

func TestOfVeryManyFaultsTheFirstAreSaid(t *testing.T) {
	const rules = 5000
	var content strings.Builder
	content.WriteString("rules:\n")
	for i := range rules {
		fmt.Fprintf(&content, "- {zork%d: 1}\n", i)
	}
	_, _, err := loadMapping(content.String())
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 100+1 {
		t.Fatalf("there are %d lines", len(lines))
	}
	if want := "m.yml:2: rules[0].zork0: unknown field: want one of "; !strings.HasPrefix(lines[0], want) {
		t.Errorf("the first line is %s", lines[0])
	}
	if last := lines[100]; !strings.HasSuffix(last, fmt.Sprintf(": and %d more", 5*rules-100)) {
		t.Errorf("the last line is %s", last)
	}
}

func TestTheExamplesInTheDocumentationLoad(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("there are only %d examples", len(blocks))
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(operations), "```yaml\n")[1:] {
		if strings.HasPrefix(block, "metrics:") { // others are for Prometheus
			blocks = append(blocks, block)
		}
	}
	for _, block := range blocks {
		content, _, _ := strings.Cut(block, "```")
		if _, _, err := loadMapping(content); err != nil {
			t.Errorf("%s\n%v", content, err)
		}
	}
}

func FuzzMappingFile(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "rules:\n- *a", "a: &a [*a]", "rules: &a [*a]", "rules: [&a {labels: *a}]", "!!binary a", "<<: {rules: []}", "? [a]\n: b",
		ruleLine("labels: [{name: a, attribute: a, replace: [{match: '(a)', with: '$1'}]}]"),
		"metrics:\n- metric: builds_finished\n  drop_labels: [team]\n  add_labels:\n  - {name: x, attribute: x}\n  idle_ttl: 3h",
		"drop_events: [error log]\nsilent_events: [a]\nbuiltin: false",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		book, m, err := loadMappingOver(catalog.Rules(catalog.Inherited)[:12], content)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "m.yml:") && !strings.Contains(content, "\n") {
					t.Errorf("%q has no place", line)
				}
			}
			return
		}
		for _, r := range book.Rules {
			if m.families[r.Metric] == nil || m.plans[r.Event] == nil {
				t.Errorf("rule %+v came to nothing", r)
			}
		}
	})
}
