package aggregator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// A sum is one series into which those of many groups are summed: of counters, of
// histograms, or of the counts and sums of summaries. It grows by what each push
// counted since the last one of its group, and so never goes down. It stays for as
// long as the Aggregator lives, and over a restart if groups are stored.
type sum struct {
	jobs       *jobs
	name, help string
	typ        series.Type
	shown      string
	series     *series.OpenSeries

	// retired is what groups have counted that are gone, or that have counted again
	// from zero since: what is stored, since the rest is in the groups.
	retired  sample
	unstored bool // retired has changed since it was last stored
}

type sumKey struct{ name, shown string }

// isSummed tells whether series of the type are summed.
func isSummed(typ series.Type) bool {
	return typ == series.Counter || typ == series.Histogram || typ == series.Summary
}

// add adds what a push counted since the previous one of its group; previous may be
// nil.
func (s *sum) add(previous, sample *sample) {
	if previous == nil || sample.startedAgain(previous) {
		if previous != nil {
			s.retire(previous)
		}
		s.grow(sample, nil)
		return
	}
	s.grow(sample, previous)
}

// grow adds a sample to what the sum shows, less what was in it before.
func (s *sum) grow(by, less *sample) {
	if s.typ == series.Counter {
		v := by.value
		if less != nil {
			v -= less.value
		}
		s.series.Add(v)
		return
	}
	total := plus(s.series.Metric(), by.metric, 1)
	if less != nil {
		total = plus(total, less.metric, -1)
	}
	s.series.Fill(total)
}

// retire keeps what a group has counted.
func (s *sum) retire(gone *sample) {
	if !s.unstored {
		s.unstored = true
		s.jobs.unstored = append(s.jobs.unstored, s)
	}
	if s.typ == series.Counter {
		s.retired.value += gone.value
	} else {
		s.retired.metric = plus(s.retired.metric, gone.metric, 1)
	}
}

// startedAgain tells whether what is counted has started again from zero since the
// previous sample.
func (s *sample) startedAgain(previous *sample) bool {
	if s.metric == nil {
		return s.value < previous.value
	}
	if s.metric.Summary != nil {
		return s.metric.Summary.GetSampleCount() < previous.metric.Summary.GetSampleCount()
	}
	now, then := s.metric.Histogram, previous.metric.Histogram
	if now.GetSampleCount() < then.GetSampleCount() || sameBuckets(now, then) != nil {
		return true
	}
	for i, b := range then.Bucket {
		if i < len(now.Bucket) && now.Bucket[i].GetCumulativeCount() < b.GetCumulativeCount() {
			return true
		}
	}
	return shrank(now.PositiveSpan, now.PositiveDelta, then.PositiveSpan, then.PositiveDelta) ||
		shrank(now.NegativeSpan, now.NegativeDelta, then.NegativeSpan, then.NegativeDelta) ||
		now.GetZeroCount() < then.GetZeroCount()
}

// checkCount is why a counter's value cannot be summed.
func checkCount(v float64) error {
	if v-v != 0 || v < 0 {
		return fmt.Errorf("counter %v cannot be aggregated, want a finite number that is not negative", v)
	}
	return nil
}

// checkSummable is why a histogram cannot be summed.
func checkSummable(typ series.Type, h *dto.Histogram) error {
	switch {
	case typ == series.GaugeHistogram:
		return errors.New("gauge histograms cannot be aggregated")
	case h.SampleCountFloat != nil || len(h.PositiveCount) > 0 || len(h.NegativeCount) > 0 || h.GetZeroCountFloat() != 0:
		return errors.New("histograms with fractions of counts cannot be aggregated")
	}
	for _, b := range h.Bucket {
		if b.CumulativeCountFloat != nil {
			return errors.New("histograms with fractions of counts cannot be aggregated")
		}
	}
	return nil
}

