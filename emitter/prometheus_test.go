package emitter_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

// start starts an emitter, on any free port unless the configuration has an address.
// The emitter is closed when the spec ends.
func start(config *emitter.PrometheusConfig, attributes map[string]string) *emitter.Prometheus {
	GinkgoHelper()
	return startFor(GinkgoTB(), config, attributes)
}

// startFor is start for tests without Ginkgo.
func startFor(tb testing.TB, config *emitter.PrometheusConfig, attributes map[string]string) *emitter.Prometheus {
	tb.Helper()
	if config.BindIP == "" {
		config.BindIP, config.BindPort = "127.0.0.1", "0"
	}
	e, err := config.NewEmitter(attributes)
	if err != nil {
		tb.Fatal(err)
	}
	p := e.(*emitter.Prometheus)
	tb.Cleanup(func() { p.Close() })
	return p
}

// samplesOf returns the values on the emitter's own page, by sample name and labels.
func samplesOf(p *emitter.Prometheus) map[string]string {
	GinkgoHelper()
	var b bytes.Buffer
	Expect(emitter.WritePage(p, &b, expfmt.NewFormat(expfmt.TypeTextPlain))).To(Succeed())
	return readPage(b.String()).samples
}

func scrape(p *emitter.Prometheus) string {
	GinkgoHelper()
	return scrapeAs(p, "")
}

func scrapeOpenMetrics(p *emitter.Prometheus) string {
	GinkgoHelper()
	return scrapeAs(p, "application/openmetrics-text;version=1.0.0")
}

