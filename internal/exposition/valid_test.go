package exposition

import (
	"math"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// histogramOf returns a histogram with float counts. buckets are upper bounds and
// cumulative counts, alternating.
func histogramOf(count, sum float64, buckets ...float64) *dto.Histogram {
	h := &dto.Histogram{SampleCountFloat: &count, SampleSum: &sum}
	for i := 0; i < len(buckets); i += 2 {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &buckets[i], CumulativeCountFloat: &buckets[i+1]})
	}
	return h
}

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

var _ = DescribeTable("validHistogram",
	func(h *dto.Histogram, ok bool) { Expect(validHistogram(h)).To(Equal(ok)) },
	Entry("accepts an empty histogram", &dto.Histogram{}, true),
	Entry("accepts a histogram without buckets", histogramOf(5, 1), true),
	Entry("accepts a +Inf bucket", histogramOf(5, 1, 0, 0, 1, 4, inf, 5), true),
	Entry("accepts buckets without +Inf", histogramOf(5, 1, 0, 0, 1, 5), true),
	Entry("rejects a fractional count", histogramOf(5.5, 1), false),
	Entry("rejects a fractional bucket", histogramOf(5, 1, 1, .5), false),
	Entry("rejects a negative count", histogramOf(-5, 1), false),
	Entry("rejects an infinite count", histogramOf(inf, 1), false),
	Entry("rejects a count of NaN", histogramOf(nan, 1), false),
	Entry("rejects a count above 2^53", histogramOf(1e17, 1), false),
	Entry("rejects a negative sum", histogramOf(1, -1), false),
	Entry("rejects a sum of NaN", histogramOf(1, nan), false),
	Entry("rejects a negative bound", histogramOf(1, 1, -1, 1), false),
	Entry("rejects a bound of NaN", histogramOf(1, 1, nan, 1), false),
	Entry("rejects a duplicated bound", histogramOf(1, 1, 1, 1, 1, 1), false),
	Entry("rejects descending bounds", histogramOf(1, 1, 2, 1, 1, 1), false),
	Entry("rejects descending counts", histogramOf(2, 1, 1, 2, 2, 1), false),
	Entry("rejects a bucket that exceeds the count", histogramOf(2, 1, 1, 3), false),
	Entry("rejects a +Inf bucket below the count", histogramOf(2, 1, inf, 1), false),
)

// summaryOf returns a summary. quantiles are quantiles and their values, alternating.
func summaryOf(sum float64, quantiles ...float64) *dto.Summary {
	s := &dto.Summary{SampleSum: &sum}
	for i := 0; i < len(quantiles); i += 2 {
		s.Quantile = append(s.Quantile, &dto.Quantile{Quantile: &quantiles[i], Value: &quantiles[i+1]})
	}
	return s
}

var _ = DescribeTable("validSummary",
	func(s *dto.Summary, ok bool) { Expect(validSummary(s)).To(Equal(ok)) },
	Entry("accepts an empty summary", &dto.Summary{}, true),
	Entry("accepts quantiles", summaryOf(1, 0, 1, .5, nan, 1, inf), true),
	Entry("rejects a negative sum", summaryOf(-1), false),
	Entry("rejects a sum of NaN", summaryOf(nan), false),
	Entry("rejects a negative value", summaryOf(1, .5, -1), false),
	Entry("rejects a quantile above 1", summaryOf(1, 1.5, 1), false),
	Entry("rejects a negative quantile", summaryOf(1, -.5, 1), false),
	Entry("rejects a quantile of NaN", summaryOf(1, nan, 1), false),
)

var _ = DescribeTable("validExemplar",
	func(e *dto.Exemplar, ok bool) { Expect(validExemplar(e)).To(Equal(ok)) },
	Entry("accepts any value", &dto.Exemplar{Value: proto.Float64(nan)}, true),
	Entry("accepts labels and a time", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "x"), labelPair("b", "x")}, Timestamp: timestamppb.New(epoch)}, true),
	Entry("accepts labels of 128 characters", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", strings.Repeat("€", 63)), labelPair("b", strings.Repeat("€", 63))}}, true),
	Entry("rejects labels of 129 characters", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", strings.Repeat("€", 63)), labelPair("b", strings.Repeat("€", 64))}}, false),
	Entry("rejects a duplicated label", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "x"), labelPair("a", "y")}}, false),
	Entry("rejects an invalid label name", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a b", "x")}}, false),
	Entry("rejects a label value that is not UTF-8", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "\xff")}}, false),
	Entry("rejects a label value with NUL, of which Prometheus cannot read a page", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "a\x00b")}}, false),
	Entry("rejects an invalid time", &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Nanos: -1}}, false),
)
