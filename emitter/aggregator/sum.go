package aggregator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A sum is one series into which those of many groups are summed: of counters, of
// histograms, or of the counts and sums of summaries. It grows by what each push
// counted since the last one of its group, and so never goes down. It stays for as
// long as the Aggregator lives, and over a restart if groups are stored.
type sum struct {
	all        *Groups
	name, help string
	typ        series.Type
	shown      string
	series     *series.OpenSeries

	groups map[*group]struct{} // that have a sample in it; each has one at most

	// total is what is shown: its value, or its sum beside the counts in metric.
	total  exact
	metric *dto.Metric // nil for counters

	// retired is what groups have counted that are gone, or that have counted again
	// from zero since: what is stored, since the rest is in the groups.
	retired       exact
	retiredMetric *dto.Metric // nil for counters, and if there is none
	unstored      bool        // retired has changed since it was last stored
	dropped       bool        // it is no more
}

type sumKey struct{ name, shown string }

// isSummed tells whether series of the type are summed.
func isSummed(typ series.Type) bool {
	return typ == series.Counter || typ == series.Histogram || typ == series.Summary
}

// fits tells whether a sample of the sum's type can be added to it.
func (s *sum) fits(by *sample) bool {
	return s.typ != series.Histogram || s.metric == nil || sameBuckets(s.metric.Histogram, by.metric.Histogram)
}

// isOnlyOf tells whether no other group has a sample in the sum.
func (s *sum) isOnlyOf(g *group) bool {
	_, has := s.groups[g]
	return len(s.groups) == 0 || has && len(s.groups) == 1
}

// add adds what the group's push counted since the previous one; previous may be nil.
func (s *sum) add(g *group, previous, sample *sample) {
	if _, has := s.groups[g]; !has {
		s.groups[g] = struct{}{}
		previous = nil // that was in a sum that is no more
	}
	if previous != nil && sample.startedAgain(previous) {
		s.retire(previous)
		previous = nil
	}
	s.total.add(sample.summand())
	if s.typ != series.Counter {
		s.metric = plus(s.metric, sample.metric, 1)
	}
	if previous != nil {
		s.total.add(-previous.summand())
		if s.typ != series.Counter {
			s.metric = plus(s.metric, previous.metric, -1)
		}
	}
	s.show()
}

// show brings the sum to the page.
func (s *sum) show() {
	if s.typ == series.Counter {
		s.series.Set(s.total.value())
	} else {
		s.series.Fill(withSum(s.metric, s.total.value()))
	}
	s.series.LiveUntil(series.Never)
}

// leave keeps what a group counted that has no sample any more.
func (s *sum) leave(g *group, gone *sample) {
	delete(s.groups, g)
	s.retire(gone)
}

// retire keeps what a group has counted.
func (s *sum) retire(gone *sample) {
	s.hasChanged()
	s.retired.add(gone.summand())
	if s.typ != series.Counter {
		s.retiredMetric = plus(s.retiredMetric, gone.metric, 1)
	}
}

// restore adds what was stored as retired.
func (s *sum) restore(retired *exact, metric *dto.Metric) {
	s.retired.addExact(retired)
	s.total.addExact(retired)
	if s.typ != series.Counter {
		s.retiredMetric, s.metric = metric, plus(s.metric, metric, 1)
	}
	s.show()
}

// hasChanged sees to it that the sum is stored.
func (s *sum) hasChanged() {
	if !s.unstored {
		s.unstored = true
		s.all.unstored = append(s.all.unstored, s)
	}
}

// summand is what of the sample has to be summed exactly: the value of a counter, or
// the sum of a histogram or summary. The counts are whole numbers.
func (s *sample) summand() float64 {
	switch {
	case s.metric == nil:
		return s.value
	case s.metric.Summary != nil:
		return s.metric.Summary.GetSampleSum()
	}
	return s.metric.Histogram.GetSampleSum()
}

// withSum is a summary or histogram with another sum.
func withSum(m *dto.Metric, sum float64) *dto.Metric {
	if m.Summary != nil {
		return &dto.Metric{Summary: &dto.Summary{SampleCount: m.Summary.SampleCount, SampleSum: &sum}}
	}
	m.Histogram.SampleSum = &sum // it is the sum's own
	return m
}

