package emitter_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

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

	It("rejects pushed metrics with the name of one of the emitter's own, if they come from an agent or have another type", func() {
		Expect(gauge("concourse_workers_containers")).To(MatchError(ContainSubstring("the server itself")), "although the family has no series yet")
		Expect(gauge("signalbox_build_info")).To(MatchError(ContainSubstring("the server itself")))
		Expect(gauge("concourse_builds_duration_seconds_count")).To(MatchError(ContainSubstring("name of a sample of the histogram concourse_builds_duration_seconds")))
		Expect(push("concourse_workers_containers", dto.MetricType_COUNTER)).To(MatchError(ContainSubstring("got type counter, expected gauge")))
		Expect(push("go_goroutines", dto.MetricType_COUNTER)).To(MatchError(ContainSubstring("got type counter, expected gauge")))
	})

	It("serves a metric that a job pushes next to the emitter's own metric of the same name and type", func() {
		Expect(push("go_goroutines", dto.MetricType_GAUGE)).To(Succeed())
		Expect(scrape(p)).To(MatchRegexp("# TYPE go_goroutines gauge\ngo_goroutines [0-9]+\ngo_goroutines{instance=\"\",job=\"j\"} 7\n"))
		Expect(push("concourse_builds_started_total", dto.MetricType_COUNTER)).To(Succeed())
		Expect(scrape(p)).To(ContainSubstring("concourse_builds_started_total 0\nconcourse_builds_started_total{instance=\"\",job=\"j\"} 7\n"))
	})

	It("contains the metrics of another gatherer, and rejects pushed metrics with their names", func() {
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "a_gauge"}))
		p.ServeGatherer(registry)
		Expect(scrape(p)).To(ContainSubstring("\na_gauge 0\n"))
		Expect(gauge("a_gauge")).To(MatchError(ContainSubstring("the server itself")))
	})

	It("contains pushed metrics and another gatherer's from the start, if they are configured", func() {
		Expect(push("a_gauge", dto.MetricType_GAUGE)).To(Succeed())
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "b_gauge"}))
		config := &emitter.PrometheusConfig{Pushed: a}
		config.Host(host.Options{Gatherer: registry})
		p = start(config, nil)
		Expect(scrape(p)).To(And(ContainSubstring("\na_gauge{"), ContainSubstring("\nb_gauge 0\n")))
		Expect(gauge("b_gauge")).To(MatchError(ContainSubstring("the server itself")))
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
		Expect(guarded.Guarded()).To(BeTrue())
		w = httptest.NewRecorder()
		guarded.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		Expect(w.Code).To(Equal(http.StatusForbidden))

		_, err := (&emitter.PrometheusConfig{Handler: true, WebConfigFile: file}).NewEmitter(nil)
		Expect(err).To(MatchError(ContainSubstring("--prometheus-web-config-file")), "there is no listener to protect")
	})
})
