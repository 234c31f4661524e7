package emitter_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// What the emitter has in common with the one in Concourse's web node. See also
// replay_test.go.
var _ = Describe("As Concourse's emitter, the Prometheus emitter", func() {
	var (
		now    time.Time
		config *emitter.PrometheusConfig
		logger *lagertest.TestLogger
	)
	BeforeEach(func() {
		now = time.UnixMilli(1_700_000_000_000)
		logger = lagertest.NewTestLogger("emitter")
		config = &emitter.PrometheusConfig{GCInterval: time.Hour, Clock: func() time.Time { return now }}
	})

	DescribeTable("knows the events of older versions", func(name string) {
		p := start(config, nil)
		p.Emit(logger, event(name, 1, nil))
		samples := samplesOf(p)
		Expect(samples).To(HaveKeyWithValue("signalbox_events_unknown_total", "0"))
		Expect(samples).To(HaveKeyWithValue("signalbox_events_received_total", "1"))
		Expect(samples).To(HaveKeyWithValue(rejectedFor("missing_attribute"), "0"))
		Expect(logger.Logs()).To(BeEmpty())
	},
		Entry("5.0 to 5.8", "resource checked"),
		Entry("5.0 to 5.8", "scheduling: full duration (ms)"),
		Entry("5.0 to 5.8", "scheduling: loading versions duration (ms)"),
		Entry("5.0 to 7.6", "GC container collector job dropped"),
		Entry("5.6 to 5.8", "check finished"),
		Entry("5.8", "check enqueued"),
		Entry("5.8", "check queue size"),
		Entry("5.8", "check started"),
		Entry("5.8 to 7.1", "checks deleted"),
		Entry("7.2 to 7.8", "check build started"),
	)

	DescribeTable("maps the events of Concourse 5 with its mapping file", func(naming string) {
		config.MappingFile, config.Naming = "../deploy/concourse/concourse-5.yml", naming
		p := start(config, nil)
		p.Emit(logger, event("build started", 4711, nil))
		p.Emit(logger, event("resource checked", 1, attributes{"pipeline": "p", "resource": "r", "team_name": "t"}))
		p.Emit(logger, event("scheduling: full duration (ms)", 1500, attributes{"pipeline": "p"}))
		p.Emit(logger, event("scheduling: loading versions duration (ms)", 500, attributes{"pipeline": "p"}))
		p.Emit(logger, event("check enqueued", 1, attributes{"scope_id": "3", "check_name": "c"}))
		p.Emit(logger, event("check queue size", 4, nil))
		p.Emit(logger, event("check started", 200, attributes{"scope_id": "3", "check_name": "c", "check_status": "started"}))
		p.Emit(logger, event("check finished", 2000, attributes{"scope_id": "3", "check_name": "c", "check_status": "succeeded"}))
		samples := samplesOf(p)
		for sample, value := range map[string]string{
			`concourse_builds_started_total`:                                                      "1",
			`concourse_resource_checks_total{pipeline="p",team="t"}`:                              "1",
			`concourse_scheduling_total{pipeline="p"}`:                                            "1",
			`concourse_scheduling_full_duration_seconds_total{pipeline="p"}`:                      "1.5",
			`concourse_scheduling_loading_duration_seconds_total{pipeline="p"}`:                   "0.5",
			`concourse_lidar_check_enqueue{name="c",scope_id="3"}`:                                "1",
			`concourse_lidar_check_queue_size`:                                                    "4",
			`concourse_lidar_duration_seconds_sum{scope_id="3",status="started"}`:                 "0.2",
			`concourse_lidar_duration_seconds_bucket{scope_id="3",status="succeeded",le="1"}`:     "0",
			`concourse_lidar_duration_seconds_bucket{scope_id="3",status="succeeded",le="60"}`:    "1",
			`concourse_lidar_duration_seconds_bucket{scope_id="3",status="succeeded",le="0.001"}`: "0",
		} {
			Expect(samples).To(HaveKeyWithValue(sample, value))
		}
		Expect(logger.Logs()).To(BeEmpty())
	},
		Entry("inherited names", "inherited"),
		Entry("modern names", "modern"),
	)

	DescribeTable("removes gauges that another web node reports by now", func(naming string) {
		config.Naming, config.WorkerStaleAfter = naming, time.Hour
		p := start(config, nil)
		p.Emit(logger, workerContainers("w", 3))
		p.Emit(logger, event("worker state", 7, attributes{"state": "stalled"}))
		p.Emit(logger, event("worker unknown containers", 2, attributes{"worker": "w"}))
		p.Emit(logger, event("worker unknown volumes", 2, attributes{"worker": "w"}))
		p.Emit(logger, event("latest completed build status", 1, attributes{"jobName": "j", "pipelineName": "p", "teamName": "t"}))
		p.Emit(logger, event("database connections", 5, attributes{"ConnectionName": "api"}))

		now = now.Add(5 * time.Minute)
		p.Emit(logger, event("worker state", 3, attributes{"state": "running"}))
		now = now.Add(5*time.Minute - 1)
		p.CollectGarbage()
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_registered{state="stalled"}`, "7"))
		now = now.Add(1)
		p.CollectGarbage()

		samples := samplesOf(p)
		Expect(samples).To(HaveKeyWithValue(`concourse_workers_registered{state="running"}`, "3"))
		Expect(samples).NotTo(HaveKey(`concourse_workers_registered{state="stalled"}`))
		Expect(samples).NotTo(HaveKey(`concourse_workers_unknown_containers{worker="w"}`))
		Expect(samples).NotTo(HaveKey(`concourse_workers_unknown_volumes{worker="w"}`))
		kept := 0
		for sample := range samples {
			if strings.HasPrefix(sample, "concourse_db_connections{") || strings.HasPrefix(sample, "concourse_builds_latest_completed_") ||
				strings.HasPrefix(sample, "concourse_workers_containers{") {
				kept++
			}
		}
		Expect(kept).To(Equal(3))

		p.Emit(logger, event("worker state", 1, attributes{"state": "stalled"}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_registered{state="stalled"}`, "1"))
	},
		Entry("inherited names", "inherited"),
		Entry("modern names", "modern"),
	)

	Describe("in a program that has its own Emitter interface, and so never calls Attach,", func() {
		var other *lagertest.TestLogger
		// reload makes the emitter log outside of Emit.
		reload := func(p *emitter.Prometheus) {
			GinkgoHelper()
			Expect(os.WriteFile(config.MappingFile, []byte("rules: 7"), 0o600)).To(Succeed())
			Expect(p.Reload()).NotTo(Succeed())
		}
		BeforeEach(func() {
			other = lagertest.NewTestLogger("other")
			config.MappingFile = filepath.Join(GinkgoT().TempDir(), "ci.yml")
			Expect(os.WriteFile(config.MappingFile, nil, 0o600)).To(Succeed())
		})

		It("logs to the logger of the first event", func() {
			p := start(config, nil)
			reload(p)
			Expect(logger.Logs()).To(BeEmpty())
			p.Emit(nil, event("builds started", 1, nil))
			p.Emit(logger, event("builds started", 1, nil))
			p.Emit(other, event("builds started", 1, nil))
			reload(p)
			Expect(logger.LogMessages()).To(ConsistOf(HavePrefix("emitter.prometheus.")))
			Expect(other.Logs()).To(BeEmpty())
		})

		It("prefers the logger of its configuration", func() {
			config.Logger = other
			p := start(config, nil)
			p.Emit(logger, event("builds started", 1, nil))
			reload(p)
			Expect(other.Logs()).To(HaveLen(1))
			Expect(logger.Logs()).To(BeEmpty())
		})
	})

	It("prefers an attached logger to that of an event", func() {
		attached := lagertest.NewTestLogger("attached")
		p := start(config, nil)
		p.Attach(attached, nil)
		p.Emit(logger, event("builds started", 1, nil))
		Expect(p.Engine().Logger().SessionName()).To(Equal("attached.prometheus"))
	})

	Describe("differs only as docs/concourse.md says:", func() {
		var differences string // that section of the page
		BeforeEach(func() {
			page, err := os.ReadFile("../docs/concourse.md")
			Expect(err).NotTo(HaveOccurred())
			_, differences, _ = strings.Cut(string(page), "\n## Differences\n")
			differences, _, _ = strings.Cut(differences, "\n## ")
			Expect(differences).NotTo(BeEmpty())
		})

		It("in the defaults of flags", func() {
			// With these defaults, the emitter behaves like Concourse.
			same := map[string]string{
				"prometheus-namespace": "concourse", "prometheus-naming": "inherited",
				"prometheus-worker-stale-after": "2m", "prometheus-gc-interval": "1m",
			}
			for flag := range reflect.TypeFor[emitter.PrometheusConfig]().Fields() {
				name, value := flag.Tag.Get("long"), flag.Tag.Get("default")
				if value == "" || same[name] == value {
					continue
				}
				Expect(differences).To(MatchRegexp(`\| .--%s. \| .?%s\b`, name, value))
			}
		})

		It("in the families on the page", func() {
			for _, family := range ours {
				Expect(differences).To(ContainSubstring("`" + family + "`"))
			}
			for _, r := range catalog.Rules(catalog.Inherited) {
				if r.IdleTTL > 0 {
					Expect(differences).To(ContainSubstring("`concourse_" + r.Metric + "`"))
				}
			}
		})
	})

	DescribeTable("counts error logs with long messages", func(message, label string) {
		p := start(config, nil)
		p.Emit(logger, event("error log", 1, attributes{"message": message}))
		p.Emit(logger, event("error log", 1, attributes{"message": message + "!"[:min(1, len(message)/20000)]}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_error_logs{message="`+label+`"}`, "2"))
		Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("label_value_too_long"), "0"))
	},
		Entry("at the limit", strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10)),
		Entry("above it", strings.Repeat("x", 20_000), strings.Repeat("x", 16<<10-3)+"…"),
		Entry("cut between characters", strings.Repeat("é", 20_000), strings.Repeat("é", (16<<10-3)/2)+"…"),
		Entry("a megabyte", strings.Repeat("x", 1<<20), strings.Repeat("x", 16<<10-3)+"…"),
	)
})