// startedAgain tells whether what is counted has started again from zero since the
// previous sample.
func (s *sample) startedAgain(previous *sample) bool {
	if s.metric == nil {
		return s.value < previous.value
	}
	if s.metric.Summary != nil {
		return isBack(s.metric.Summary, previous.metric.Summary)
	}
	now, then := s.metric.Histogram, previous.metric.Histogram
	if isBack(now, then) || !sameBuckets(now, then) {
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

// isBack tells whether a count is lower than it was, or is the same of other things.
func isBack[T interface {
	GetSampleCount() uint64
	GetSampleSum() float64
}](now, then T) bool {
	n, m := now.GetSampleCount(), then.GetSampleCount()
	return n < m || n == m && now.GetSampleSum() != then.GetSampleSum()
}

// maxCount is the largest count that is summed: a sum of a thousand of them is still
// far from where it would begin again from zero.
const maxCount = 1 << 53

// checkSum is why something that is added up cannot be summed over groups.
func checkSum(what string, v float64) error {
	if v-v != 0 { // NaN or infinite
		return fmt.Errorf("its %s is %v and cannot be aggregated, want a finite number", what, v)
	}
	return nil
}

func checkCount(n uint64) error {
	if n > maxCount {
		return fmt.Errorf("it counts %d, and what counts more than %d cannot be aggregated", n, uint64(maxCount))
	}
	return nil
}

// checkSummable is why a metric cannot be summed.
func checkSummable(typ series.Type, m *dto.Metric) error {
	switch typ {
	case series.Counter:
		v := m.Counter.GetValue()
		if v < 0 {
			return fmt.Errorf("its value is %v and cannot be aggregated, want no negative number", v)
		}
		return checkSum("value", v)
	case series.Summary:
		return errors.Join(checkCount(m.Summary.GetSampleCount()), checkSum("sum", m.Summary.GetSampleSum()))
	case series.GaugeHistogram:
		return errors.New("gauge histograms cannot be aggregated")
	case series.Histogram:
		return checkSummableHistogram(m.Histogram)
	}
	return nil
}

func checkSummableHistogram(h *dto.Histogram) error {
	var last uint64
	for _, b := range finite(h.Bucket) {
		if n := b.GetCumulativeCount(); n < last || n > h.GetSampleCount() {
			return errors.New("its counts are not cumulative, and cannot be aggregated")
		} else {
			last = n
		}
	}
	fractions := h.SampleCountFloat != nil || len(h.PositiveCount) > 0 || len(h.NegativeCount) > 0 || h.GetZeroCountFloat() != 0
	for _, b := range h.Bucket {
		fractions = fractions || b.CumulativeCountFloat != nil
		if err := checkCount(b.GetCumulativeCount()); err != nil {
			return err
		}
	}
	if fractions {
		return errors.New("histograms with fractions of counts cannot be aggregated")
	}
	return errors.Join(checkCount(h.GetSampleCount()), checkCount(h.GetZeroCount()), checkSum("sum", h.GetSampleSum()))
}

// sameBuckets tells whether two histograms can be summed.
func sameBuckets(a, b *dto.Histogram) bool {
	return (a.Schema == nil) == (b.Schema == nil) && a.GetSchema() == b.GetSchema() && a.GetZeroThreshold() == b.GetZeroThreshold() &&
		slices.EqualFunc(finite(a.Bucket), finite(b.Bucket), func(a, b *dto.Bucket) bool { return a.GetUpperBound() == b.GetUpperBound() })
}

// finite is the buckets without that for +Inf, whose count is that of the histogram.
func finite(buckets []*dto.Bucket) []*dto.Bucket {
	if n := len(buckets); n > 0 && math.IsInf(buckets[n-1].GetUpperBound(), 1) {
		return buckets[:n-1]
	}
	return buckets
}

// plus is a + sign*b, of two summaries or two histograms of the same buckets, but for
// their sums. a may be nil. Neither is changed.
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

// plusHistogram is a + sign*b. The exemplars are those of b where it has any.
func plusHistogram(a, b *dto.Histogram, sign int) *dto.Histogram {
	times := uint64(sign) // wraps around, as does the addition
	sum := &dto.Histogram{SampleCount: proto.Uint64(a.GetSampleCount() + times*b.GetSampleCount())}
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
