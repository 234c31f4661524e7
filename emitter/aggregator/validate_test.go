package aggregator_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var _ = Describe("A push that makes no sense on its own", func() {
	var a *aggregator.Aggregator

	BeforeEach(func() {
		var err error
		a, err = aggregator.New(aggregator.Options{})
		Expect(err).NotTo(HaveOccurred())
	})
	push := func(group []string, families ...*dto.MetricFamily) error {
		p := aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: "j"}}, Families: families, Replace: true}
		for i := 0; i < len(group); i += 2 {
			p.Grouping = append(p.Grouping, aggregator.Label{Name: group[i], Value: group[i+1]})
		}
		return a.Groups.Push(context.Background(), p)
	}
	// expectScrape expects that all there is can be told in every format.
	expectScrape := func() {
		GinkgoHelper()
		registry := prometheus.NewPedanticRegistry()
		Expect(registry.Register(a)).To(Succeed())
		families, err := registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		for _, f := range families {
			for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim} {
				if err := expfmt.NewEncoder(&bytes.Buffer{}, expfmt.NewFormat(format), expfmt.WithCreatedLines()).Encode(f); err != nil {
					Expect(err).To(MatchError(ContainSubstring("does not support float histogram")))
				}
			}
		}
	}
	// expectRefused expects that a push is refused for the reason, or taken if that
	// is empty, and that a scrape succeeds either way.
	expectRefused := func(err error, reason string) {
		GinkgoHelper()
		expectScrape()
		if reason == "" {
			Expect(err).NotTo(HaveOccurred())
			return
		}
		Expect(err).To(MatchError(reason))
		Expect(err).To(HaveField("Refusal", aggregator.Inconsistent))
		Expect(samples(a)).To(BeEmpty())
		Expect(page(a)).To(MatchRegexp(`push_failure_time_seconds{.*} [1-9]`))
	}

	DescribeTable("is refused, so that it breaks no scrape",
		func(family *dto.MetricFamily, reason string) {
			before := pushed("before", dto.MetricType_GAUGE, gauge1())
			expectRefused(push(nil, before, family), reason)
		},
		Entry("nil", nil, "metric family 2 of 2 is nil"),
		Entry("without a name", pushed("", dto.MetricType_GAUGE, gauge1()), `"" is not a metric name`),
		Entry("with a UTF-8 name", pushed("a.b", dto.MetricType_GAUGE, gauge1()), `"a.b" is not a metric name`),
		Entry("with a name that cannot be, and no metrics", pushed("é", dto.MetricType_GAUGE), `"é" is not a metric name`),
		Entry("with a name without end", pushed(strings.Repeat("-", 100_000), dto.MetricType_GAUGE), `"`+strings.Repeat("-", 64)+`…" is not a metric name`),
		Entry("with a unit that cannot be", &dto.MetricFamily{Name: proto.String("x"), Unit: proto.String("a b")}, `metric x: invalid unit "a b"`),
		Entry("with an unknown type", pushed("x", 77, gauge1()), "metric x: unknown type 77"),
		Entry("with a help text that is not UTF-8", &dto.MetricFamily{Name: proto.String("x"), Help: proto.String("\xff")}, `the help text of metric x is "\xff", which is not UTF-8`),

		Entry("with a metric that is nil", pushed("x", dto.MetricType_GAUGE, nil), "metric x: number 1 of 1: the metric is nil"),
		Entry("with the value of another type", pushed("x", dto.MetricType_COUNTER, gauge1()), "metric x: number 1 of 1: expected a counter, got another type"),
		Entry("without a value", pushed("x", dto.MetricType_GAUGE, gauge1(), &dto.Metric{}), "metric x: number 2 of 2: expected a gauge, got another type"),
		Entry("with two values", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Summary: &dto.Summary{}}), "metric x: number 1 of 1: expected only a gauge, got another type as well"),
		Entry("with a bad value of a push time", pushed("push_time_seconds", dto.MetricType_COUNTER, gauge1()), "metric push_time_seconds: number 1 of 1: expected a counter, got another type"),

		Entry("with a label that is nil", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{nil}}), "metric x: number 1 of 1: a label is nil"),
		Entry("with an empty label", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{{}}}), `metric x: number 1 of 1: "" is not a label name`),
		Entry("with a UTF-8 label", pushed("x", dto.MetricType_GAUGE, gauge1("a.b", "v")), `metric x: number 1 of 1: "a.b" is not a label name`),
		Entry("with its name as a label", pushed("x", dto.MetricType_GAUGE, gauge1("__name__", "v")), `metric x: number 1 of 1: "__name__" is not a label name`),
		Entry("with a reserved label", pushed("x", dto.MetricType_GAUGE, gauge1("__a", "v")), `metric x: number 1 of 1: "__a" is not a label name`),
		Entry("with a label twice", pushed("x", dto.MetricType_GAUGE, gauge1("a", "1", "b", "1", "a", "2")), "metric x: number 1 of 1: label a is duplicated"),
		Entry("with a label that is not UTF-8", pushed("x", dto.MetricType_GAUGE, gauge1("a", "\xff")), `metric x: number 1 of 1: label a is "\xff", which is not UTF-8`),
		Entry("with many labels", pushed("x", dto.MetricType_GAUGE, gauge1(many(64)...)), ""),
		Entry("with too many labels", pushed("x", dto.MetricType_GAUGE, gauge1(many(65)...)), "metric x: number 1 of 1: got 65 labels, expected at most 64"),
		Entry("with many labels that the group overrules, or that are the instance", pushed("x", dto.MetricType_GAUGE, gauge1(append(many(64), "job", "own", "instance", "own")...)), ""),
		Entry("with a label that the group overrules, twice", pushed("x", dto.MetricType_GAUGE, gauge1("job", "1", "job", "2")), "metric x: number 1 of 1: label job is duplicated"),
		Entry("with a label that the group overrules, not UTF-8", pushed("x", dto.MetricType_GAUGE, gauge1("job", "\xff")), `metric x: number 1 of 1: label job is "\xff", which is not UTF-8`),
		Entry("with the quantile of a summary", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}, Label: pairsOf("quantile", "1")}), "metric x: number 1 of 1: label quantile is reserved in a summary"),
		Entry("with the le of a histogram", pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}, Label: pairsOf("le", "1")}), "metric x: number 1 of 1: label le is reserved in a histogram"),
		Entry("with the le of a gauge histogram", pushed("x", dto.MetricType_GAUGE_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}, Label: pairsOf("le", "1")}), "metric x: number 1 of 1: label le is reserved in a gaugehistogram"),
		Entry("with le and quantile where they mean nothing", pushed("x", dto.MetricType_GAUGE, gauge1("le", "1", "quantile", "1")), ""),

		Entry("with a quantile that is nil", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{Quantile: []*dto.Quantile{nil}}}), "metric x: number 1 of 1: a quantile is nil"),
		Entry("with a summary's time of creation that cannot be", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}}),
			"metric x: number 1 of 1: the time of creation is out of range"),
		Entry("with a counter's time of creation that cannot be", counterOf(&dto.Counter{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}),
			"metric x: number 1 of 1: the time of creation is out of range"),
		Entry("with an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf("a", "1"), Timestamp: &timestamppb.Timestamp{Seconds: 1}}}), ""),
		Entry("with an exemplar that is empty", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{}}), ""),
		Entry("with an exemplar's label that cannot be", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf("a.b", "1")}}),
			`metric x: number 1 of 1: exemplar: "a.b" is not a label name`),
		Entry("with an exemplar's label that is nil", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: []*dto.LabelPair{nil}}}),
			"metric x: number 1 of 1: exemplar: a label is nil"),
		Entry("with an exemplar of too many labels", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf(many(65)...)}}),
			"metric x: number 1 of 1: exemplar: got 65 labels, expected at most 64"),
		Entry("with an exemplar's time that cannot be", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Nanos: -1}}}),
			"metric x: number 1 of 1: exemplar: the time is out of range"),
	)

	DescribeTable("is refused as a histogram",
		func(h *dto.Histogram, reason string) {
			for _, typ := range []dto.MetricType{dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM} {
				want := reason
				if reason != "" {
					want = "metric x: number 1 of 1: " + reason
				}
				expectRefused(push(nil, pushed("x", typ, &dto.Metric{Histogram: h})), want)
			}
		},
		Entry("empty", &dto.Histogram{}, ""),
		Entry("classic", &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1)}}}, ""),
		Entry("classic, of nonsense that is scraped all the same", &dto.Histogram{Bucket: []*dto.Bucket{
			{UpperBound: proto.Float64(2), CumulativeCount: proto.Uint64(5)}, {UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1)},
			{UpperBound: proto.Float64(1)}, {UpperBound: proto.Float64(math.NaN()), CumulativeCountFloat: proto.Float64(math.NaN())}}}, ""),
		Entry("with a bucket that is nil", &dto.Histogram{Bucket: []*dto.Bucket{nil}}, "a bucket is nil"),
		Entry("with an exemplar of a bucket", &dto.Histogram{Bucket: []*dto.Bucket{{Exemplar: &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Seconds: 1 << 60}}}}},
			"exemplar: the time is out of range"),
		Entry("with an exemplar that is nil", &dto.Histogram{Exemplars: []*dto.Exemplar{nil}}, "an exemplar is nil"),
		Entry("with an exemplar", &dto.Histogram{Exemplars: []*dto.Exemplar{{Label: pairsOf("a", "\xff")}}}, `exemplar: label a is "\xff", which is not UTF-8`),
		Entry("with a time of creation", &dto.Histogram{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}, "the time of creation is out of range"),
		Entry("native", nativeWith(func(*dto.Histogram) {}), ""),
		Entry("native, without observations", &dto.Histogram{Schema: proto.Int32(3), PositiveSpan: []*dto.BucketSpan{{}}}, ""),
		Entry("native, of floats", &dto.Histogram{SampleCountFloat: proto.Float64(1.5), PositiveSpan: []*dto.BucketSpan{{Length: proto.Uint32(1)}}, PositiveCount: []float64{1.5}}, ""),
		Entry("native, of negative floats", &dto.Histogram{SampleCountFloat: proto.Float64(1.5), NegativeSpan: []*dto.BucketSpan{{Length: proto.Uint32(1)}}, NegativeCount: []float64{-1.5}},
			"got bucket count -1.5, expected a number that is not negative"),
		Entry("native, with an unknown schema", nativeWith(func(h *dto.Histogram) { h.Schema = proto.Int32(9) }), "got schema 9, expected one from -4 to 8"),
		Entry("native, with a wrong count", nativeWith(func(h *dto.Histogram) { h.SampleCount = proto.Uint64(10) }), "got count 10, but the counts of the native buckets add up to 9"),
		Entry("native, with NaN among the observations", nativeWith(func(h *dto.Histogram) {
			h.SampleCount, h.SampleSum = proto.Uint64(10), proto.Float64(math.NaN())
		}), ""),
		Entry("native, with a span that is nil", nativeWith(func(h *dto.Histogram) { h.PositiveSpan[1] = nil }), "span 2 is nil"),
		Entry("native, with buckets without spans", nativeWith(func(h *dto.Histogram) { h.PositiveSpan = h.PositiveSpan[:1] }), "the spans have 2 buckets, but there are 4 counts"),
		Entry("native, with spans without buckets", nativeWith(func(h *dto.Histogram) { h.NegativeSpan[0].Length = proto.Uint32(math.MaxUint32) }),
			"span 1 exceeds the last possible bucket"),
		Entry("native, with spans that overlap", nativeWith(func(h *dto.Histogram) { h.PositiveSpan[1].Offset = proto.Int32(-1) }), "span 2 has the negative offset -1"),
		Entry("native, with a negative count", nativeWith(func(h *dto.Histogram) { h.PositiveDelta[0] = -1 }), "got bucket count -1, expected a number that is not negative"),
		Entry("native, with more than can be counted", nativeWith(func(h *dto.Histogram) {
			h.PositiveDelta, h.ZeroCount = []int64{math.MaxInt64, 0, 0, 0}, proto.Uint64(math.MaxUint64)
		}), "the sum of the bucket counts overflows"),
		Entry("native, with a zero bucket that is none", nativeWith(func(h *dto.Histogram) { h.ZeroThreshold = proto.Float64(-1) }), "got a zero bucket with threshold -1 and count 0, expected numbers that are not negative"),
	)

	It("is refused if its group has a label that samples have of their own", func() {
		summary := func(labels ...string) *dto.MetricFamily {
			return pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}, Label: pairsOf(labels...)})
		}
		expectRefused(push([]string{"quantile", "1"}, summary()), "metric x: number 1 of 1: label quantile is reserved in a summary, but is a label of the group")
		expectRefused(push([]string{"quantile", "1"}, summary("quantile", "2")), "metric x: number 1 of 1: label quantile is reserved in a summary")
		expectRefused(push([]string{"le", "1"}, pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}})),
			"metric x: number 1 of 1: label le is reserved in a histogram, but is a label of the group")
		Expect(push([]string{"le", "1"}, summary())).To(Succeed())
		Expect(push([]string{"quantile", "1"}, pushed("y", dto.MetricType_GAUGE, gauge1("quantile", "own")))).To(Succeed())
		Expect(samples(a)).To(ContainElement(`y{instance="",job="j",quantile="1"} 1`))
	})

	It("is refused if a family is there twice, whatever the types", func() {
		expectRefused(push(nil, pushed("x", dto.MetricType_GAUGE, gauge1()), pushed("x", dto.MetricType_UNTYPED)), "metric x is duplicated")
	})

	It("does not become native by a resolution alone, when it is summed", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupAggregateBy: []string{"job"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(push([]string{"run", "1"}, pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(5), Schema: proto.Int32(3)}}))).To(Succeed())
		sum := familyOf(a, "x").Metric[0].Histogram
		Expect(sum.GetSampleCount()).To(BeEquivalentTo(5))
		Expect(sum.PositiveSpan).To(BeEmpty())
	})
})

