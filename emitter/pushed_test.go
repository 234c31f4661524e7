package emitter_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/host"
)

var _ = Describe("The metrics page with pushed metrics", func() {
	var (
		p *emitter.Prometheus
		a *aggregator.Aggregator
	)
	BeforeEach(func() {
		p = start(&emitter.PrometheusConfig{}, nil)
		var err error
		a, err = aggregator.New(aggregator.Options{})
		Expect(err).NotTo(HaveOccurred())
		p.ServePushed(a)
	})
	gauge := func(name string) error {
		return a.Agents.Update(context.Background(), aggregator.Labels{Username: "alice"},
			[]aggregator.Metric{{Name: name, Type: aggregator.Gauge, Value: 7}})
	}
	push := func(name string, typ dto.MetricType) error {
		m := &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(7)}}
		if typ == dto.MetricType_COUNTER {
			m = &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(7)}}
		}
		return a.Groups.Push(context.Background(), aggregator.Push{
			Grouping: []aggregator.Label{{Name: "job", Value: "j"}},
			Families: []*dto.MetricFamily{{Name: &name, Type: &typ, Metric: []*dto.Metric{m}}},
			Replace:  true,
		})
	}

	It("lists pushed metrics and the emitter's own together, sorted by name", func() {
		Expect(gauge("concourse_builds_waiting")).To(Succeed())
		Expect(push("a_gauge", dto.MetricType_GAUGE)).To(Succeed())
		page := scrape(p)
		Expect(page).To(HavePrefix("# TYPE a_gauge gauge\na_gauge{instance=\"\",job=\"j\"} 7\n"))
		Expect(page).To(MatchRegexp("(?s)concourse_builds_started.*\nconcourse_builds_waiting{username=\"alice\"} 7\n.*\nconcourse_caches_"))
	})

	It("rejects pushed metrics with the name of one of the emitter's own, if they have another type", func() {
		Expect(gauge("go_gc_duration_seconds")).To(MatchError(ContainSubstring("got type gauge, expected summary")))
		Expect(gauge("concourse_builds_duration_seconds_count")).To(MatchError(ContainSubstring("share the name concourse_builds_duration_seconds_count with concourse_builds_duration_seconds")))
		Expect(push("go_goroutines", dto.MetricType_COUNTER)).To(MatchError(ContainSubstring("got type counter, expected gauge")))
	})

	It("serves a metric that jobs and agents push next to that of another gatherer with the same name and type", func() {
		Expect(push("go_goroutines", dto.MetricType_GAUGE)).To(Succeed())
		Expect(gauge("go_goroutines")).To(Succeed())
		Expect(scrape(p)).To(MatchRegexp("# TYPE go_goroutines gauge\ngo_goroutines [0-9]+\ngo_goroutines{instance=\"\",job=\"j\"} 7\ngo_goroutines{username=\"alice\"} 7\n"))
	})

	It("rejects a metric of another gatherer from an agent without labels, whose series would be the same", func() {
		err := a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: "go_goroutines", Type: aggregator.Gauge, Value: 7}})
		Expect(err).To(MatchError(ContainSubstring("the server itself has a metric with this name: add at least one of the base labels username, workspace_name, agent_name, template_name")))
	})

	DescribeTable("rejects pushed metrics that the emitter itself updates, also those without series",
		func(name string, typ dto.MetricType, why string) {
			why = "metric " + name + " cannot be pushed, because " + why + ": choose another name"
			Expect(push(name, typ)).To(MatchError(why + ", or allow it with --push-allow-driven-metrics"))
			Expect(gauge(name)).To(MatchError(ContainSubstring(why)))
			Expect(scrape(p)).NotTo(ContainSubstring(`job="j"} 7`))
		},
		Entry(nil, "concourse_workers_containers", dto.MetricType_GAUGE, `rules update it for event "worker containers"`),
		Entry("also with another type", "concourse_workers_containers", dto.MetricType_COUNTER, `rules update it for event "worker containers"`),
		Entry(nil, "concourse_builds_finished_total", dto.MetricType_COUNTER, `rules update it for event "build finished"`),
		Entry(nil, "concourse_workers_last_seen_timestamp_seconds", dto.MetricType_GAUGE, "Signalbox itself updates it"),
		Entry(nil, "signalbox_events_unknown_total", dto.MetricType_COUNTER, "Signalbox itself updates it"),
	)

	DescribeTable("rejects pushed metrics that share a name with one that the emitter itself updates, even if only in OpenMetrics",
		func(name string, typ dto.MetricType, other, shared string) {
			why := "metric " + name + " cannot be pushed, because it would share the name " + shared + " with " + other + ", and "
			for _, allowDriven := range []bool{false, true} {
				var err error
				a, err = aggregator.New(aggregator.Options{GroupAllowDriven: allowDriven})
				Expect(err).NotTo(HaveOccurred())
				Expect(push(name, typ)).To(Succeed(), "it is not part of a page yet")
				p.ServePushed(a)
				before := scrapeOpenMetrics(p)
				Expect(before).NotTo(ContainSubstring(`job="j"} 7`))
				Expect(before).To(ContainSubstring("# TYPE concourse_builds_started counter\n"))
				Expect(push(name, typ)).To(MatchError(And(HavePrefix(why), HaveSuffix(": choose another name"))))
				Expect(gauge(shared)).To(MatchError(ContainSubstring("cannot be pushed")))
				Expect(scrape(p)).NotTo(ContainSubstring(`job="j"} 7`))
			}
		},
		Entry("a counter's name", "concourse_builds_started", dto.MetricType_GAUGE, "concourse_builds_started_total", "concourse_builds_started"),
		Entry("a counter's creation time", "concourse_builds_started_created", dto.MetricType_GAUGE, "concourse_builds_started_total", "concourse_builds_started_created"),
		Entry("a histogram's buckets", "concourse_builds_duration_seconds_bucket", dto.MetricType_GAUGE, "concourse_builds_duration_seconds", "concourse_builds_duration_seconds_bucket"),
		Entry("a histogram's count", "concourse_builds_duration_seconds_count", dto.MetricType_COUNTER, "concourse_builds_duration_seconds", "concourse_builds_duration_seconds_count"),
		Entry("a histogram's sum", "concourse_builds_duration_seconds_sum", dto.MetricType_GAUGE, "concourse_builds_duration_seconds", "concourse_builds_duration_seconds_sum"),
		Entry("a histogram's creation time", "concourse_builds_duration_seconds_created", dto.MetricType_GAUGE, "concourse_builds_duration_seconds", "concourse_builds_duration_seconds_created"),
		Entry("a counter with a gauge's name", "concourse_workers_containers_total", dto.MetricType_COUNTER, "concourse_workers_containers", "concourse_workers_containers"),
	)

	It("serves pushed metrics whose names only look like those of the emitter's samples", func() {
		for _, suffix := range []string{"_info", "_gcount", "_gsum", "_bucket", "_count", "_sum"} {
			Expect(push("concourse_builds_started"+suffix, dto.MetricType_GAUGE)).To(Succeed())
			Expect(scrapeOpenMetrics(p)).To(And(ContainSubstring("# TYPE concourse_builds_started counter\n"),
				ContainSubstring("concourse_builds_started"+suffix+`{instance="",job="j"} 7`)))
		}
		Expect(push("concourse_builds_duration_seconds_gcount", dto.MetricType_GAUGE)).To(Succeed())
		Expect(push("concourse_workers_containers_total", dto.MetricType_GAUGE)).To(Succeed())
	})

	It("omits pushed metrics whose escaped names are those of the emitter's own", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupUTF8Names: true})
		Expect(err).NotTo(HaveOccurred())
		p.ServePushed(a)
		for _, name := range []string{"concourse.workers.containers", "concourse.builds.started", "concourse.builds.duration.seconds.count"} {
			Expect(push(name, dto.MetricType_GAUGE)).To(Succeed())
			Expect(scrape(p)).NotTo(ContainSubstring(`job="j"} 7`))
			Expect(scrapeOpenMetrics(p)).To(And(Not(ContainSubstring(`job="j"} 7`)), ContainSubstring("# TYPE concourse_builds_started counter\n")))
		}
	})

	It("rejects pushed metrics about Signalbox itself from another gatherer", func() {
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_push_groups"}))
		p.ServeGatherer(registry)
		Expect(push("signalbox_push_groups", dto.MetricType_GAUGE)).To(MatchError(ContainSubstring("Signalbox itself updates it")))
	})

	It("can serve a metric that a job pushes next to the emitter's own metric of the same name and type", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupAllowDriven: true})
		Expect(err).NotTo(HaveOccurred())
		p.ServePushed(a)
		Expect(push("concourse_workers_containers", dto.MetricType_COUNTER)).To(MatchError(ContainSubstring("got type counter, expected gauge")))
		Expect(push("concourse_builds_started_total", dto.MetricType_COUNTER)).To(Succeed())
		Expect(scrape(p)).To(ContainSubstring("concourse_builds_started_total 0\nconcourse_builds_started_total{instance=\"\",job=\"j\"} 7\n"))
	})

	It("rejects a series that a job pushes with the labels of one of the emitter's own", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupAllowDriven: true})
		Expect(err).NotTo(HaveOccurred())
		p = start(&emitter.PrometheusConfig{Pushed: a}, map[string]string{"region": "eu"})
		p.Emit(nil, event("build finished", 1000, map[string]string{"team_name": "a \"b\"", "pipeline": "", "job": "j", "build_status": "failed"}))
		push := func(namesAndValues ...string) error {
			m := &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(7)}}
			for i := 0; i < len(namesAndValues); i += 2 {
				m.Label = append(m.Label, &dto.LabelPair{Name: &namesAndValues[i], Value: &namesAndValues[i+1]})
			}
			return a.Groups.Push(context.Background(), aggregator.Push{
				Grouping: []aggregator.Label{{Name: "job", Value: "j"}},
				Families: []*dto.MetricFamily{{
					Name: proto.String("concourse_builds_finished"), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{m},
				}},
				Replace: true,
			})
		}
		Expect(push("region", "eu", "status", "failed", "team", `a "b"`)).To(MatchError(ContainSubstring("was collected before with the same name and label values")))
		Expect(scrape(p)).NotTo(ContainSubstring("} 7\n"))
		for _, labels := range [][]string{
			{"status", "failed", "team", `a "b"`}, {"region", "us", "status", "failed", "team", `a "b"`},
			{"region", "eu", "status", "failed", "team", "a"}, {"more", "1", "region", "eu", "status", "failed", "team", `a "b"`},
		} {
			Expect(push(labels...)).To(Succeed())
			Expect(scrape(p)).To(ContainSubstring("} 7\n"))
		}
	})

	It("rejects series of a metric that shows states, because exactly one state must be 1", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupAllowDriven: true})
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(GinkgoT().TempDir(), "rules.yml")
		Expect(os.WriteFile(file, []byte(jobStatus), 0o600)).To(Succeed())
		p = start(&emitter.PrometheusConfig{Pushed: a, MappingFile: file}, nil)
		Expect(push("concourse_job_status", dto.MetricType_GAUGE)).To(MatchError(And(
			ContainSubstring("shows states, of which exactly one must be 1: choose another name"),
			Not(ContainSubstring("--push-allow-driven-metrics")))))
	})

	It("omits pushed metrics after a reload that adds rules for them, and rejects them from then on", func() {
		file := filepath.Join(GinkgoT().TempDir(), "rules.yml")
		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		logger := lagertest.NewTestLogger("test")
		registry := prometheus.NewRegistry()
		var err error
		a, err = aggregator.New(aggregator.Options{Registerer: registry})
		Expect(err).NotTo(HaveOccurred())
		p = start(&emitter.PrometheusConfig{MappingFile: file, Pushed: a, Logger: logger}, nil)
		p.ServeGatherer(registry)
		Expect(push("concourse_deploys", dto.MetricType_GAUGE)).To(Succeed())
		Expect(gauge("concourse_releases")).To(Succeed())
		Expect(scrape(p)).To(And(ContainSubstring(`concourse_deploys{instance="",job="j"} 7`), ContainSubstring(`concourse_releases{username="alice"} 7`)))

		Expect(os.WriteFile(file, []byte("rules:\n- {event: deployed, metric: deploys, type: gauge, operation: set}\n- {event: released, metric: releases, type: gauge, operation: set}\n"), 0o600)).To(Succeed())
		Expect(p.Reload()).To(Succeed())
		p.Emit(logger, event("deployed", 3, nil))
		Expect(scrape(p)).To(And(ContainSubstring("\nconcourse_deploys 3\n"), ContainSubstring("\nsignalbox_push_families_omitted 2\n"), Not(ContainSubstring(`job="j"} 7`))))
		Expect(string(logger.Buffer().Contents())).To(ContainSubstring(`pushed metric concourse_deploys is omitted: rules update it for event \"deployed\"`))
		Expect(push("concourse_deploys", dto.MetricType_GAUGE)).To(MatchError(ContainSubstring(`rules update it for event "deployed"`)))
		Expect(gauge("concourse_releases")).To(MatchError(ContainSubstring(`rules update it for event "released"`)), "although the agent has pushed it before")

		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		Expect(p.Reload()).To(Succeed())
		Expect(scrape(p)).To(And(ContainSubstring(`concourse_deploys{instance="",job="j"} 7`), Not(ContainSubstring("alice"))))
		Expect(gauge("concourse_releases")).To(Succeed())
		Expect(push("concourse_deploys", dto.MetricType_GAUGE)).To(Succeed())
	})

	It("contains the metrics of another gatherer, and rejects pushed metrics with their names and other types", func() {
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "a_counter"}))
		p.ServeGatherer(registry)
		Expect(scrape(p)).To(ContainSubstring("\na_counter 0\n"))
		Expect(gauge("a_counter")).To(MatchError(ContainSubstring("got type gauge, expected counter")))
	})

	It("contains pushed metrics and another gatherer's from the start, if they are configured", func() {
		Expect(push("a_gauge", dto.MetricType_GAUGE)).To(Succeed())
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "b_counter"}))
		config := &emitter.PrometheusConfig{Pushed: a}
		config.Host(host.Options{Gatherer: registry})
		p = start(config, nil)
		Expect(scrape(p)).To(And(ContainSubstring("\na_gauge{"), ContainSubstring("\nb_counter 0\n")))
		Expect(gauge("b_counter")).To(MatchError(ContainSubstring("got type gauge, expected counter")))
	})

	It("adds groups and agents to the overview", func() {
		overview := func() (answer struct {
			Groups, Agents struct {
				Total int
				List  []struct{ Series int }
			}
		}) {
			w := httptest.NewRecorder()
			p.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/overview?limit=1", nil))
			Expect(json.Unmarshal(w.Body.Bytes(), &answer)).To(Succeed())
			return answer
		}
		Expect(overview().Groups.Total + overview().Agents.Total).To(BeZero())

		p = start(&emitter.PrometheusConfig{Pushed: a}, nil)
		Expect(gauge("a")).To(Succeed())
		Expect(push("b", dto.MetricType_GAUGE)).To(Succeed())
		Expect(overview().Groups).To(And(HaveField("Total", 1), HaveField("List", HaveExactElements(HaveField("Series", 1)))))
		Expect(overview().Agents).To(And(HaveField("Total", 1), HaveField("List", HaveExactElements(HaveField("Series", 1)))))
	})

	It("can also be served by the program's own server, unless a web configuration file protects the listener", func() {
		Expect(push("a_gauge", dto.MetricType_GAUGE)).To(Succeed())
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		Expect(w.Body.String()).To(ContainSubstring("a_gauge{"))

		file := filepath.Join(GinkgoT().TempDir(), "web.yml")
		Expect(os.WriteFile(file, []byte("basic_auth_users: {a: $2y$10$pmAX5hAnmEgRbVQwRo0Gsuxw8iAGD9aiAT6mDUxnvqrKOpkQI2wF6}\n"), 0o600)).To(Succeed())
		guarded := start(&emitter.PrometheusConfig{WebConfigFile: file}, nil)
		w = httptest.NewRecorder()
		guarded.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		Expect(w.Code).To(Equal(http.StatusForbidden))

		_, err := (&emitter.PrometheusConfig{Handler: true, WebConfigFile: file}).NewEmitter(nil)
		Expect(err).To(MatchError(ContainSubstring("--prometheus-web-config-file")), "there is no listener to protect")
	})
})
