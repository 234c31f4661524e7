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

var _ = Describe("The validation of a push", func() {
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
	// expectScrape expects that the metrics can be encoded in every format.
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
	// expectResult expects that a push was rejected with the error reason, or was
	// accepted if reason is empty. It also expects that a scrape succeeds.
	expectResult := func(err error, reason string) {
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

	DescribeTable("checks a family",
		func(family *dto.MetricFamily, reason string) {
			before := pushed("before", dto.MetricType_GAUGE, gauge1())
			expectResult(push(nil, before, family), reason)
		},
		Entry("that is nil", nil, "metric family 2 of 2 is nil"),
		Entry("without a name", pushed("", dto.MetricType_GAUGE, gauge1()), `"" is not a metric name`),
		Entry("with a UTF-8 name", pushed("a.b", dto.MetricType_GAUGE, gauge1()), `"a.b" is not a metric name; UTF-8 names are not enabled`),
		Entry("with an invalid name and without metrics", pushed("é", dto.MetricType_GAUGE), `"é" is not a metric name; UTF-8 names are not enabled`),
		Entry("with a long name that is invalid", pushed(strings.Repeat("-", 1000), dto.MetricType_GAUGE), `"`+strings.Repeat("-", 64)+`…" is not a metric name; UTF-8 names are not enabled`),
		Entry("with an invalid unit", &dto.MetricFamily{Name: proto.String("x"), Unit: proto.String("a b")}, `metric x: invalid unit "a b"`),
		Entry("with an unknown type", pushed("x", 77, gauge1()), "metric x: unknown type 77"),
		Entry("with a help text that is not UTF-8", &dto.MetricFamily{Name: proto.String("x"), Help: proto.String("\xff")}, `metric x: help text "\xff" is not valid UTF-8`),

		Entry("with a metric that is nil", pushed("x", dto.MetricType_GAUGE, nil), "metric x: sample 1 of 1: the sample is nil"),
		Entry("with a value of another type", pushed("x", dto.MetricType_COUNTER, gauge1()), "metric x: sample 1 of 1: got no value or one of another type, expected a counter"),
		Entry("without a value", pushed("x", dto.MetricType_GAUGE, gauge1(), &dto.Metric{}), "metric x: sample 2 of 2: got no value or one of another type, expected a gauge"),
		Entry("with two values", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Summary: &dto.Summary{}}), "metric x: sample 1 of 1: got values of 2 types, expected only a gauge"),
		Entry("of push times with a value of another type", pushed("push_time_seconds", dto.MetricType_COUNTER, gauge1()), "metric push_time_seconds: sample 1 of 1: got no value or one of another type, expected a counter"),

		Entry("with a label that is nil", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{nil}}), "metric x: sample 1 of 1: a label is nil"),
		Entry("with an empty label name", pushed("x", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{{}}}), `metric x: sample 1 of 1: "" is not a label name`),
		Entry("with a UTF-8 label name", pushed("x", dto.MetricType_GAUGE, gauge1("a.b", "v")), `metric x: sample 1 of 1: "a.b" is not a label name; UTF-8 names are not enabled`),
		Entry("with its name as a label", pushed("x", dto.MetricType_GAUGE, gauge1("__name__", "v")), `metric x: sample 1 of 1: "__name__" is not a label name`),
		Entry("with a reserved label name", pushed("x", dto.MetricType_GAUGE, gauge1("__a", "v")), `metric x: sample 1 of 1: "__a" is not a label name`),
		Entry("with a duplicated label", pushed("x", dto.MetricType_GAUGE, gauge1("a", "1", "b", "1", "a", "2")), "metric x: sample 1 of 1: label a is duplicated"),
		Entry("with a label value that is not UTF-8", pushed("x", dto.MetricType_GAUGE, gauge1("a", "\xff")), `metric x: sample 1 of 1: label a: value "\xff" is not valid UTF-8`),
		Entry("with the maximum number of labels", pushed("x", dto.MetricType_GAUGE, gauge1(many(64)...)), ""),
		Entry("with too many labels", pushed("x", dto.MetricType_GAUGE, gauge1(many(65)...)), "metric x: sample 1 of 1: got 65 labels, expected at most 64"),
		Entry("with the maximum number of labels, not counting job and instance", pushed("x", dto.MetricType_GAUGE, gauge1(append(many(64), "job", "own", "instance", "own")...)), ""),
		Entry("with a duplicated label that the group also has", pushed("x", dto.MetricType_GAUGE, gauge1("job", "1", "job", "2")), "metric x: sample 1 of 1: label job is duplicated"),
		Entry("with a label value that is not UTF-8, of a label that the group also has", pushed("x", dto.MetricType_GAUGE, gauge1("job", "\xff")), `metric x: sample 1 of 1: label job: value "\xff" is not valid UTF-8`),
		Entry("with the label quantile in a summary", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}, Label: pairsOf("quantile", "1")}), "metric x: sample 1 of 1: label quantile is reserved in a summary"),
		Entry("with the label le in a histogram", pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}, Label: pairsOf("le", "1")}), "metric x: sample 1 of 1: label le is reserved in a histogram"),
		Entry("with the label le in a gauge histogram", pushed("x", dto.MetricType_GAUGE_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}, Label: pairsOf("le", "1")}), "metric x: sample 1 of 1: label le is reserved in a gaugehistogram"),
		Entry("with the labels le and quantile in a gauge", pushed("x", dto.MetricType_GAUGE, gauge1("le", "1", "quantile", "1")), ""),

		Entry("with a quantile that is nil", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{Quantile: []*dto.Quantile{nil}}}), "metric x: sample 1 of 1: a quantile is nil"),
		Entry("with a duplicated quantile", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{Quantile: []*dto.Quantile{{Quantile: proto.Float64(0.5)}, {Quantile: proto.Float64(0.5)}}}}), "metric x: sample 1 of 1: quantile=0.5 is duplicated"),
		Entry("with a quantile that is NaN", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{Quantile: []*dto.Quantile{{Quantile: proto.Float64(math.NaN())}}}}), "metric x: sample 1 of 1: got quantile=NaN, expected a number"),
		Entry("with an invalid created timestamp of a summary", pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}}),
			"metric x: sample 1 of 1: created timestamp is out of range"),
		Entry("with an invalid created timestamp of a counter", counterOf(&dto.Counter{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}),
			"metric x: sample 1 of 1: created timestamp is out of range"),
		Entry("with an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf("a", "1"), Timestamp: &timestamppb.Timestamp{Seconds: 1}}}), ""),
		Entry("with an empty exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{}}), ""),
		Entry("with an invalid label name of an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf("a.b", "1")}}),
			`metric x: sample 1 of 1: exemplar: "a.b" is not a label name; UTF-8 names are not enabled`),
		Entry("with a nil label of an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: []*dto.LabelPair{nil}}}),
			"metric x: sample 1 of 1: exemplar: a label is nil"),
		Entry("with too many labels of an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Label: pairsOf(many(65)...)}}),
			"metric x: sample 1 of 1: exemplar: got 65 labels, expected at most 64"),
		Entry("with an invalid timestamp of an exemplar", counterOf(&dto.Counter{Exemplar: &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Nanos: -1}}}),
			"metric x: sample 1 of 1: exemplar: timestamp is out of range"),
	)

	DescribeTable("checks a histogram",
		func(h *dto.Histogram, reason string) {
			for _, typ := range []dto.MetricType{dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM} {
				want := reason
				if reason != "" {
					want = "metric x: sample 1 of 1: " + reason
				}
				expectResult(push(nil, pushed("x", typ, &dto.Metric{Histogram: h})), want)
			}
		},
		Entry("that is empty", &dto.Histogram{}, ""),
		Entry("that is classic", &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1)}}}, ""),
		Entry("that is classic and inconsistent, which Prometheus accepts", &dto.Histogram{Bucket: []*dto.Bucket{
			{UpperBound: proto.Float64(2), CumulativeCount: proto.Uint64(5)}, {UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1)},
			{UpperBound: proto.Float64(0)}, {UpperBound: proto.Float64(-1), CumulativeCountFloat: proto.Float64(0.5)}}}, ""),
		Entry("with a duplicated bucket", &dto.Histogram{Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1)}, {UpperBound: proto.Float64(2)}, {UpperBound: proto.Float64(1)}}}, "le=1 is duplicated"),
		Entry("with a duplicated bucket +Inf", &dto.Histogram{Bucket: []*dto.Bucket{{UpperBound: proto.Float64(math.Inf(1))}, {UpperBound: proto.Float64(math.Inf(1))}}}, "le=+Inf is duplicated"),
		Entry("with a count that is negative", &dto.Histogram{SampleCountFloat: proto.Float64(-1)}, "got count -1, expected a non-negative number"),
		Entry("with a count that is NaN", &dto.Histogram{SampleCountFloat: proto.Float64(math.NaN())}, "got count NaN, expected a non-negative number"),
		Entry("with a count that is infinite", &dto.Histogram{SampleCountFloat: proto.Float64(math.Inf(1))}, "got count +Inf, expected a non-negative number"),
		Entry("with the count of a bucket that is negative", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(-1)}}}, "got count -1, expected a non-negative number"),
		Entry("with the count of a bucket that is NaN", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(math.NaN())}}}, "got count NaN, expected a non-negative number"),
		Entry("with a bound that is NaN", &dto.Histogram{Bucket: []*dto.Bucket{{UpperBound: proto.Float64(math.NaN())}}}, "got le=NaN, expected a number"),
		Entry("with a bucket that is nil", &dto.Histogram{Bucket: []*dto.Bucket{nil}}, "a bucket is nil"),
		Entry("with an invalid exemplar of a bucket", &dto.Histogram{Bucket: []*dto.Bucket{{Exemplar: &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Seconds: 1 << 60}}}}},
			"exemplar: timestamp is out of range"),
		Entry("with an exemplar that is nil", &dto.Histogram{Exemplars: []*dto.Exemplar{nil}}, "an exemplar is nil"),
		Entry("with an invalid exemplar", &dto.Histogram{Exemplars: []*dto.Exemplar{{Label: pairsOf("a", "\xff")}}}, `exemplar: label a: value "\xff" is not valid UTF-8`),
		Entry("with an invalid created timestamp", &dto.Histogram{CreatedTimestamp: &timestamppb.Timestamp{Nanos: -1}}, "created timestamp is out of range"),
		Entry("that is native", nativeWith(func(*dto.Histogram) {}), ""),
		Entry("that is native, without observations", &dto.Histogram{Schema: proto.Int32(3), PositiveSpan: []*dto.BucketSpan{{}}}, ""),
		Entry("that is native, with float counts", &dto.Histogram{SampleCountFloat: proto.Float64(1.5), PositiveSpan: []*dto.BucketSpan{{Length: proto.Uint32(1)}}, PositiveCount: []float64{1.5}}, ""),
		Entry("that is native, with negative float counts", &dto.Histogram{SampleCountFloat: proto.Float64(1.5), NegativeSpan: []*dto.BucketSpan{{Length: proto.Uint32(1)}}, NegativeCount: []float64{-1.5}},
			"got bucket count -1.5, expected a non-negative number"),
		Entry("that is native, with an unknown schema", nativeWith(func(h *dto.Histogram) { h.Schema = proto.Int32(9) }), "got schema 9, expected one from -4 to 8"),
		Entry("that is native, with a wrong count", nativeWith(func(h *dto.Histogram) { h.SampleCount = proto.Uint64(10) }), "got count 10, expected 9, the sum of the counts of the native buckets"),
		Entry("that is native, with NaN observations", nativeWith(func(h *dto.Histogram) {
			h.SampleCount, h.SampleSum = proto.Uint64(10), proto.Float64(math.NaN())
		}), ""),
		Entry("that is native, with a span that is nil", nativeWith(func(h *dto.Histogram) { h.PositiveSpan[1] = nil }), "span 2 is nil"),
		Entry("that is native, with more bucket counts than the spans have", nativeWith(func(h *dto.Histogram) { h.PositiveSpan = h.PositiveSpan[:1] }), "got 4 bucket counts, expected 2, the number of buckets in the spans"),
		Entry("that is native, with a span that is too long", nativeWith(func(h *dto.Histogram) { h.NegativeSpan[0].Length = proto.Uint32(math.MaxUint32) }),
			"span 1 extends beyond the last possible bucket"),
		Entry("that is native, with overlapping spans", nativeWith(func(h *dto.Histogram) { h.PositiveSpan[1].Offset = proto.Int32(-1) }), "span 2: got offset -1, expected a non-negative number"),
		Entry("that is native, with a negative count", nativeWith(func(h *dto.Histogram) { h.PositiveDelta[0] = -1 }), "got bucket count -1, expected a non-negative number"),
		Entry("that is native, with counts that overflow", nativeWith(func(h *dto.Histogram) {
			h.PositiveDelta, h.ZeroCount = []int64{math.MaxInt64, 0, 0, 0}, proto.Uint64(math.MaxUint64)
		}), "the sum of the bucket counts overflows"),
		Entry("that is native, with an invalid zero bucket", nativeWith(func(h *dto.Histogram) { h.ZeroThreshold = proto.Float64(-1) }), "got a zero bucket with threshold -1 and count 0, expected non-negative numbers"),
	)

	It("rejects a metric if its group has a label that is reserved in the metric", func() {
		summary := func(labels ...string) *dto.MetricFamily {
			return pushed("x", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}, Label: pairsOf(labels...)})
		}
		expectResult(push([]string{"quantile", "1"}, summary()), "metric x: sample 1 of 1: label quantile is reserved in a summary, but the group has a label with this name")
		expectResult(push([]string{"quantile", "1"}, summary("quantile", "2")), "metric x: sample 1 of 1: label quantile is reserved in a summary")
		expectResult(push([]string{"le", "1"}, pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}})),
			"metric x: sample 1 of 1: label le is reserved in a histogram, but the group has a label with this name")
		Expect(push([]string{"le", "1"}, summary())).To(Succeed())
		Expect(push([]string{"quantile", "1"}, pushed("y", dto.MetricType_GAUGE, gauge1("quantile", "own")))).To(Succeed())
		Expect(samples(a)).To(ContainElement(`y{instance="",job="j",quantile="1"} 1`))
	})

	It("rejects a duplicated family, even if its type differs", func() {
		expectResult(push(nil, pushed("x", dto.MetricType_GAUGE, gauge1()), pushed("x", dto.MetricType_UNTYPED)), "metric x is duplicated")
	})

	It("ignores the schema of a classic histogram, so that its sum is not native", func() {
		var err error
		a, err = aggregator.New(aggregator.Options{GroupAggregateBy: []string{"job"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(push([]string{"run", "1"}, pushed("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(5), Schema: proto.Int32(3)}}))).To(Succeed())
		sum := familyOf(a, "x").Metric[0].Histogram
		Expect(sum.GetSampleCount()).To(BeEquivalentTo(5))
		Expect(sum.PositiveSpan).To(BeEmpty())
	})
})

// pushed returns a pushed family.
func pushed(name string, typ dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: &typ, Metric: metrics}
}

// gauge1 returns a gauge with the value 1. labels are names and values.
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

// many returns the names and values of n labels.
func many(n int) (labels []string) {
	for i := range n {
		labels = append(labels, fmt.Sprint("l", i), "v")
	}
	return labels
}

// nativeWith returns a native histogram of 9 observations to which change was applied.
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
