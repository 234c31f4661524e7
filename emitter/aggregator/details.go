package aggregator

import (
	"cmp"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// details are what a sum shows in addition to numbers: the newest exemplars and the
// earliest creation time of all samples that were added to it. Exemplars of classic
// buckets are in the buckets.
type details struct {
	created   *timestamppb.Timestamp
	exemplar  *dto.Exemplar   // of a counter
	exemplars []*dto.Exemplar // of a native histogram
}

// maxExemplars is the maximum number of exemplars of a native histogram, as in
// client_golang.
const maxExemplars = 10

// add adds the details of a sample, which may be nil.
func (d *details) add(m *dto.Metric) {
	switch {
	case m == nil:
	case m.Counter != nil:
		d.addCreated(m.Counter.CreatedTimestamp)
		d.exemplar = newest(d.exemplar, m.Counter.Exemplar)
	case m.Summary != nil:
		d.addCreated(m.Summary.CreatedTimestamp)
	case m.Histogram != nil:
		d.addCreated(m.Histogram.CreatedTimestamp)
		d.addExemplars(m.Histogram.Exemplars)
	}
}

func (d *details) addCreated(at *timestamppb.Timestamp) {
	if at != nil && (d.created == nil || at.AsTime().Before(d.created.AsTime())) {
		d.created = at
	}
}

func (d *details) addExemplars(added []*dto.Exemplar) {
	if len(added) == 0 {
		return
	}
	all := slices.Clone(d.exemplars) // the old list may be on a page that is being written
	for _, e := range added {
		if !slices.ContainsFunc(all, func(other *dto.Exemplar) bool { return proto.Equal(e, other) }) {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b *dto.Exemplar) int { return cmp.Compare(timeOf(a).UnixNano(), timeOf(b).UnixNano()) })
	d.exemplars = all[max(0, len(all)-maxExemplars):]
}

// timeOf returns the time of an exemplar. It is 1970 if the exemplar has none.
func timeOf(e *dto.Exemplar) time.Time {
	if e.Timestamp == nil {
		return time.Unix(0, 0)
	}
	return e.Timestamp.AsTime()
}

// newest returns the newer exemplar; either may be nil. If one of them has no
// timestamp, or both have the same, it returns pushed, which was pushed last.
func newest(known, pushed *dto.Exemplar) *dto.Exemplar {
	switch {
	case pushed == nil:
		return known
	case known == nil || known.Timestamp == nil || pushed.Timestamp == nil:
		return pushed
	case pushed.Timestamp.AsTime().Before(known.Timestamp.AsTime()):
		return known
	}
	return pushed
}

// counter returns a counter with the value and the details, or nil if there are none.
func (d *details) counter(v float64) *dto.Metric {
	if d.created == nil && d.exemplar == nil {
		return nil
	}
	return &dto.Metric{Counter: &dto.Counter{Value: &v, Exemplar: d.exemplar, CreatedTimestamp: d.created}}
}

// in returns a copy of a summary or histogram with the details. The copy shares the
// buckets and the sum of observations with m.
func (d *details) in(m *dto.Metric) *dto.Metric {
	if s := m.Summary; s != nil {
		return &dto.Metric{Summary: &dto.Summary{SampleCount: s.SampleCount, SampleSum: s.SampleSum, CreatedTimestamp: d.created}}
	}
	h := m.Histogram
	return &dto.Metric{Histogram: &dto.Histogram{
		SampleCount: h.SampleCount, SampleSum: h.SampleSum, Bucket: h.Bucket, CreatedTimestamp: d.created,
		Schema: h.Schema, ZeroThreshold: h.ZeroThreshold, ZeroCount: h.ZeroCount,
		NegativeSpan: h.NegativeSpan, NegativeDelta: h.NegativeDelta, PositiveSpan: h.PositiveSpan, PositiveDelta: h.PositiveDelta,
		Exemplars: d.exemplars,
	}}
}
