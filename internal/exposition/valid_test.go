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

// histogramOf is a histogram of bounds and counts in turn, and its count and sum.
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

var _ = DescribeTable("OpenMetrics has a histogram",
	func(h *dto.Histogram, ok bool) { Expect(isHistogram(h)).To(Equal(ok)) },
	Entry("of nothing", &dto.Histogram{}, true),
	Entry("without buckets", histogramOf(5, 1), true),
	Entry("with an infinite bucket", histogramOf(5, 1, 0, 0, 1, 4, inf, 5), true),
	Entry("without one", histogramOf(5, 1, 0, 0, 1, 5), true),
	Entry("not: fractional count", histogramOf(5.5, 1), false),
	Entry("not: fractional bucket", histogramOf(5, 1, 1, .5), false),
	Entry("not: negative count", histogramOf(-5, 1), false),
	Entry("not: infinite count", histogramOf(inf, 1), false),
	Entry("not: count that is not a number", histogramOf(nan, 1), false),
	Entry("not: count of too many digits", histogramOf(1e17, 1), false),
	Entry("not: negative sum", histogramOf(1, -1), false),
	Entry("not: sum that is not a number", histogramOf(1, nan), false),
	Entry("not: negative bound", histogramOf(1, 1, -1, 1), false),
	Entry("not: bound that is not a number", histogramOf(1, 1, nan, 1), false),
	Entry("not: the same bound twice", histogramOf(1, 1, 1, 1, 1, 1), false),
	Entry("not: bounds that descend", histogramOf(1, 1, 2, 1, 1, 1), false),
	Entry("not: counts that descend", histogramOf(2, 1, 1, 2, 2, 1), false),
	Entry("not: more in a bucket than in all", histogramOf(2, 1, 1, 3), false),
	Entry("not: more in all than in the infinite bucket", histogramOf(2, 1, inf, 1), false),
)

// summaryOf is a summary of quantiles and values in turn, and its sum.
func summaryOf(sum float64, quantiles ...float64) *dto.Summary {
	s := &dto.Summary{SampleSum: &sum}
	for i := 0; i < len(quantiles); i += 2 {
		s.Quantile = append(s.Quantile, &dto.Quantile{Quantile: &quantiles[i], Value: &quantiles[i+1]})
	}
	return s
}

var _ = DescribeTable("OpenMetrics has a summary",
	func(s *dto.Summary, ok bool) { Expect(isSummary(s)).To(Equal(ok)) },
	Entry("of nothing", &dto.Summary{}, true),
	Entry("with quantiles", summaryOf(1, 0, 1, .5, nan, 1, inf), true),
	Entry("not: negative sum", summaryOf(-1), false),
	Entry("not: sum that is not a number", summaryOf(nan), false),
	Entry("not: negative value", summaryOf(1, .5, -1), false),
	Entry("not: quantile above one", summaryOf(1, 1.5, 1), false),
	Entry("not: negative quantile", summaryOf(1, -.5, 1), false),
	Entry("not: quantile that is not a number", summaryOf(1, nan, 1), false),
	Entry("not: the same quantile twice", summaryOf(1, .5, 1, .9, 1, .5, 1), false),
)

var _ = DescribeTable("OpenMetrics has an exemplar",
	func(e *dto.Exemplar, ok bool) { Expect(showable(e)).To(Equal(ok)) },
	Entry("of any value", &dto.Exemplar{Value: proto.Float64(nan)}, true),
	Entry("with labels and a time", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "x"), labelPair("b", "x")}, Timestamp: timestamppb.New(epoch)}, true),
	Entry("with 128 characters in labels", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", strings.Repeat("€", 63)), labelPair("b", strings.Repeat("€", 63))}}, true),
	Entry("not: with one more", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", strings.Repeat("€", 63)), labelPair("b", strings.Repeat("€", 64))}}, false),
	Entry("not: the same label twice", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "x"), labelPair("a", "y")}}, false),
	Entry("not: a strange label", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a b", "x")}}, false),
	Entry("not: a value that is not UTF-8", &dto.Exemplar{Label: []*dto.LabelPair{labelPair("a", "\xff")}}, false),
	Entry("not: an invalid time", &dto.Exemplar{Timestamp: &timestamppb.Timestamp{Nanos: -1}}, false),
)
