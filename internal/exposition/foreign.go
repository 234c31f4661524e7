package exposition

import (
	"errors"
	"fmt"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// foreign writes families as the client library has them, through its encoder.
type foreign struct {
	out     *output
	encoder expfmt.Encoder
	names   *names // nil unless the format is OpenMetrics
}

func (p *Page) foreign(out *output, as expfmt.Format, names *names) *foreign {
	var options []expfmt.EncoderOption
	if p.Created {
		options = append(options, expfmt.WithCreatedLines())
	}
	return &foreign{out: out, encoder: expfmt.NewEncoder(out, as, options...), names: names}
}

func (f *foreign) family(mf *dto.MetricFamily) error {
	if err := f.encode(mf); err != nil {
		return fmt.Errorf("metric %s of another collector: %w", mf.GetName(), err)
	}
	return nil
}

// encode returns no error of the writer's: that is the output's.
func (f *foreign) encode(mf *dto.MetricFamily) error {
	if f.names != nil && mf.GetType() == dto.MetricType_COUNTER && !f.isCounter(mf) {
		mf = untyped(mf)
	}
	if err := f.encoder.Encode(mf); err != nil && f.out.err == nil {
		return err
	}
	return nil
}

func (f *foreign) isCounter(mf *dto.MetricFamily) bool {
	_, ok := f.names.counterBase(mf.GetName())
	return ok && !slices.ContainsFunc(mf.Metric, func(m *dto.Metric) bool { return !isCount(m.GetCounter().GetValue()) })
}

// together writes a pushed family and the one that has its name and type as one,
// which has the help text of the latter. Where both have a series of the same
// labels, that of the latter is shown.
func (f *foreign) together(h heads, now series.Instant) error {
	first := h.other
	if h.own != nil {
		first = h.own.Gather()
	}
	mf := &dto.MetricFamily{Name: first.Name, Help: first.Help, Type: first.Type, Unit: first.Unit, Metric: slices.Clone(first.Metric)}
	there := make(map[string]bool, len(mf.Metric))
	for _, m := range mf.Metric {
		there[labelText(m.Label)] = true
	}
	twice, unfit := 0, 0
	for _, m := range h.pushed.Gather(now).Metric {
		switch {
		case !isOf(m, mf.GetType()): // nothing to show yet
		case there[labelText(m.Label)]:
			twice++
		case f.names != nil && !fit(m, mf.GetType()):
			unfit++
		default:
			mf.Metric = append(mf.Metric, m)
		}
	}
	var errs []error
	if twice > 0 {
		errs = append(errs, fmt.Errorf("%d pushed series of metric %s are left out: there are others with the same labels already", twice, mf.GetName()))
	}
	if unfit > 0 {
		errs = append(errs, fmt.Errorf("%d pushed series of metric %s are left out of OpenMetrics: their counts and sums cannot be a %s there", unfit, mf.GetName(), mf.GetType()))
	}
	if len(mf.Metric) > 0 {
		if err := f.encode(mf); err != nil {
			errs = append(errs, fmt.Errorf("metric %s, partly pushed: %w", mf.GetName(), err))
		}
	}
	return errors.Join(errs...)
}

// isOf tells whether a series has content of the type.
func isOf(m *dto.Metric, typ dto.MetricType) bool {
	switch typ {
	case dto.MetricType_COUNTER:
		return m.Counter != nil
	case dto.MetricType_GAUGE:
		return m.Gauge != nil
	case dto.MetricType_SUMMARY:
		return m.Summary != nil
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return m.Histogram != nil
	}
	return m.Untyped != nil
}

// fit makes a pushed series such that the client library's encoder writes valid
// OpenMetrics of it, which does not look at what it is given; false if it cannot.
// What the store holds is not changed: m is the caller's own, its content is not.
func fit(m *dto.Metric, typ dto.MetricType) bool {
	switch typ {
	case dto.MetricType_COUNTER:
		if e := m.Counter.Exemplar; e != nil && !showable(e) {
			m.Counter = &dto.Counter{Value: m.Counter.Value, CreatedTimestamp: m.Counter.CreatedTimestamp}
		}
	case dto.MetricType_SUMMARY:
		return isSummary(m.Summary)
	case dto.MetricType_HISTOGRAM:
		if !isHistogram(m.Histogram) || m.Histogram.GetSampleCountFloat() != 0 {
			return false
		}
		m.Histogram = proto.CloneOf(m.Histogram)
		for _, b := range m.Histogram.Bucket {
			if b.GetCumulativeCountFloat() != 0 {
				return false
			}
			if b.Exemplar != nil && !showable(b.Exemplar) {
				b.Exemplar = nil
			}
		}
	case dto.MetricType_GAUGE_HISTOGRAM:
		return false
	}
	return true
}

// untyped is a family of counters as one of no type. Go's own
// go_memstats_alloc_bytes_total needs that: there is a gauge of that name
// without _total.
func untyped(counters *dto.MetricFamily) *dto.MetricFamily {
	f := &dto.MetricFamily{Name: counters.Name, Help: counters.Help, Unit: counters.Unit, Type: dto.MetricType_UNTYPED.Enum()}
	for _, m := range counters.Metric {
		f.Metric = append(f.Metric, &dto.Metric{
			Label: m.Label, TimestampMs: m.TimestampMs, Untyped: &dto.Untyped{Value: m.GetCounter().Value},
		})
	}
	return f
}
