package aggregator_test

import (
	"context"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A countingRegistry counts the calls of Describe.
type countingRegistry struct {
	*prometheus.Registry
	described atomic.Int64
}

// Describe implements prometheus.Collector.
func (r *countingRegistry) Describe(descs chan<- *prometheus.Desc) {
	r.described.Add(1)
	r.Registry.Describe(descs)
}

var _ = Describe("The name of a pushed metric", func() {
	var (
		clock *fakeClock
		a     *aggregator.Aggregator
	)
	BeforeEach(func() { clock = newFakeClock() })
	start := func(registerer prometheus.Registerer) {
		GinkgoHelper()
		var err error
		a, err = aggregator.New(aggregator.Options{Registerer: registerer, Clock: clock.Now})
		Expect(err).NotTo(HaveOccurred())
	}
	update := func(name string) error {
		return a.Agents.Update(context.Background(), aggregator.Labels{Username: "u"}, []aggregator.Metric{{Name: name, Type: aggregator.Gauge}})
	}
	push := func(body string) error {
		return a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: "j"}}, Families: text(body)})
	}
	gauge := func(name string) prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: `Its "help", fqName: "x".`})
	}

	It("is compared with the registry's names, which are read at most once a second", func() {
		registry := &countingRegistry{Registry: prometheus.NewRegistry()}
		registry.MustRegister(gauge("first"))
		start(registry)
		Expect(registry.described.Load()).To(BeZero())
		Expect(update("first")).To(MatchError("metric first: the server itself has a metric with this name"))
		Expect(push("first 1\n")).To(MatchError("metric first: the server itself has a metric with this name"))
		registry.MustRegister(gauge("second"))
		clock.Advance(time.Second - 1)
		for range 10 {
			Expect(push("free 1\n")).To(Succeed())
		}
		Expect(registry.described.Load()).To(BeEquivalentTo(1))
		clock.Advance(1)
		Expect(update("second")).To(MatchError("metric second: the server itself has a metric with this name"))
		Expect(registry.described.Load()).To(BeEquivalentTo(2))
	})

	It("is not compared with the names in a registerer that is not a collector", func() {
		registry := prometheus.NewRegistry()
		registry.MustRegister(gauge("first"))
		start(struct{ prometheus.Registerer }{registry})
		Expect(update("first")).To(Succeed())
	})

	It("is compared with the names on the page instead of the registry's if the aggregator is part of a page", func() {
		registry := &countingRegistry{Registry: prometheus.NewRegistry()}
		registry.MustRegister(gauge("registered"))
		start(registry)
		store := series.Provide(a, series.PageNames{
			TypeOf:  func(name string) (series.Type, bool) { return series.Histogram, name == "shown" },
			Has:     func(string, string) bool { return false },
			Owner:   func(string, series.Type, bool) string { return "" },
			Version: func() uint64 { return 0 },
		}).Store
		Expect(update("registered")).To(Succeed())
		Expect(update("shown")).To(MatchError(ContainSubstring("metric shown: got type gauge, expected histogram")))
		Expect(update("shown_sum")).To(MatchError("metric shown_sum has the name of a sample of the histogram shown"))
		Expect(push("# TYPE shown counter\nshown 1\n")).To(MatchError(ContainSubstring("metric shown: got type counter, expected histogram")))
		Expect(registry.described.Load()).To(BeZero())
		Expect(store.Families()).To(ContainElement(HaveField("Name()", "registered")))
	})

	It("may be that of a sample that exists only in OpenMetrics, because the Python client pushes such families", func() {
		start(nil)
		Expect(push("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n# TYPE h_created gauge\nh_created 1.7e9\n")).To(Succeed())
		Expect(samples(a)).To(ContainElement(`h_created{instance="",job="j"} 1.7e+09`))
	})
})
