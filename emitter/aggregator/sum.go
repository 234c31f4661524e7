package aggregator

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A sum is a series that is the sum of series of many groups: of counters, of
// histograms, or of the counts and sums of summaries. Each push to a group increases it
// by what was counted since the previous push, so it never decreases. It outlives its
// groups and, if groups are stored, restarts. It is removed only by Wipe, or when a
// push replaces it with a sum that has other buckets.
type sum struct {
	all        *Groups
	name, help string
	typ        series.Type
	shown      string // text of the labels with which it is served
	series     *series.OpenSeries

	groups map[*group]struct{} // groups that have a sample in the sum, at most one each

	// total is the value of a counter, or the sum of the observations of a histogram or
	// summary. Their counts are in metric.
	total  exactSum
	metric *dto.Metric // nil for counters
	details

	// retired is the part of the sum that was counted by groups that were removed or
	// have restarted from zero. It is stored. The other part is not, because it can be
	// computed from the stored groups.
	retired       exactSum
	retiredMetric *dto.Metric // nil for counters, and if nothing was retired
	unstored      bool        // retired has changed since it was last stored
	dropped       bool        // the sum was removed
	bytes         int64       // memory of the sum
}

type sumKey struct{ name, shown string }

// isSummed reports whether series of the type are summed.
func isSummed(typ series.Type) bool {
	return typ == series.Counter || typ == series.Histogram || typ == series.Summary
}

// canAdd reports whether a sample of the sum's type can be added: a histogram must have
// the same buckets.
func (s *sum) canAdd(sample *sample) bool {
	return s.typ != series.Histogram || s.metric == nil || sameBuckets(s.metric.Histogram, sample.metric.Histogram)
}

// isOnlyOf reports whether no group other than g has a sample in the sum.
func (s *sum) isOnlyOf(g *group) bool {
	_, has := s.groups[g]
	return len(s.groups) == 0 || has && len(s.groups) == 1
}

// add increases the sum by the difference between a pushed sample and the previous one
// of the same group, which may be nil.
func (s *sum) add(g *group, previous, sample *sample) {
	if _, has := s.groups[g]; !has {
		s.groups[g] = struct{}{}
		previous = nil // the previous sample was part of a sum that was dropped
	}
	if previous != nil && sample.wasReset(previous) {
		s.retire(previous)
		previous = nil
	}
	s.details.add(sample.metric)
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

// show sets the series to the value of the sum.
func (s *sum) show() {
	v := s.total.value()
	if s.typ != series.Counter {
		s.series.Fill(s.details.in(withSum(s.metric, v)))
	} else if m := s.details.counter(v); m != nil {
		s.series.Fill(m)
	} else {
		s.series.Set(v)
	}
	s.series.LiveUntil(series.Never)
}

// removeSample removes a group's sample from the sum, which does not decrease.
func (s *sum) removeSample(g *group, removed *sample) {
	delete(s.groups, g)
	s.retire(removed)
}

// retire adds the last sample of a group to the retired part.
func (s *sum) retire(last *sample) {
	s.hasChanged()
	s.retired.add(last.summand())
	if s.typ != series.Counter {
		s.retiredMetric = plus(s.retiredMetric, last.metric, 1)
	}
}

// restore adds a retired part that was restored from disk.
func (s *sum) restore(retired *exactSum, metric *dto.Metric) {
	s.details.add(metric)
	s.retired.addExact(retired)
	s.total.addExact(retired)
	if s.typ != series.Counter {
		s.retiredMetric, s.metric = metric, plus(s.metric, metric, 1)
	}
	s.show()
}

// hasChanged records that the retired part must be stored.
func (s *sum) hasChanged() {
	if !s.unstored {
		s.unstored = true
		s.all.unstored = append(s.all.unstored, s)
	}
}

// isCounter reports whether a sample that is summed is one of a counter.
func (s *sample) isCounter() bool { return s.metric == nil || s.metric.Counter != nil }

// summand returns the number that a sample adds to sum.total: the value of a counter,
// or the sum of the observations of a histogram or summary.
func (s *sample) summand() float64 {
	switch {
	case s.isCounter():
		return s.value
	case s.metric.Summary != nil:
		return s.metric.Summary.GetSampleSum()
	}
	return s.metric.Histogram.GetSampleSum()
}

// withSum returns the summary or histogram with the given sum of observations. It
// changes a histogram, but copies a summary.
func withSum(m *dto.Metric, sum float64) *dto.Metric {
	if m.Summary != nil {
		return &dto.Metric{Summary: &dto.Summary{SampleCount: m.Summary.SampleCount, SampleSum: &sum}}
	}
	m.Histogram.SampleSum = &sum
	return m
}

// wasReset reports whether the job has restarted from zero since the previous sample.
func (s *sample) wasReset(previous *sample) bool {
	if s.isCounter() {
		return s.value < previous.value
	}
	if s.metric.Summary != nil {
		return countWasReset(s.metric.Summary, previous.metric.Summary)
	}
	now, then := s.metric.Histogram, previous.metric.Histogram
	if countWasReset(now, then) || !sameBuckets(now, then) {
		return true
	}
	for i, b := range then.Bucket {
		if i < len(now.Bucket) && now.Bucket[i].GetCumulativeCount() < b.GetCumulativeCount() {
			return true
		}
	}
	return bucketDecreased(now.PositiveSpan, now.PositiveDelta, then.PositiveSpan, then.PositiveDelta) ||
		bucketDecreased(now.NegativeSpan, now.NegativeDelta, then.NegativeSpan, then.NegativeDelta) ||
		now.GetZeroCount() < then.GetZeroCount()
}

// countWasReset reports whether the count has decreased, or is the same but with
// another sum of observations.
func countWasReset[T interface {
	GetSampleCount() uint64
	GetSampleSum() float64
}](now, then T) bool {
	n, m := now.GetSampleCount(), then.GetSampleCount()
	return n < m || n == m && now.GetSampleSum() != then.GetSampleSum()
}
