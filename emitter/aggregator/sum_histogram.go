package aggregator

import (
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// sameBuckets reports whether two histograms have the same buckets, so that they can be
// summed.
func sameBuckets(a, b *dto.Histogram) bool {
	return (a.Schema == nil) == (b.Schema == nil) && a.GetSchema() == b.GetSchema() && a.GetZeroThreshold() == b.GetZeroThreshold() &&
		slices.EqualFunc(finite(a.Bucket), finite(b.Bucket), func(a, b *dto.Bucket) bool { return a.GetUpperBound() == b.GetUpperBound() })
}

// finite returns the buckets without the +Inf bucket, whose count is the sample count
// of the histogram.
func finite(buckets []*dto.Bucket) []*dto.Bucket {
	if n := len(buckets); n > 0 && math.IsInf(buckets[n-1].GetUpperBound(), 1) {
		return buckets[:n-1]
	}
	return buckets
}

// infinite returns the +Inf bucket, or nil if there is none.
func infinite(buckets []*dto.Bucket) *dto.Bucket {
	if n := len(finite(buckets)); n < len(buckets) {
		return buckets[n]
	}
	return nil
}

// plus returns a + sign*b for two summaries, or for two histograms with the same
// buckets. The result has counts, but no sum of observations. a may be nil, which means
// zero. Neither a nor b is changed.
func plus(a, b *dto.Metric, sign int) *dto.Metric {
	if b.Summary != nil {
		var count uint64
		if a != nil {
			count = a.Summary.GetSampleCount()
		}
		return &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(count + uint64(sign)*b.Summary.GetSampleCount())}}
	}
	if a == nil {
		a = &dto.Metric{Histogram: &dto.Histogram{}}
	}
	return &dto.Metric{Histogram: plusHistogram(a.Histogram, b.Histogram, sign)}
}

// plusHistogram returns a + sign*b. An exemplar of a bucket is the newest, or that of a
// if sign is negative. There is a bucket +Inf only if it has an exemplar.
func plusHistogram(a, b *dto.Histogram, sign int) *dto.Histogram {
	times := uint64(sign) // -1 wraps around, and so do the additions below
	sum := &dto.Histogram{SampleCount: proto.Uint64(a.GetSampleCount() + times*b.GetSampleCount())}
	exemplarOf := func(a, b *dto.Exemplar) *dto.Exemplar {
		if sign < 0 {
			return a
		}
		return newest(a, b)
	}
	before := finite(a.Bucket)
	for i, bucket := range finite(b.Bucket) {
		n := &dto.Bucket{UpperBound: bucket.UpperBound}
		var count uint64
		var exemplar *dto.Exemplar
		if i < len(before) {
			count, exemplar = before[i].GetCumulativeCount(), before[i].Exemplar
		}
		n.Exemplar = exemplarOf(exemplar, bucket.Exemplar)
		n.CumulativeCount = proto.Uint64(count + times*bucket.GetCumulativeCount())
		sum.Bucket = append(sum.Bucket, n)
	}
	if e := exemplarOf(infinite(a.Bucket).GetExemplar(), infinite(b.Bucket).GetExemplar()); e != nil {
		sum.Bucket = append(sum.Bucket, &dto.Bucket{UpperBound: proto.Float64(math.Inf(1)), CumulativeCount: sum.SampleCount, Exemplar: e})
	}
	if b.Schema != nil {
		sum.Schema, sum.ZeroThreshold = b.Schema, b.ZeroThreshold
		sum.ZeroCount = proto.Uint64(a.GetZeroCount() + times*b.GetZeroCount())
		sum.PositiveSpan, sum.PositiveDelta = plusSpans(a.PositiveSpan, a.PositiveDelta, b.PositiveSpan, b.PositiveDelta, int64(sign))
		sum.NegativeSpan, sum.NegativeDelta = plusSpans(a.NegativeSpan, a.NegativeDelta, b.NegativeSpan, b.NegativeDelta, int64(sign))
		if len(sum.PositiveSpan)+len(sum.NegativeSpan) == 0 {
			// This span marks a native histogram without observations.
			sum.PositiveSpan = []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}}
		}
	}
	return sum
}

// sparse returns the counts of the buckets of a native histogram by index.
func sparse(spans []*dto.BucketSpan, deltas []int64) map[int32]int64 {
	counts := make(map[int32]int64, len(deltas))
	var index int32
	var count int64
	for _, span := range spans {
		index += span.GetOffset()
		for range span.GetLength() {
			if len(deltas) == 0 {
				return counts
			}
			count += deltas[0]
			deltas = deltas[1:]
			counts[index] = count
			index++
		}
	}
	return counts
}

// bucketDecreased reports whether the count of any bucket of a native histogram has
// decreased.
func bucketDecreased(spans []*dto.BucketSpan, deltas []int64, thenSpans []*dto.BucketSpan, thenDeltas []int64) bool {
	now := sparse(spans, deltas)
	for index, count := range sparse(thenSpans, thenDeltas) {
		if now[index] < count {
			return true
		}
	}
	return false
}

// plusSpans returns the spans and deltas of the buckets a + sign*b of a native
// histogram.
func plusSpans(aSpans []*dto.BucketSpan, aDeltas []int64, bSpans []*dto.BucketSpan, bDeltas []int64, sign int64) ([]*dto.BucketSpan, []int64) {
	counts := sparse(aSpans, aDeltas)
	for index, count := range sparse(bSpans, bDeltas) {
		counts[index] += sign * count
	}
	var spans []*dto.BucketSpan
	var deltas []int64
	var next int32
	var last int64
	for _, index := range slices.Sorted(maps.Keys(counts)) {
		if len(spans) == 0 || index != next {
			spans = append(spans, &dto.BucketSpan{Offset: proto.Int32(index - next), Length: proto.Uint32(0)})
		}
		*spans[len(spans)-1].Length++
		deltas = append(deltas, counts[index]-last)
		next, last = index+1, counts[index]
	}
	return spans, deltas
}
