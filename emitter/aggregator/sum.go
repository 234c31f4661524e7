package aggregator

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A sum is one series that is the sum of series of many groups: of counters, of
// histograms, or of the counts and sums of summaries. It grows by what each push has
// counted since the previous push of its group, so it never decreases. It exists as
// long as the Aggregator, and across restarts if groups are stored.
type sum struct {
	all        *Groups
	name, help string
	typ        series.Type
	shown      string
	series     *series.OpenSeries

	groups map[*group]struct{} // groups that have a sample in it, at most one each

	// total is the value that is shown, or the sum that accompanies the counts in
	// metric.
	total  exact
	metric *dto.Metric // nil for counters

	// retired is what was counted by groups that were removed or have restarted from
	// zero. It is stored; the rest is stored with the groups.
	retired       exact
	retiredMetric *dto.Metric // nil for counters, and if nothing was retired
	unstored      bool        // retired has changed since it was last stored
	dropped       bool        // the sum was removed
}

type sumKey struct{ name, shown string }

// isSummed reports whether series of the type are summed.
func isSummed(typ series.Type) bool {
	return typ == series.Counter || typ == series.Histogram || typ == series.Summary
}

// fits reports whether a sample of the sum's type can be added to it.
func (s *sum) fits(by *sample) bool {
	return s.typ != series.Histogram || s.metric == nil || sameBuckets(s.metric.Histogram, by.metric.Histogram)
}

// isOnlyOf reports whether no other group has a sample in the sum.
func (s *sum) isOnlyOf(g *group) bool {
	_, has := s.groups[g]
	return len(s.groups) == 0 || has && len(s.groups) == 1
}

// add adds what the group's push has counted since the previous one. previous may be
// nil.
func (s *sum) add(g *group, previous, sample *sample) {
	if _, has := s.groups[g]; !has {
		s.groups[g] = struct{}{}
		previous = nil // the previous sample was part of a dropped sum
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

// show sets the series to the sum.
func (s *sum) show() {
	if s.typ == series.Counter {
		s.series.Set(s.total.value())
	} else {
		s.series.Fill(withSum(s.metric, s.total.value()))
	}
	s.series.LiveUntil(series.Never)
}

// leave keeps what a group has counted whose sample was removed.
func (s *sum) leave(g *group, gone *sample) {
	delete(s.groups, g)
	s.retire(gone)
}

// retire adds what a group has counted to retired.
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

// hasChanged marks the sum to be stored.
func (s *sum) hasChanged() {
	if !s.unstored {
		s.unstored = true
		s.all.unstored = append(s.all.unstored, s)
	}
}

// summand returns the part of the sample that is summed exactly: the value of a
// counter, or the sum of a histogram or summary. Counts are integers.
func (s *sample) summand() float64 {
	switch {
	case s.metric == nil:
		return s.value
	case s.metric.Summary != nil:
		return s.metric.Summary.GetSampleSum()
	}
	return s.metric.Histogram.GetSampleSum()
}

// withSum returns a copy of a summary or histogram with another sum.
func withSum(m *dto.Metric, sum float64) *dto.Metric {
	if m.Summary != nil {
		return &dto.Metric{Summary: &dto.Summary{SampleCount: m.Summary.SampleCount, SampleSum: &sum}}
	}
	m.Histogram.SampleSum = &sum // the histogram belongs to the sum
	return m
}

// startedAgain reports whether the client has restarted from zero since the previous
// sample.
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

// isBack reports whether a count has decreased, or is the same count of other
// observations.
func isBack[T interface {
	GetSampleCount() uint64
	GetSampleSum() float64
}](now, then T) bool {
	n, m := now.GetSampleCount(), then.GetSampleCount()
	return n < m || n == m && now.GetSampleSum() != then.GetSampleSum()
}