// scrapeAs returns the metrics page in the format that accept asks for.
func scrapeAs(p *emitter.Prometheus, accept string) string {
	GinkgoHelper()
	r, err := http.NewRequest(http.MethodGet, "http://"+p.Addr()+"/metrics", nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(body)
}

type attributes = map[string]string

func event(name string, value float64, a attributes) metric.Event {
	return metric.Event{Name: name, Value: value, Attributes: a}
}

func workerContainers(worker string, n float64) metric.Event {
	return event("worker containers", n, attributes{"worker": worker, "platform": "linux", "team_name": "main", "tags": "a/b"})
}

func rejectedFor(reason string) string {
	return fmt.Sprintf("signalbox_events_rejected_total{reason=%q}", reason)
}

var _ = Describe("The Prometheus emitter", func() {
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

	Describe("events", func() {
		It("update every metric with a rule for them", func() {
			p := start(config, nil)
			p.Emit(logger, event("build finished", 90_000, attributes{
				"build_status": "failed", "team_name": "main", "pipeline": "p", "job": "unit", "build_id": "7",
			}))
			samples := samplesOf(p)
			for sample, value := range map[string]string{
				`concourse_builds_finished_total`:                                                        "1",
				`concourse_builds_failed_total`:                                                          "1",
				`concourse_builds_succeeded_total`:                                                       "0",
				`concourse_builds_finished{job="unit",pipeline="p",status="failed",team="main"}`:         "1",
				`concourse_builds_duration_seconds_sum{job="unit",pipeline="p",team="main"}`:             "90",
				`concourse_builds_duration_seconds_bucket{job="unit",pipeline="p",team="main",le="60"}`:  "0",
				`concourse_builds_duration_seconds_bucket{job="unit",pipeline="p",team="main",le="180"}`: "1",
				`concourse_builds_check_finished_total`:                                                  "0",
				`signalbox_events_received_total`:                                                        "1",
				`signalbox_events_unknown_total`:                                                         "0",
				`signalbox_series{metric="concourse_builds_finished"}`:                                   "1",
				rejectedFor("missing_attribute"):                                                         "0",
			} {
				Expect(samples).To(HaveKeyWithValue(sample, value))
			}
			Expect(logger.Logs()).To(BeEmpty())
		})

		DescribeTable("update the series with the operation of their rule",
			func(sample, want string, events ...metric.Event) {
				p := start(config, nil)
				for _, e := range events {
					p.Emit(logger, e)
				}
				Expect(samplesOf(p)).To(HaveKeyWithValue(sample, want))
			},
			Entry("add", "concourse_db_queries_total", "5.5", event("database queries", 3, nil), event("database queries", 2.5, nil)),
			Entry("inc", `concourse_error_logs{message="m"}`, "2",
				event("error log", 7, attributes{"message": "m"}), event("error log", -1, attributes{"message": "m"})),
			Entry("set", `concourse_builds_running`, "-2", event("builds running", 3, nil), event("builds running", -2, nil)),
			Entry("hold", `concourse_locks_held{type="t"}`, "-1",
				event("lock held", 1, attributes{"type": "t"}), event("lock held", 0, attributes{"type": "t"}), event("lock held", 0.5, attributes{"type": "t"})),
			Entry("observe milliseconds", `concourse_gc_gc_volume_collector_duration_sum`, "1500", event("gc: volume collector duration (ms)", 1500, nil)),
			Entry("observe seconds", `concourse_http_responses_duration_seconds_sum{method="GET",route="r",status="200"}`, "1.5",
				event("http response time", 1500, attributes{"method": "GET", "route": "r", "status": "200"})),
			Entry("a missing attribute that is not required", `concourse_tasks_waiting{platform="linux",teamId="",workerTags=""}`, "1",
				event("tasks waiting", 1, attributes{"platform": "linux"})),
		)

		It("are not counted as unknown if the catalog lists them without a rule", func() {
			p := start(config, nil)
			for _, name := range append(catalog.SilentEvents(), "no such event") {
				p.Emit(logger, event(name, 1, nil))
			}
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_events_unknown_total", "1"))
			Expect(logger.LogMessages()).To(Equal([]string{"emitter.unknown-event"}))
			Expect(logger.Logs()[0].Data).To(HaveKeyWithValue("event", "no such event"))
			Expect(p.Engine().Knows("build started")).To(BeTrue())
			Expect(p.Engine().Knows("build finished")).To(BeTrue())
			Expect(p.Engine().Knows("no such event")).To(BeFalse())
		})

		It("are counted as received, with and without a rule", func() {
			p := start(config, nil)
			p.Emit(logger, event("no such event", 1, nil))
			p.Emit(logger, event("no such event\xff", 1, nil))
			p.Prepare(metric.EventType{Name: "no such event"}).EmitValues(logger, 1, nil)
			p.Emit(logger, event("worker tasks", 1, attributes{"platform": "linux"})) // a heartbeat without a worker
			p.Emit(logger, event("containers created", 1, nil))
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("signalbox_events_received_total", "5"))
			Expect(samples).To(HaveKeyWithValue("signalbox_events_unknown_total", "2"))
			Expect(samples).NotTo(HaveKey(`concourse_workers_last_seen_timestamp_seconds{worker=""}`))
		})

		It("have the same effect with a map of attributes as with an event type", func() {
			byMap, byType := start(config, nil), start(config, nil)
			typed := metric.EventType{Name: "worker containers", Attributes: []string{"extra", "worker", "tags", "platform", "team_name"}}
			prepared := byType.Prepare(typed)
			for i, values := range [][]string{{"x", "w1", "t", "linux", "main"}, {"y", "w2", "", "darwin", ""}, {"z", "w3", "", "", "main"}} {
				e := event(typed.Name, float64(i), attributes{})
				for j, name := range typed.Attributes {
					e.Attributes[name] = values[j]
				}
				byMap.Emit(logger, e)
				prepared.EmitValues(logger, float64(i), values)
			}
			typed = metric.EventType{Name: "build finished", Attributes: []string{"job", "build_id", "build_status", "team_name", "pipeline"}}
			prepared = byType.Prepare(typed)
			for _, values := range [][]string{{"unit", "1", "failed", "main", "p"}, {"unit", "2", "succeeded", "main", "p"}, {"lint", "3", "odd", "", ""}} {
				e := event(typed.Name, 1000, attributes{})
				for j, name := range typed.Attributes {
					e.Attributes[name] = values[j]
				}
				byMap.Emit(logger, e)
				prepared.EmitValues(logger, 1000, values)
			}
			Expect(samplesOf(byType)).To(HaveKeyWithValue("concourse_builds_failed_total", "1"))
			Expect(logger.Logs()).To(HaveLen(4), "expected two lines from each emitter, about the empty platform and the odd status")
			byMap.Emit(logger, event("worker tasks", 5, attributes{"worker": "w5", "platform": "linux"}))
			byType.Prepare(metric.EventType{Name: "worker tasks", Attributes: []string{"platform", "worker", "platform"}}).
				EmitValues(logger, 5, []string{"the last of two applies", "w5", "linux"})
			// An event with more attributes than fit into the engine's bit set. It is
			// rejected, but is a heartbeat.
			many := event("worker tasks", 6, attributes{"worker": "w6", "platform": ""})
			typed = metric.EventType{Name: "worker tasks"}
			values := make([]string, 40, 42)
			for i := range values {
				typed.Attributes = append(typed.Attributes, fmt.Sprint("extra", i))
			}
			byMap.Emit(logger, many)
			typed.Attributes = append(typed.Attributes, "worker", "platform")
			byType.Prepare(typed).EmitValues(logger, 6, append(values, "w6", ""))
			Expect(samplesOf(byType)).To(HaveKey(`concourse_workers_last_seen_timestamp_seconds{worker="w6"}`))
			for _, p := range []*emitter.Prometheus{byMap, byType} {
				short := p.Prepare(metric.EventType{Name: "worker containers", Attributes: []string{"worker"}})
				short.EmitValues(logger, 1, []string{"w4"})
				p.Prepare(metric.EventType{Name: "no such event"}).EmitValues(logger, 1, nil)
				p.Prepare(metric.EventType{Name: "build started"}).EmitValues(logger, 1, nil)
			}
			byMap.Emit(logger, event("build started", 1, nil)) // so that both have the same number of events
			byType.Emit(logger, event("build started", 1, nil))
			Expect(samplesOf(byType)).To(Equal(samplesOf(byMap)))
			Expect(samplesOf(byType)).To(HaveKeyWithValue(rejectedFor("missing_attribute"), "1"))
		})
	})

	It("names the invalid attribute of an event with many attributes", func() {
		p := start(config, nil)
		t := metric.EventType{Name: "lock held", Attributes: make([]string, 20)}
		for i := range t.Attributes {
			t.Attributes[i] = fmt.Sprint("extra", i)
		}
		values := slices.Clone(t.Attributes)
		t.Attributes[19], values[19] = "type", "\xff"
		p.Prepare(t).EmitValues(logger, 1, values)
		Expect(logger.Logs()).To(HaveLen(1))
		Expect(logger.Logs()[0].Data["error"]).To(ContainSubstring(`attribute "type" is not valid UTF-8`))
	})

	Describe("invalid events", func() {
		long := strings.Repeat("x", 10<<20)
		valid := attributes{"worker": "w", "platform": "linux", "team_name": "main", "tags": ""}
		with := func(name, value string) attributes {
			a := attributes{}
			for k, v := range valid {
				a[k] = v
			}
			a[name] = value
			return a
		}
		without := func(name string) attributes {
			a := with(name, "")
			delete(a, name)
			return a
		}

		DescribeTable("are counted by reason and logged",
			func(e metric.Event, reason string, message types.GomegaMatcher) {
				p := start(config, nil)
				before := samplesOf(p)
				p.Emit(logger, e)
				after := samplesOf(p)
				Expect(after).To(HaveKeyWithValue(rejectedFor(reason), "1"))
				for sample, value := range after {
					if strings.HasPrefix(sample, "concourse_") && !strings.Contains(sample, "last_seen") {
						Expect(before).To(HaveKeyWithValue(sample, value))
					}
				}
				Expect(logger.Logs()).To(HaveLen(1))
				line := logger.Logs()[0]
				Expect(line.Message).To(Equal("emitter.event-rejected"))
				Expect(line.Data).To(HaveKeyWithValue("reason", reason))
				Expect(line.Data["error"]).To(message)
				Expect(len(line.ToJSON())).To(BeNumerically("<", 1000))
			},
			Entry("a missing attribute", event("worker containers", 1, without("team_name")), "missing_attribute", ContainSubstring(`no attribute "team_name"`)),
			Entry("no attributes at all", event("worker containers", 1, nil), "missing_attribute", ContainSubstring(`"platform" or "team_name" or "worker"`)),
			Entry("an empty attribute", event("worker containers", 1, with("platform", "")), "empty_attribute", ContainSubstring(`"platform" is empty`)),
			Entry("NaN", event("worker containers", math.NaN(), valid), "not_finite", ContainSubstring("NaN")),
			Entry("NaN for a lock", event("lock held", math.NaN(), attributes{"type": "t"}), "not_finite", ContainSubstring("NaN")),
			Entry("infinity", event("builds started", math.Inf(1), nil), "not_finite", ContainSubstring("+Inf")),
			Entry("minus infinity observed", event("gc: volume collector duration (ms)", math.Inf(-1), nil), "not_finite", ContainSubstring("-Inf")),
			Entry("a negative observation", event("gc: volume collector duration (ms)", -7, nil), "negative", ContainSubstring("-7, expected a non-negative number for a histogram")),
			Entry("a negative addition", event("builds started", -1, nil), "negative", ContainSubstring("-1")),
			Entry("a value that is not UTF-8", event("worker containers", 1, with("tags", "a\xffb")), "invalid_utf8", ContainSubstring(`"tags" is not valid UTF-8: "a\xffb"`)),
			Entry("a name that is not UTF-8", event("worker\xff", 1, valid), "invalid_utf8", ContainSubstring("is not valid UTF-8")),
			Entry("a value of 10 MB", event("worker containers", 1, with("worker", long)), "label_value_too_long", ContainSubstring(`"worker" has 10485760 bytes`)),
		)

		It("are rejected only for the metrics for which they are invalid", func() {
			p := start(config, nil)
			p.Emit(logger, event("build finished", 1000, attributes{"build_status": "failed"}))
			p.Emit(logger, event("build finished", math.NaN(), attributes{"build_status": "failed", "team_name": "main"}))
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("concourse_builds_finished_total", "2"))
			Expect(samples).To(HaveKeyWithValue("concourse_builds_failed_total", "1"))
			Expect(samples).To(HaveKeyWithValue(`concourse_builds_finished{job="",pipeline="",status="failed",team="main"}`, "1"))
			Expect(samples).NotTo(HaveKey(ContainSubstring("concourse_builds_duration_seconds_sum")))
			Expect(samples).To(HaveKeyWithValue(rejectedFor("missing_attribute"), "1"))
			Expect(samples).To(HaveKeyWithValue(rejectedFor("not_finite"), "1"))
		})

		It("include those with an unlisted value of an attribute", func() {
			p := start(config, nil)
			for _, finished := range []string{"build finished", "check build finished"} {
				p.Emit(logger, event(finished, 1000, attributes{"build_status": "success", "team_name": "main"}))
				p.Prepare(metric.EventType{Name: finished, Attributes: []string{"team_name", "build_status"}}).
					EmitValues(logger, 1000, []string{"main", "success"})
			}
			p.Emit(logger, event("worker state", 1, attributes{"state": "unknown"}))
			p.Emit(logger, event("checks finished", 1, attributes{"status": "failed"}))
			p.Emit(logger, event("checks finished", 1, nil)) // the status is not required
			samples := samplesOf(p)
			for sample, value := range map[string]string{
				"concourse_builds_finished_total":                  "2", // it does not depend on the status
				"concourse_builds_check_finished_total":            "2",
				`concourse_lidar_checks_finished_total{status=""}`: "1",
				rejectedFor("unknown_value"):                       "6",
			} {
				Expect(samples).To(HaveKeyWithValue(sample, value))
			}
			for sample := range samples {
				Expect(sample).NotTo(Or(HavePrefix("concourse_builds_finished{"), HavePrefix("concourse_builds_duration_seconds"),
					HavePrefix("concourse_workers_registered"), ContainSubstring(`status="failed"`)))
			}
			Expect(logger.Logs()[0].Data["error"]).To(HaveSuffix(
				`attribute "build_status" is "success", expected succeeded, failed, errored or aborted: did you mean "succeeded"?`))
		})

		It("are logged at most once a second for each event name and reason", func() {
			p := start(config, nil)
			for range 100 {
				p.Emit(logger, event("builds started", -1, nil))
				p.Emit(logger, event("jobs scheduled", -1, nil))
			}
			Expect(logger.Logs()).To(HaveLen(2))
			now = now.Add(time.Second)
			p.Emit(logger, event("builds started", -1, nil))
			Expect(logger.Logs()).To(HaveLen(3))
			Expect(logger.Logs()[2].Data).To(HaveKeyWithValue("similar_not_logged", 99.0))
			Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("negative"), "201"))
		})

		It("are logged with an error that does not cause another event", func() {
			p := start(config, nil)
			var cause error
			logger.RegisterSink(sinkFunc(func(l lager.LogFormat) { cause = l.Error }))
			p.Emit(logger, event("builds started", -1, nil))
			Expect(errors.Is(cause, metric.ErrFailedToEmit)).To(BeTrue())
			Expect(func() { p.Emit(nil, event("jobs scheduled", -1, nil)) }).NotTo(Panic())
		})

		It("include those that would exceed the limit of series per metric", func() {
			config.MaxSeriesPerMetric = 2
			p := start(config, nil)
			for i := range 5 {
				p.Emit(logger, event("error log", 1, attributes{"message": fmt.Sprint(i)}))
				p.Emit(logger, event("lock held", 1, attributes{"type": fmt.Sprint(i)}))
				p.Emit(logger, event("http response time", 1, attributes{"method": "GET", "status": "200", "route": fmt.Sprint(i)}))
			}
			samples := samplesOf(p)
			for sample, value := range map[string]string{
				`concourse_error_logs{message="1"}`:            "1",
				`concourse_error_logs{message="__overflow__"}`: "3",
				`concourse_http_responses_duration_seconds_count{method="__overflow__",route="__overflow__",status="__overflow__"}`: "3",
				`concourse_locks_held{type="1"}`:                                "1",
				`signalbox_series{metric="concourse_error_logs"}`:               "2",
				`signalbox_series_refused_total{metric="concourse_error_logs"}`: "3",
				`signalbox_series_refused_total{metric="concourse_locks_held"}`: "3",
				`signalbox_series_limit`:                                        "2",
				rejectedFor("series_limit"):                                     "9",
			} {
				Expect(samples).To(HaveKeyWithValue(sample, value))
			}
			Expect(samples).NotTo(HaveKey(`concourse_locks_held{type="2"}`))
		})
	})

	Describe("workers", func() {
		It("keep their series while they have heartbeats, and then lose them all", func() {
			config.WorkerStaleAfter = time.Minute
			p := start(config, nil)
			p.Emit(logger, workerContainers("w1", 3))
			p.Emit(logger, event("worker unknown volumes", 4, attributes{"worker": "w1"}))
			p.Emit(logger, workerContainers("w2", 5))
			now = now.Add(40 * time.Second)
			p.Emit(logger, event("worker tasks", 1, attributes{"worker": "w2", "platform": "linux"}))
			now = now.Add(20*time.Second - 1)
			Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{}))
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_last_seen_timestamp_seconds{worker="w2"}`, "1.70000004e+09"))
			now = now.Add(1)
			// Three series of w1, and the series of w2 that was not updated again.
			Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{Workers: 1, Series: 4}))
			samples := samplesOf(p)
			Expect(samples).NotTo(HaveKey(ContainSubstring(`worker="w1"`)))
			Expect(samples).To(HaveKeyWithValue(`concourse_workers_tasks{platform="linux",worker="w2"}`, "1"))
			Expect(samples).To(HaveKeyWithValue("signalbox_workers_collected_total", "1"))
			Expect(samples).To(HaveKeyWithValue("signalbox_series_collected_total", "4"))
			Expect(samples).To(HaveKeyWithValue("signalbox_sweep_duration_seconds_count", "2"))

			p.Emit(logger, workerContainers("w1", 6))
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_containers{platform="linux",tags="a/b",team="main",worker="w1"}`, "6"))
		})

		It("stay alive even if their events are rejected", func() {
			config.WorkerStaleAfter = time.Minute
			p := start(config, nil)
			p.Emit(logger, event("worker unknown containers", 1, attributes{"worker": "w"}))
			now = now.Add(50 * time.Second)
			p.Emit(logger, event("worker containers", 1, attributes{"worker": "w", "team_name": "", "platform": ""}))
			now = now.Add(50 * time.Second)
			Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{}))
		})

		It("stay removed even if events update them during the removal", func() {
			config.Clock, config.GCInterval, config.WorkerStaleAfter = nil, time.Millisecond, time.Millisecond
			p := start(config, nil)
			const goroutines, each = 8, 2000
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for i := range each {
						p.Emit(logger, workerContainers(fmt.Sprint("w", (g+i)%10), float64(i)))
						p.Emit(logger, event("worker unknown volumes", 1, attributes{"worker": fmt.Sprint("w", i%10)}))
						p.Emit(logger, event("builds started", 1, nil))
						p.Emit(logger, event("error log", 1, attributes{"message": fmt.Sprint(i % 7)}))
					}
				})
			}
			wg.Wait()
			Eventually(func() map[string]string { return samplesOf(p) }).ShouldNot(HaveKey(ContainSubstring(`worker="`)))
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("concourse_builds_started_total", fmt.Sprint(goroutines*each)))
			logs := 0.0
			for sample, value := range samples {
				if strings.HasPrefix(sample, "concourse_error_logs{") {
					var n float64
					fmt.Sscan(value, &n)
					logs += n
				}
			}
			Expect(logs).To(Equal(float64(goroutines * each)))
			Consistently(func() map[string]string { return samplesOf(p) }, "50ms").ShouldNot(HaveKey(ContainSubstring(`worker="`)))
		})
	})

	It("uses the defaults of its flags for zero fields", func() {
		p := start(&emitter.PrometheusConfig{Clock: func() time.Time { return now }}, nil)
		p.Emit(logger, workerContainers("w", 1))
		now = now.Add(2*time.Minute - 1)
		Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{}))
		now = now.Add(1)
		Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{Workers: 1, Series: 2}))
		Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_series_limit", "100000"))
	})

	It("uses the system's clock by default", func() {
		p := start(&emitter.PrometheusConfig{WorkerStaleAfter: time.Second, GCInterval: 10 * time.Millisecond}, nil)
		lastSeen := func() (seconds float64) {
			p.Emit(logger, workerContainers("w", 1))
			fmt.Sscan(samplesOf(p)[`concourse_workers_last_seen_timestamp_seconds{worker="w"}`], &seconds)
			return seconds
		}
		begin := lastSeen()
		Expect(begin).To(BeNumerically("~", float64(time.Now().UnixMilli())/1000, 60))
		Eventually(lastSeen).Should(BeNumerically(">", begin))
		Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_workers_collected_total", "0"))
		Eventually(func() map[string]string { return samplesOf(p) }, "10s").Should(HaveKeyWithValue("signalbox_workers_collected_total", "1"))
	})

	Describe("attributes of the node", func() {
		It("become constant labels of every series", func() {
			p := start(config, map[string]string{"invalid-label": "a", "__prefix__test__": "b\"c", "version": "mine"})
			p.Emit(logger, workerContainers("w", 1))
			for sample := range samplesOf(p) {
				Expect(sample).To(ContainSubstring(`invalid_label="a"`))
				Expect(sample).To(ContainSubstring(`prefix_test="b\"c"`))
			}
			Expect(samplesOf(p)).To(HaveKey(`concourse_workers_containers{invalid_label="a",platform="linux",prefix_test="b\"c",tags="a/b",team="main",version="mine",worker="w"}`))
		})

		DescribeTable("that cannot become labels are an error",
			func(a map[string]string, messages ...string) {
				config.BindIP, config.BindPort = "127.0.0.1", "0"
				_, err := config.NewEmitter(a)
				for _, message := range messages {
					Expect(err).To(MatchError(ContainSubstring(message)))
				}
			},
			Entry("two become the same label", map[string]string{"a-b": "1", "a_b": "2"}, `"a-b" and "a_b"`, `label "a_b"`),
			Entry("one is already a label of a metric", map[string]string{"te-am": "x", "team-": "1"}, `attribute "team-" becomes the label "team"`, "builds_finished"),
			Entry("one is already a label of the last-seen metric", map[string]string{"worker": "1"}, `"worker"`),
			Entry("le", map[string]string{"le": "1"}, `"le"`),
			Entry("no valid character", map[string]string{"--": "1"}, `"--" cannot become a label`),
			Entry("a digit at the start", map[string]string{"1st": "1"}, `"1st" cannot become a label`),
			Entry("not UTF-8", map[string]string{"a": "\xff"}, `attribute "a"`, "not valid UTF-8"),
		)
	})

	Describe("the listener", func() {
		It("serves the emitter's families and those of the default registry", func() {
			p := start(config, nil)
			Expect(scrape(p)).To(And(
				ContainSubstring("\nconcourse_builds_started_total 0\n"),
				ContainSubstring("\ngo_goroutines "),
				ContainSubstring("\nprocess_cpu_seconds_total "),
				ContainSubstring("\nsignalbox_build_info{"),
			))
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_scrape_duration_seconds_count", "1"))
		})

		DescribeTable("listens on whatever net.Listen accepts", func(host string) {
			config.BindIP, config.BindPort = host, "0"
			p := start(config, nil)
			Expect(scrape(p)).To(ContainSubstring("concourse_builds_started_total"))
		},
			Entry("a host name", "localhost"),
			Entry("an IPv4 address", "127.0.0.1"),
			Entry("all addresses", "::"),
			Entry("all addresses, in brackets", "[::]"),
		)

		It("serves only the configured formats", func() {
			config.Formats = "text"
			p := start(config, nil)
			request, err := http.NewRequest(http.MethodGet, p.URL(), nil)
			Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
			response, err := http.DefaultClient.Do(request)
			Expect(err).NotTo(HaveOccurred())
			defer response.Body.Close()
			Expect(response.Header.Get("Content-Type")).To(HavePrefix("text/plain; version=0.0.4"))
		})

		It("can run twice in one process", func() {
			a := start(config, map[string]string{"x": "y"})
			second := &emitter.PrometheusConfig{Namespace: "ci"}
			b := start(second, map[string]string{"x": "y"})
			Expect(a.Addr()).NotTo(Equal(b.Addr()))
			b.Emit(logger, event("builds started", 1, nil))
			Expect(scrape(a)).To(ContainSubstring("\nconcourse_builds_started_total{x=\"y\"} 0\n"))
			Expect(scrape(b)).To(ContainSubstring("\nci_builds_started_total{x=\"y\"} 1\n"))
		})

		DescribeTable("does not start with an invalid configuration",
			func(change func(*emitter.PrometheusConfig), message string) {
				config.BindIP, config.BindPort = "127.0.0.1", "0"
				change(config)
				_, err := config.NewEmitter(nil)
				Expect(err).To(MatchError(ContainSubstring(message)))
			},
			Entry("not a host", func(c *emitter.PrometheusConfig) { c.BindIP = "localhost:1" }, `--prometheus-bind-ip: got "localhost:1", expected an IP address or a host name, without a port`),
			Entry("not a port", func(c *emitter.PrometheusConfig) { c.BindPort = "x" }, `--prometheus-bind-port: got "x", expected a port from 0 to 65535`),
			Entry("no port", func(c *emitter.PrometheusConfig) { c.BindPort = "" }, `--prometheus-bind-port: got "", expected a port from 0 to 65535`),
			Entry("formats", func(c *emitter.PrometheusConfig) { c.Formats = "text,json" }, `--prometheus-formats: got "json", expected text, openmetrics or protobuf`),
			Entry("port too high", func(c *emitter.PrometheusConfig) { c.BindPort = "65536" }, `--prometheus-bind-port: got "65536"`),
			Entry("namespace", func(c *emitter.PrometheusConfig) { c.Namespace = "my ci" }, `--prometheus-namespace: got "my ci"`),
			Entry("naming", func(c *emitter.PrometheusConfig) { c.Naming = "new" }, `--prometheus-naming: got "new", expected inherited or modern`),
			Entry("staleness", func(c *emitter.PrometheusConfig) { c.WorkerStaleAfter = -1 }, `--prometheus-worker-stale-after: got "-1ns"`),
			Entry("interval", func(c *emitter.PrometheusConfig) { c.GCInterval = -time.Second }, `--prometheus-gc-interval: got "-1s"`),
			Entry("series", func(c *emitter.PrometheusConfig) { c.MaxSeriesPerMetric = -1 }, `--prometheus-max-series-per-metric: got "-1"`),
			Entry("scrapes", func(c *emitter.PrometheusConfig) { c.MaxScrapesInFlight = -1 }, `--prometheus-max-scrapes-in-flight: got "-1"`),
			Entry("web configuration", func(c *emitter.PrometheusConfig) { c.WebConfigFile = "/nonexistent/web.yml" }, "--prometheus-web-config-file: open /nonexistent/web.yml"),
		)

		It("stops with Close, but the emitter still accepts events", func() {
			p := start(config, nil)
			Expect(p.Close()).To(Succeed())
			Expect(p.Close()).To(Succeed())
			p.Emit(logger, event("builds started", 1, nil))
			_, err := http.Get("http://" + p.Addr() + "/metrics")
			Expect(err).To(HaveOccurred())
		})
	})

	It("counts malformed events", func() {
		p := start(config, nil)
		p.Engine().CountMalformed(nil)
		Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("malformed"), "1"))
	})

	Describe("as a collector", func() {
		It("can be registered with any registry", func() {
			p := start(config, map[string]string{"node": "a"})
			p.Emit(logger, workerContainers("w", 3))
			registry := prometheus.NewPedanticRegistry()
			Expect(registry.Register(p)).To(Succeed())
			Expect(testutil.GatherAndCompare(registry, strings.NewReader(`
				# HELP concourse_workers_containers Number of containers on a worker.
				# TYPE concourse_workers_containers gauge
				concourse_workers_containers{node="a",platform="linux",tags="a/b",team="main",worker="w"} 3
			`), "concourse_workers_containers")).To(Succeed())
			gathered, err := registry.Gather()
			Expect(err).NotTo(HaveOccurred())
			own, err := p.Gather()
			Expect(err).NotTo(HaveOccurred())
			Expect(gathered).To(HaveLen(len(own)))
		})

		It("has metrics about itself that pass promlint", func() {
			p := start(config, nil)
			p.Attach(logger, func() []metric.EmitterStats {
				return []metric.EmitterStats{{Emitter: "Slow", QueueLength: 3, QueueCapacity: 10, Dropped: 7}}
			})
			families, err := p.Gather()
			Expect(err).NotTo(HaveOccurred())
			var own []string
			for _, f := range families {
				if strings.HasPrefix(f.GetName(), "signalbox_") {
					own = append(own, f.GetName())
				}
			}
			Expect(len(own)).To(BeNumerically(">=", 15))
			problems, err := testutil.GatherAndLint(p, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(problems).To(BeEmpty())
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue(`signalbox_emitter_events_dropped_total{emitter="Slow"}`, "7"))
			Expect(samples).To(HaveKeyWithValue(`signalbox_emitter_queue_length{emitter="Slow"}`, "3"))
			Expect(samples).To(HaveKeyWithValue(`signalbox_emitter_queue_capacity{emitter="Slow"}`, "10"))
		})
	})
})

type sinkFunc func(lager.LogFormat)

func (f sinkFunc) Log(l lager.LogFormat) { f(l) }

func TestEmitDoesNotAllocate(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"}
	p := startFor(t, config, nil)
	logger := lager.NewLogger("test")
	events := append(workerEvents(10), buildEvents(10)...)
	prepared := p.Prepare(metric.EventType{Name: "worker tasks", Attributes: []string{"worker", "platform"}})
	partial := p.Prepare(metric.EventType{Name: "worker containers", Attributes: []string{"worker", "platform", "team_name"}})
	values := []string{"w", "linux", "main"}
	bound := partial.(metric.BindableEvent).Bind(values)
	emit := func() {
		for _, e := range events {
			p.Emit(logger, e)
		}
		prepared.EmitValues(logger, 1, values[:2])
		partial.EmitValues(logger, 1, values)
		bound.Emit(logger, 1)
	}
	emit()
	if n := testing.AllocsPerRun(100, emit); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
