package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("signalbox catalog", func() {
	printed := func(args ...string) string {
		GinkgoHelper()
		var stdout, stderr bytes.Buffer
		code := run(metric.NewMonitor(), append([]string{"catalog"}, args...), world{stdout: &stdout, stderr: &stderr})
		Expect(code).To(Equal(exitClean))
		Expect(stderr.String()).To(BeEmpty())
		return stdout.String()
	}

	// metrics returns the lines of the table by event, without the padding of columns.
	metrics := func(table string) map[string][]string {
		byEvent := map[string][]string{}
		event := ""
		for line := range strings.Lines(table) {
			if !strings.HasPrefix(line, "  ") {
				event = strings.TrimSuffix(line, "\n")
			} else {
				byEvent[event] = append(byEvent[event], strings.Join(strings.Fields(line), " "))
			}
		}
		return byEvent
	}

	It("prints a table with a line for each rule below its event", func() {
		table := metrics(printed())
		Expect(table["EVENT"]).To(Equal([]string{"unit UNIT OF THE VALUE", "values ATTRIBUTE: POSSIBLE VALUES", "TYPE OPERATION METRIC{LABELS}"}))
		for _, rule := range catalog.Rules(catalog.Inherited, catalog.All()...) {
			Expect(table[rule.Event]).To(ContainElement(MatchRegexp(
				`^%s %s\S* %s([ {]|$)`, rule.Type, rule.Operation, rule.FullName("concourse"))))
		}
		Expect(printed()).To(ContainSubstring("\nEvents of Concourse update metrics with the namespace ci only if "))
	})

	It("prints the selected catalogs", func() {
		concourse, ci := printed("--catalog=concourse"), printed("--catalog=ci")
		Expect(concourse).NotTo(ContainSubstring("ci_"))
		Expect(concourse).NotTo(ContainSubstring("namespace ci"))
		Expect(ci).NotTo(ContainSubstring("concourse"))
		Expect(ci).To(ContainSubstring("\nKnown events that update no metric: ci job queued, ci job started, "))
		Expect(printed("--catalog=ci,concourse")).To(Equal(printed()))
		Expect(printed("--catalog=ci", "--format=yaml")).To(And(
			ContainSubstring("\n    namespace: ci\n"), Not(ContainSubstring("concourse_"))))
	})

	It("shows the attributes that a rule requires", func() {
		table := metrics(printed())
		Expect(table["worker containers"]).To(Equal([]string{
			"unit containers",
			"gauge set concourse_workers_containers{platform!!, tags, team←team_name!, worker!}",
		}))
		Expect(table["build finished"]).To(ContainElements(
			"histogram observe/1000 concourse_builds_duration_seconds{job, pipeline, team←team_name!} (needs build_status!)",
			"counter inc concourse_builds_failed_total (if build_status=failed, needs team_name!, build_status!)",
			`counter inc ci_runs_finished_total{pipeline, ref_kind, repository←team_name, result←build_status!, system="concourse"}`,
		))
		Expect(printed()).To(ContainSubstring("Known events that update no metric: build started, "))
	})

	It("shows units and possible values", func() {
		Expect(metrics(printed())["check build finished"][:2]).To(Equal([]string{
			"unit milliseconds", "values build_status: succeeded, failed, errored, aborted"}))
		Expect(printed("--format=markdown")).To(ContainSubstring("| worker state | workers | state: running, stalled, landing, landed, retiring | gauge |"))
	})

	It("describes a single event", func() {
		Expect(printed("build finished")).To(Equal(`build finished

A build ended. The value is its duration.

UNIT OF THE VALUE
  milliseconds

ATTRIBUTES
  NAME            REQUIRED               VALUES
  build_id        no                     any
  build_status    for 6 of 7 metrics     succeeded, failed, errored, aborted
  job             no                     any
  pipeline        no                     any
  team_name       for 6 of 7 metrics     any
  trace_id        no                     any

METRICS
  counter      inc           concourse_builds_finished_total
  counter      inc           concourse_builds_finished{job, pipeline, status←build_status!, team←team_name!}
  = modern     inc           concourse_job_builds_finished_total{job, pipeline, status←build_status!, team←team_name!}
  counter      inc           concourse_builds_aborted_total (if build_status=aborted, needs team_name!, build_status!)
  counter      inc           concourse_builds_succeeded_total (if build_status=succeeded, needs team_name!, build_status!)
  counter      inc           concourse_builds_failed_total (if build_status=failed, needs team_name!, build_status!)
  counter      inc           concourse_builds_errored_total (if build_status=errored, needs team_name!, build_status!)
  histogram    observe/1000  concourse_builds_duration_seconds{job, pipeline, team←team_name!} (needs build_status!)
  counter      inc           ci_runs_finished_total{pipeline, ref_kind, repository←team_name, result←build_status!, system="concourse"}
  counter      inc           ci_run_errors_total{error_type="_OTHER", pipeline, repository←team_name, system="concourse"} (if build_status=failed)
  counter      inc           ci_run_errors_total{error_type="_OTHER", pipeline, repository←team_name, system="concourse"} (if build_status=errored)
  histogram    observe/1000  ci_run_duration_seconds{pipeline, repository←team_name, result←build_status!, system="concourse"}
  Events of Concourse update metrics with the namespace ci only if signalbox run is started with --catalog concourse,ci.

EXAMPLE
curl -d '{"name":"build finished","value":94000,"attributes":{"build_id":"4711","build_status":"succeeded","job":"unit","pipeline":"web","team_name":"main","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}}' http://127.0.0.1:19391/api/v1/events
`))
		Expect(printed("build", "finished")).To(Equal(printed("build finished")))
		Expect(printed("ci job finished")).To(Equal(`ci job finished

A job ended. The value is 1.

UNIT OF THE VALUE
  jobs

ATTRIBUTES
  NAME            REQUIRED               VALUES
  pipeline        no                     any
  repository      no                     any
  result          yes, and not empty     success, failure, error, timeout, cancellation, skip, other
  retry           no                     any
  runner_class    no                     any
  system          yes, and not empty     any

METRICS
  counter      inc           ci_jobs_finished_total{pipeline, repository, result!!, retry, runner_class, system!!}
  The event is in the catalog ci: start signalbox run with --catalog ci or concourse,ci.

EXAMPLE
curl -d '{"name":"ci job finished","value":1,"attributes":{"pipeline":"web","repository":"example/web","result":"success","retry":"false","runner_class":"ubuntu-latest","system":"github"}}' http://127.0.0.1:19391/api/v1/events
`))
		Expect(printed("--catalog=concourse", "build finished")).NotTo(ContainSubstring("ci_"))
		Expect(printed("worker tasks")).To(MatchRegexp(`(?m)^  platform +yes, and not empty +any$`))
		Expect(printed("mallocs")).To(And(ContainSubstring("updates no metric"), HaveSuffix(`curl -d '{"name":"mallocs","value":1}' http://127.0.0.1:19391/api/v1/events`+"\n")))
		Expect(printed("worker state", "--format=yaml")).To(HaveSuffix("silent_events: []\n"))
		Expect(strings.Count(printed("worker tasks", "--format=yaml"), "- event: ")).To(Equal(1))
	})

	DescribeTable("suggests the name of an event",
		func(name, reason string) {
			var stdout, stderr bytes.Buffer
			Expect(run(metric.NewMonitor(), []string{"catalog", name}, world{stdout: &stdout, stderr: &stderr})).To(Equal(exitBadUsage))
			Expect(stdout.String()).To(BeEmpty())
			Expect(stderr.String()).To(Equal(`signalbox: catalog: no built-in event has the name "` + name + `": ` + reason + "\n"))
		},
		Entry("misspelled", "Build finishd", `did you mean "build finished"?`),
		Entry("metric", "builds_failed_total", `it is a metric, which the event "build finished" updates`),
		Entry("metric with its namespace", "concourse_job_builds_finished_total", `it is a metric, which the event "build finished" updates`),
		Entry("metric of the other catalog", "ci_jobs_finished_total", `it is a metric, which the event "ci job finished" updates`),
		Entry("neither", "deploy", "signalbox catalog lists all events"),
	)

	It("names the catalog that has an event", func() {
		var stderr bytes.Buffer
		Expect(run(metric.NewMonitor(), []string{"catalog", "--catalog=ci", "build finished"}, world{stderr: &stderr})).To(Equal(exitBadUsage))
		Expect(stderr.String()).To(Equal(`signalbox: catalog: no built-in event has the name "build finished": the catalog concourse has this event: use --catalog concourse,ci` + "\n"))
	})

	It("has examples that no rule rejects", func() {
		config := &emitter.PrometheusConfig{Handler: true, Catalog: "concourse,ci"}
		started, err := config.NewEmitter(nil)
		Expect(err).NotTo(HaveOccurred())
		p := started.(*emitter.Prometheus)
		defer p.Close()
		for _, e := range catalog.Events(catalog.All()...) {
			example := printed(e.Name)
			_, body, _ := strings.Cut(example, "curl -d '")
			body, _, _ = strings.Cut(body, "' http:")
			var event metric.Event
			Expect(json.Unmarshal([]byte(body), &event)).To(Succeed(), example)
			var outcome metric.Outcome
			p.EmitReporting(nil, event, &outcome)
			Expect(outcome.Known).To(BeTrue(), example)
			Expect(outcome.Rejected).To(BeZero(), example)
			Expect(outcome.Updated > 0).To(Equal(!slices.Contains(catalog.SilentEvents(catalog.All()...), e.Name)), example)
		}
	})

	It("shows the other naming of a metric where it differs", func() {
		Expect(metrics(printed())).To(And(
			HaveKeyWithValue("lock held", []string{"unit 1 = acquired, 0 = released", "gauge hold concourse_locks_held{type!}"}),
			HaveKeyWithValue("tasks waiting", []string{
				"unit tasks",
				"gauge set concourse_tasks_waiting{platform, teamId, workerTags}",
				"= modern set concourse_tasks_waiting{platform, team_id←teamId, worker_tags←workerTags}",
			}),
			HaveKeyWithValue("gc: build collector duration (ms)", []string{
				"unit milliseconds",
				"histogram observe concourse_gc_gc_build_collector_duration",
				"= modern observe/1000 concourse_gc_build_collector_duration_seconds",
			}),
		))
		Expect(metrics(printed("--prometheus-naming=modern"))).To(And(
			HaveKeyWithValue("lock held", []string{"unit 1 = acquired, 0 = released", "gauge hold concourse_locks_held{type!}"}),
			HaveKeyWithValue("gc: build collector duration (ms)", []string{
				"unit milliseconds",
				"histogram observe/1000 concourse_gc_build_collector_duration_seconds",
				"= inherited observe concourse_gc_gc_build_collector_duration",
			}),
		))
	})

	It("prints a table with aligned columns that fits a terminal", func() {
		for _, naming := range []string{"inherited", "modern"} {
			table := printed("--prometheus-naming", naming)
			for line := range strings.Lines(table) {
				Expect(utf8.RuneCountInString(line)).To(BeNumerically("<=", 150), line)
				if i := max(strings.Index(line, " concourse_"), strings.Index(line, " ci_")); i >= 0 {
					Expect(i+1).To(Equal(strings.Index(strings.Split(table, "\n")[3], "METRIC")), line)
				}
			}
		}
	})

	It("prints a Markdown table", func() {
		lines := strings.Split(printed("--format=markdown"), "\n")
		Expect(lines[0]).To(Equal("| event | unit | possible values | type | operation | inherited metric | modern metric, where it differs |"))
		Expect(lines[1]).To(Equal("| --- | --- | --- | --- | --- | --- | --- |"))
		Expect(lines[2]).To(Equal("| error log | log lines |  | counter | inc | concourse_error_logs{message!} | concourse_error_logs_total{message!} |"))
		Expect(lines[3]).To(Equal("| lock held | 1 = acquired, 0 = released |  | gauge | hold | concourse_locks_held{type!} |  |"))
		Expect(printed("--format=markdown", "--prometheus-naming=modern")).To(ContainSubstring(
			"| gc: build collector duration (ms) | milliseconds |  | histogram | observe/1000 | concourse_gc_build_collector_duration_seconds " +
				"| concourse_gc_gc_build_collector_duration (observe) |\n"))
	})

	DescribeTable("prints every rule as JSON, and as a mapping file in YAML",
		func(naming catalog.Naming, catalogs []catalog.Name, args ...string) {
			var read struct {
				Builtin *bool
				Rules   []struct {
					rule.Rule
					IdleTTL string `json:"idle_ttl"`
				} `json:"rules"`
				SilentEvents []string `json:"silent_events"`
			}
			Expect(json.Unmarshal([]byte(printed(append(args, "--format=json")...)), &read)).To(Succeed())
			Expect(read.Builtin).To(HaveValue(BeFalse()))
			var rules []rule.Rule
			for _, r := range read.Rules {
				if r.IdleTTL != "" {
					var err error
					r.Rule.IdleTTL, err = time.ParseDuration(r.IdleTTL)
					Expect(err).NotTo(HaveOccurred())
				}
				rules = append(rules, r.Rule)
			}
			Expect(rules).To(Equal(catalog.Rules(naming, catalogs...)))
			Expect(read.SilentEvents).To(Equal(catalog.SilentEvents(catalogs...)))

			text := printed(append(args, "--format=yaml")...)
			Expect(text).To(MatchRegexp(`^# .* %s names.* signalbox run --mapping-file FILE.*\nbuiltin: false\nrules:\n`, naming))
			Expect(text).To(MatchRegexp(`\n    buckets: \[1, \d+, .*, 1200(, \d+)*\]\n`))
			var file printedCatalog
			decoder := yaml.NewDecoder(strings.NewReader(text))
			decoder.KnownFields(true)
			Expect(decoder.Decode(&file)).To(Succeed())
			Expect(file).To(Equal(printedCatalog{Rules: rules, SilentEvents: read.SilentEvents}))
		},
		Entry("by default", catalog.Inherited, catalog.All()),
		Entry("with inherited names", catalog.Inherited, catalog.All(), "--prometheus-naming=inherited"),
		Entry("with modern names", catalog.Modern, catalog.All(), "--prometheus-naming=modern"),
		Entry("of the catalog concourse", catalog.Inherited, nil, "--catalog=concourse"),
		Entry("of the catalog ci", catalog.Modern, []catalog.Name{catalog.CI}, "--prometheus-naming=modern", "--catalog=ci"),
	)

	It("prints durations with units", func() {
		idle := printedCatalog{Rules: []rule.Rule{{Event: "a", Metric: "m", IdleTTL: 5 * time.Minute}}}
		var text bytes.Buffer
		Expect(idle.writeJSON(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`"idle_ttl": "5m0s"`))
		text.Reset()
		Expect(idle.writeYAML(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring("idle_ttl: 5m0s\n"))
	})

	It("prints states with the label that shows them", func() {
		status := printedCatalog{Rules: []rule.Rule{{Event: "a", Metric: "m", Type: rule.Gauge, Operation: rule.State,
			Labels: []rule.Label{{Name: "job", Attribute: "job"}, {Name: "status", Attribute: "s", Required: rule.Present}},
			States: &rule.States{Label: "status", Values: []string{"running", "failed"}}}}}
		status.otherRules = status.Rules
		var text bytes.Buffer
		Expect(status.writeYAML(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring("    operation: state\n    states:\n      label: status\n      values: [running, failed]\n"))
		text.Reset()
		Expect(status.writeMarkdown(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`| state | concourse_m{job, status←s!=running\|failed} |`))
	})

	It("escapes vertical bars in Markdown", func() {
		var text bytes.Buffer
		rules := []rule.Rule{{Event: "a|b", Metric: "m"}}
		Expect(printedCatalog{Rules: rules, otherRules: rules}.writeMarkdown(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`| a\|b | `))
	})
})