func pushed(name string, typ dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: &typ, Metric: metrics}
}

// gauge1 is a gauge of 1.
func gauge1(labels ...string) *dto.Metric {
	return &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(1)}, Label: pairsOf(labels...)}
}

func counterOf(c *dto.Counter) *dto.MetricFamily {
	return pushed("x", dto.MetricType_COUNTER, &dto.Metric{Counter: c})
}

func pairsOf(labels ...string) (pairs []*dto.LabelPair) {
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	return pairs
}

// many are the names and values of n labels.
func many(n int) (labels []string) {
	for i := range n {
		labels = append(labels, fmt.Sprint("l", i), "v")
	}
	return labels
}

// nativeWith is a native histogram of 9 observations, after a change.
func nativeWith(change func(*dto.Histogram)) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount: proto.Uint64(9), SampleSum: proto.Float64(20.5),
		Schema: proto.Int32(2), ZeroThreshold: proto.Float64(0.001), ZeroCount: proto.Uint64(1),
		PositiveSpan:  []*dto.BucketSpan{{Offset: proto.Int32(1), Length: proto.Uint32(2)}, {Offset: proto.Int32(3), Length: proto.Uint32(2)}},
		PositiveDelta: []int64{1, 2, -1, -2},
		NegativeSpan:  []*dto.BucketSpan{{Offset: proto.Int32(-2), Length: proto.Uint32(2)}},
		NegativeDelta: []int64{1, 0},
	}
	change(h)
	return h
}
