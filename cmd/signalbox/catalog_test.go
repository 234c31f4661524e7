package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter"
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

	It("is a table with a line for each rule", func() {
		table := printed()
		lines := strings.Split(table, "\n")
		Expect(lines[0]).To(MatchRegexp(`^EVENT +METRIC +TYPE +LABELS +OPERATION$`))
		for i, rule := range emitter.Catalog() {
			Expect(lines[i+1]).To(HavePrefix(rule.Event))
			Expect(strings.Index(lines[i+1], "concourse_"+rule.Metric)).To(Equal(strings.Index(lines[0], "METRIC")))
		}
	})

	It("shows what a rule asks of an event", func() {
		table := strings.Join(strings.Fields(printed()), " ")
		Expect(table).To(ContainSubstring("worker containers concourse_workers_containers gauge platform!!, tags, team←team_name!, worker! set"))
		Expect(table).To(ContainSubstring("build finished concourse_builds_duration_seconds histogram " +
			"job, pipeline, team←team_name! (needs build_status!) observe/1000"))
		Expect(table).To(ContainSubstring("build finished, build_status=failed concourse_builds_failed_total counter " +
			"(needs team_name!, build_status!) inc"))
		Expect(table).To(ContainSubstring("Known, and driving nothing: build started, "))
	})

	It("is a table for Markdown", func() {
		lines := strings.Split(printed("--format=markdown"), "\n")
		Expect(lines[0]).To(Equal("| event | metric | type | labels | operation |"))
		Expect(lines[1]).To(Equal("| --- | --- | --- | --- | --- |"))
		Expect(lines[2]).To(Equal("| error log | concourse_error_logs | counter | message! | inc |"))
	})

	It("has every rule as JSON", func() {
		var read struct {
			Rules        []emitter.Rule `json:"rules"`
			SilentEvents []string       `json:"silent_events"`
		}
		Expect(json.Unmarshal([]byte(printed("--format=json")), &read)).To(Succeed())
		Expect(read.Rules).To(Equal(emitter.Catalog()))
		Expect(read.SilentEvents).To(Equal(emitter.SilentEvents()))
	})

	It("has every rule as YAML", func() {
		var read catalog
		decoder := yaml.NewDecoder(strings.NewReader(printed("--format=yaml")))
		decoder.KnownFields(true)
		Expect(decoder.Decode(&read)).To(Succeed())
		Expect(read.Rules).To(Equal(emitter.Catalog()))
		Expect(read.SilentEvents).To(Equal(emitter.SilentEvents()))
	})

	It("writes durations for people", func() {
		idle := catalog{Rules: []emitter.Rule{{Event: "a", Metric: "m", IdleTTL: 5 * time.Minute}}}
		var text bytes.Buffer
		Expect(idle.writeJSON(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`"idle_ttl": "5m0s"`))
		text.Reset()
		Expect(idle.writeYAML(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring("idle_ttl: 5m0s\n"))
	})

	It("escapes what would end a cell in Markdown", func() {
		var text bytes.Buffer
		Expect(catalog{Rules: []emitter.Rule{{Event: "a|b", Metric: "m"}}}.writeMarkdown(&text)).To(Succeed())
		Expect(text.String()).To(ContainSubstring(`| a\|b | concourse_m |`))
	})

	It("does not mind a reader that has seen enough", func() {
		var stderr bytes.Buffer
		for _, format := range []string{"table", "markdown", "json", "yaml"} {
			code := run(metric.NewMonitor(), []string{"catalog", "--format", format}, world{stdout: brokenPipe{}, stderr: &stderr})
			Expect(code).To(Equal(exitClean))
			Expect(stderr.String()).To(BeEmpty())
		}
	})
})

// A brokenPipe is written to in vain.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }
