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

// A countingRegistry counts how often it describes what is registered.
type countingRegistry struct {
	*prometheus.Registry
	described atomic.Int64
}

func (r *countingRegistry) Describe(descs chan<- *prometheus.Desc) {
	r.described.Add(1)
	r.Registry.Describe(descs)
}

var _ = Describe("A name that is pushed", func() {
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

	It("is looked for in the registry, which is asked once a second at most", func() {
		registry := &countingRegistry{Registry: prometheus.NewRegistry()}
		registry.MustRegister(gauge("first"))
		start(registry)
		Expect(registry.described.Load()).To(BeZero())
		Expect(update("first")).To(MatchError("metric first is served by the server itself"))
		Expect(push("first 1\n")).To(MatchError("metric first is served by the server itself"))
		registry.MustRegister(gauge("second"))
		clock.Advance(time.Second - 1)
		for range 10 {
			Expect(push("free 1\n")).To(Succeed())
		}
		Expect(registry.described.Load()).To(BeEquivalentTo(1))
		clock.Advance(1)
		Expect(update("second")).To(MatchError("metric second is served by the server itself"))
		Expect(registry.described.Load()).To(BeEquivalentTo(2))
	})

	It("is not looked for in a registerer that does not say what it has", func() {
		registry := prometheus.NewRegistry()
		registry.MustRegister(gauge("first"))
		start(struct{ prometheus.Registerer }{registry})
		Expect(update("first")).To(Succeed())
	})

	It("is looked for on the page, if there is one, and not in the registry", func() {
		registry := &countingRegistry{Registry: prometheus.NewRegistry()}
		registry.MustRegister(gauge("registered"))
		start(registry)
		store, _ := series.Provide(a, func(name string) (series.Type, bool) { return series.Histogram, name == "shown" })
		Expect(update("registered")).To(Succeed())
		Expect(update("shown")).To(MatchError("metric shown is served by the server itself"))
		Expect(update("shown_sum")).To(MatchError("metric shown_sum has the name of a sample of the histogram shown"))
		Expect(push("# TYPE shown counter\nshown 1\n")).To(MatchError("metric shown: got type counter, expected histogram, its existing type"))
		Expect(registry.described.Load()).To(BeZero())
		Expect(store.Families()).To(ContainElement(HaveField("Name()", "registered")))
	})

	It("may be that of a sample that only OpenMetrics has: Python's client pushes such families", func() {
		start(nil)
		Expect(push("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n# TYPE h_created gauge\nh_created 1.7e9\n")).To(Succeed())
		Expect(samples(a)).To(ContainElement(`h_created{instance="",job="j"} 1.7e+09`))
	})
})