// sameBuckets is why two histograms cannot be summed, or nil.
func sameBuckets(a, b *dto.Histogram) error {
	differ := errors.New("its buckets are not those that it is aggregated with")
	if a.Schema == nil != (b.Schema == nil) || a.GetSchema() != b.GetSchema() || a.GetZeroThreshold() != b.GetZeroThreshold() {
		return differ
	}
	if !slices.EqualFunc(finite(a.Bucket), finite(b.Bucket), func(a, b *dto.Bucket) bool { return a.GetUpperBound() == b.GetUpperBound() }) {
		return differ
	}
	return nil
}

// finite is the buckets without that for +Inf, whose count is that of the histogram.
func finite(buckets []*dto.Bucket) []*dto.Bucket {
	if n := len(buckets); n > 0 && math.IsInf(buckets[n-1].GetUpperBound(), 1) {
		return buckets[:n-1]
	}
	return buckets
}

// plus is a + sign*b, of two summaries or two histograms of the same buckets. a may
// be nil. Neither is changed.
func plus(a, b *dto.Metric, sign int) *dto.Metric {
	if b.Summary != nil {
		var count uint64
		var sum float64
		if a != nil {
			count, sum = a.Summary.GetSampleCount(), a.Summary.GetSampleSum()
		}
		return &dto.Metric{Summary: &dto.Summary{
			SampleCount: proto.Uint64(count + uint64(sign)*b.Summary.GetSampleCount()),
			SampleSum:   proto.Float64(sum + float64(sign)*b.Summary.GetSampleSum()),
		}}
	}
	if a == nil {
		a = &dto.Metric{Histogram: &dto.Histogram{}}
	}
	return &dto.Metric{Histogram: plusHistogram(a.Histogram, b.Histogram, sign)}
}

// plusHistogram is a + sign*b. The exemplars are those of b where it has any.
func plusHistogram(a, b *dto.Histogram, sign int) *dto.Histogram {
	times := uint64(sign) // wraps around, as does the addition
	sum := &dto.Histogram{
		SampleCount: proto.Uint64(a.GetSampleCount() + times*b.GetSampleCount()),
		SampleSum:   proto.Float64(a.GetSampleSum() + float64(sign)*b.GetSampleSum()),
	}
	before := finite(a.Bucket)
	for i, bucket := range finite(b.Bucket) {
		n := &dto.Bucket{UpperBound: bucket.UpperBound, Exemplar: bucket.Exemplar}
		var count uint64
		if i < len(before) {
			count = before[i].GetCumulativeCount()
			if n.Exemplar == nil || sign < 0 {
				n.Exemplar = before[i].Exemplar
			}
		}
		n.CumulativeCount = proto.Uint64(count + times*bucket.GetCumulativeCount())
		sum.Bucket = append(sum.Bucket, n)
	}
	if b.Schema != nil {
		sum.Schema, sum.ZeroThreshold = b.Schema, b.ZeroThreshold
		sum.ZeroCount = proto.Uint64(a.GetZeroCount() + times*b.GetZeroCount())
		sum.PositiveSpan, sum.PositiveDelta = plusSpans(a.PositiveSpan, a.PositiveDelta, b.PositiveSpan, b.PositiveDelta, int64(sign))
		sum.NegativeSpan, sum.NegativeDelta = plusSpans(a.NegativeSpan, a.NegativeDelta, b.NegativeSpan, b.NegativeDelta, int64(sign))
		if len(sum.PositiveSpan)+len(sum.NegativeSpan) == 0 {
			// This is how one that has observed nothing shows that it is native.
			sum.PositiveSpan = []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}}
		}
	}
	return sum
}

// sparse is the buckets of a native histogram by index.
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

// shrank tells whether a bucket of a native histogram counts less now than then.
func shrank(spans []*dto.BucketSpan, deltas []int64, thenSpans []*dto.BucketSpan, thenDeltas []int64) bool {
	now := sparse(spans, deltas)
	for index, count := range sparse(thenSpans, thenDeltas) {
		if now[index] < count {
			return true
		}
	}
	return false
}

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
