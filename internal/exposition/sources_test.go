package exposition

import (
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var _ = Describe("Several gatherers", func() {
	registry := func(collectors ...prometheus.Collector) *prometheus.Registry {
		r := prometheus.NewRegistry()
		r.MustRegister(collectors...)
		return r
	}
	gauge := func(name string, labels prometheus.Labels) prometheus.Collector {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Help.", ConstLabels: labels})
		g.Set(1)
		return g
	}
	invalid := func() *dto.MetricFamily {
		name, value := "b", "\xff"
		return &dto.MetricFamily{Name: &name, Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{
			{Label: []*dto.LabelPair{{Name: &name, Value: &value}}, Gauge: &dto.Gauge{Value: new(float64)}},
		}}
	}

	DescribeTable("have the same families and errors as prometheus.Gatherers", func(gatherers ...prometheus.Gatherer) {
		want, wantErr := prometheus.Gatherers(gatherers).Gather()
		got, err := gatherAll(gatherers)
		Expect(len(got)).To(Equal(len(want)))
		for i := range want {
			Expect(got[i].String()).To(Equal(want[i].String()))
		}
		if wantErr == nil {
			Expect(err).NotTo(HaveOccurred())
		} else {
			Expect(err).To(MatchError(wantErr.Error()))
		}
	},
		Entry("none"),
		Entry("different families", registry(gauge("b", nil), gauge("d", nil)), registry(gauge("a", nil), gauge("c", nil))),
		Entry("the same family", registry(gauge("a", nil)), registry(gauge("b", nil), gauge("a", prometheus.Labels{"x": "y"}))),
		Entry("the same series", registry(gauge("a", nil)), registry(gauge("a", nil))),
		Entry("the same family with another type", registry(gauge("a", nil)), registry(prometheus.NewCounter(prometheus.CounterOpts{Name: "a", Help: "Help."}))),
		Entry("the same sample", registry(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a"})), registry(gauge("a_count", nil))),
		Entry("the same sample, in the other order", registry(gauge("a_sum", nil)), registry(prometheus.NewSummary(prometheus.SummaryOpts{Name: "a"}))),
		Entry("the name of a bucket", registry(gauge("a_bucket", nil)), registry(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a"}))),
		Entry("an invalid family of a gatherer that is not a registry", registry(gauge("a", nil)),
			prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return []*dto.MetricFamily{invalid()}, nil })),
		Entry("an error", registry(gauge("a", nil)),
			prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("no luck") })),
		Entry("an error of a registry", registry(gauge("a", nil), failing{}), registry(gauge("b", nil))),
	)
})

// failing is a collector whose metric has an error.
type failing struct{}

var failingDesc = prometheus.NewDesc("failing", "Help.", nil, nil)

func (failing) Describe(to chan<- *prometheus.Desc) { to <- failingDesc }

func (failing) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(failingDesc, errors.New("no luck"))
}
