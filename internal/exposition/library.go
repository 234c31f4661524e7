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

// A libraryEncoder takes families in client_golang's data model, and writes them with
// the encoder of the expfmt package.
type libraryEncoder struct {
	out     *output
	encoder expfmt.Encoder
	names   *names // nil unless the format is OpenMetrics
}

func (p *Page) newLibraryEncoder(out *output, as expfmt.Format, names *names) *libraryEncoder {
	var options []expfmt.EncoderOption
	if p.Created {
		options = append(options, expfmt.WithCreatedLines())
	}
	return &libraryEncoder{out: out, encoder: expfmt.NewEncoder(out, as, options...), names: names}
}

func (e *libraryEncoder) family(mf *dto.MetricFamily) error {
	if err := e.encode(mf); err != nil {
		return fmt.Errorf("metric %s from another registry: %w", mf.GetName(), err)
	}
	return nil
}

// encode writes a family. It does not return errors of the writer, which out.err keeps.
func (e *libraryEncoder) encode(mf *dto.MetricFamily) error {
	if e.names != nil && mf.GetType() == dto.MetricType_COUNTER && !e.isCounter(mf) {
		mf = untyped(mf)
	}
	if err := e.encoder.Encode(mf); err != nil && e.out.err == nil {
		return err
	}
	return nil
}

func (e *libraryEncoder) isCounter(mf *dto.MetricFamily) bool {
	_, ok := e.names.counterBase(mf.GetName())
	return ok && !slices.ContainsFunc(mf.Metric, func(m *dto.Metric) bool { return !validCounterValue(m.GetCounter().GetValue()) })
}

// shared writes a pushed family and another family with the same name and type as one
// family. The other family takes precedence: its help text is written, and if both have
// a series with the same labels, the pushed series is omitted.
func (e *libraryEncoder) shared(fs familiesOfName, now series.Instant) error {
	first := fs.gathered
	if fs.stored != nil {
		first = fs.stored.Gather()
	}
	mf := &dto.MetricFamily{Name: first.Name, Help: first.Help, Type: first.Type, Unit: first.Unit, Metric: slices.Clone(first.Metric)}
	var seen series.LabelIndex
	for _, m := range mf.Metric {
		seen.Add(labelText(m.Label))
	}
	duplicates, invalid := 0, 0
	for _, m := range fs.pushed.Gather(now).Metric {
		switch {
		case !hasContentOfType(m, mf.GetType()): // it has no content yet
		case contains(&seen, m):
			duplicates++
		case e.names != nil && !makeValid(m, mf.GetType()):
			invalid++
		default:
			mf.Metric = append(mf.Metric, m)
		}
	}
	var errs []error
	if duplicates > 0 {
		errs = append(errs, fmt.Errorf("%d pushed series of metric %s are omitted: series with the same labels already exist", duplicates, mf.GetName()))
	}
	if invalid > 0 {
		errs = append(errs, fmt.Errorf("%d pushed series of metric %s are omitted from OpenMetrics: their values are invalid for type %s there", invalid, mf.GetName(), mf.GetType()))
	}
	if len(mf.Metric) > 0 {
		if err := e.encode(mf); err != nil {
			errs = append(errs, fmt.Errorf("metric %s, which includes pushed series: %w", mf.GetName(), err))
		}
	}
	return errors.Join(errs...)
}

// contains reports whether the index contains the labels of m.
func contains(index *series.LabelIndex, m *dto.Metric) bool {
	_, ok := index.Find(labelText(m.Label))
	return ok
}

// hasContentOfType reports whether m has content of the type.
func hasContentOfType(m *dto.Metric, typ dto.MetricType) bool {
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

// makeValid changes m, a pushed series, so that client_golang's encoder writes valid
// OpenMetrics for it; the encoder itself does not validate its input. It returns false
// if that is impossible. m must belong to the caller. Its content belongs to the store,
// and is replaced rather than changed.
func makeValid(m *dto.Metric, typ dto.MetricType) bool {
	switch typ {
	case dto.MetricType_COUNTER:
		if e := m.Counter.Exemplar; e != nil && !validExemplar(e) {
			m.Counter = &dto.Counter{Value: m.Counter.Value, CreatedTimestamp: m.Counter.CreatedTimestamp}
		}
	case dto.MetricType_SUMMARY:
		return validSummary(m.Summary)
	case dto.MetricType_HISTOGRAM:
		if !validHistogram(m.Histogram) || m.Histogram.GetSampleCountFloat() != 0 {
			return false
		}
		m.Histogram = proto.CloneOf(m.Histogram)
		for _, b := range m.Histogram.Bucket {
			if b.GetCumulativeCountFloat() != 0 {
				return false
			}
			if b.Exemplar != nil && !validExemplar(b.Exemplar) {
				b.Exemplar = nil
			}
		}
	case dto.MetricType_GAUGE_HISTOGRAM:
		return false
	}
	return true
}

// untyped returns a family of counters as an untyped family. It is needed, for example,
// for go_memstats_alloc_bytes_total, because there is a gauge with the same name
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
