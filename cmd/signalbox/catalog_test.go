package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

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
		Expect(table["EVENT"]).To(Equal([]string{"TYPE OPERATION METRIC{LABELS}"}))
		for _, rule := range catalog.Rules(catalog.Inherited) {
			Expect(table[rule.Event]).To(ContainElement(MatchRegexp(
				`^%s %s\S* concourse_%s([ {]|$)`, rule.Type, rule.Operation, rule.Metric)))
		}
	})

	It("shows the attributes that a rule requires", func() {
		table := metrics(printed())
		Expect(table["worker containers"]).To(Equal([]string{
			"gauge set concourse_workers_containers{platform!!, tags, team←team_name!, worker!}",
		}))
		Expect(table["build finished"]).To(ContainElements(
			"histogram observe/1000 concourse_builds_duration_seconds{job, pipeline, team←team_name!} (needs build_status!)",
			"counter inc concourse_builds_failed_total (if build_status=failed, needs team_name!, build_status!)",
		))
		Expect(printed()).To(ContainSubstring("Known events that update no metric: build started, "))
	})

	It("shows the other naming of a metric where it differs", func() {
		Expect(metrics(printed())).To(And(
			HaveKeyWithValue("lock held", []string{"gauge hold concourse_locks_held{type!}"}),
			HaveKeyWithValue("tasks waiting", []string{
				"gauge set concourse_tasks_waiting{platform, teamId, workerTags}",
				"= modern set concourse_tasks_waiting{platform, team_id←teamId, worker_tags←workerTags}",
			}),
			HaveKeyWithValue("gc: build collector duration (ms)", []string{
				"histogram observe concourse_gc_gc_build_collector_duration",
				"= modern observe/1000 concourse_gc_build_collector_duration_seconds",
			}),
		))
		Expect(metrics(printed("--prometheus-naming=modern"))).To(And(
			HaveKeyWithValue("lock held", []string{"gauge hold concourse_locks_held{type!}"}),
			HaveKeyWithValue("gc: build collector duration (ms)", []string{
				"histogram observe/1000 concourse_gc_build_collector_duration_seconds",
				"= inherited observe concourse_gc_gc_build_collector_duration",
			}),
		))
	})

	It("prints a table with aligned columns that fits a terminal", func() {
		for _, naming := range []string{"inherited", "modern"} {
			table := printed("--prometheus-naming", naming)
			for line := range strings.Lines(table) {
				Expect(utf8.RuneCountInString(line)).To(BeNumerically("<=", 140), line)
				if strings.Contains(line, " concourse_") {
					Expect(strings.Index(line, "concourse_")).To(Equal(strings.Index(strings.Split(table, "\n")[1], "METRIC")), line)
				}
			}
		}
	})

	It("prints a Markdown table", func() {
		lines := strings.Split(printed("--format=markdown"), "\n")
		Expect(lines[0]).To(Equal("| event | type | operation | inherited metric | modern metric, where it differs |"))
		Expect(lines[1]).To(Equal("| --- | --- | --- | --- | --- |"))
		Expect(lines[2]).To(Equal("| error log | counter | inc | concourse_error_logs{message!} | concourse_error_logs_total{message!} |"))
		Expect(lines[3]).To(Equal("| lock held | gauge | hold | concourse_locks_held{type!} |  |"))
		Expect(printed("--format=markdown", "--prometheus-naming=modern")).To(ContainSubstring(
			"| gc: build collector duration (ms) | histogram | observe/1000 | concourse_gc_build_collector_duration_seconds " +
				"| concourse_gc_gc_build_collector_duration (observe) |\n"))
	})

	DescribeTable("prints every rule as JSON, and as a mapping file in YAML",
		func(naming catalog.Naming, args ...string) {
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
			Expect(rules).To(Equal(catalog.Rules(naming)))
			Expect(read.SilentEvents).To(Equal(catalog.SilentEvents()))

			text := printed(append(args, "--format=yaml")...)
			Expect(text).To(MatchRegexp(`^# .* %s names.* signalbox run --mapping-file FILE.*\nbuiltin: false\nrules:\n`, naming))
			Expect(text).To(ContainSubstring("\n    buckets: [1, 15, 30, 60, 120, 180, 240, 300, 600, 1200]\n"))
			var file printedCatalog
			decoder := yaml.NewDecoder(strings.NewReader(text))
			decoder.KnownFields(true)
			Expect(decoder.Decode(&file)).To(Succeed())
			Expect(file).To(Equal(printedCatalog{Rules: rules, SilentEvents: read.SilentEvents}))
		},
		Entry("by default", catalog.Inherited),
		Entry("with inherited names", catalog.Inherited, "--prometheus-naming=inherited"),
		Entry("with modern names", catalog.Modern, "--prometheus-naming=modern"),
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

	It("escapes vertical bars in Markdown", func() {
		var text bytes.Buffer
		rules := []rule.Rule{{Event: "a|b", Metric: "m"}}
		Expect(printedCatalog{Rules: rules, otherRules: rules}.writeMarkdown(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`| a\|b | `))
	})
})
