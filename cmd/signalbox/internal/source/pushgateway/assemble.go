package pushgateway

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A family collects the samples of one metric from a text format, in which the samples
// of a summary or histogram are on several lines.
type family struct {
	*dto.MetricFamily
	points map[string]*point // by labels, of summaries and histograms
	last   *point            // the point to which the last sample was added
}

// A point is one metric of a family, and which of its samples have been read.
type point struct {
	*dto.Metric
	key      string // of its labels
	hasCount bool
	hasSum   bool
	hasTotal bool // of a counter in OpenMetrics
	closed   bool // in OpenMetrics, samples of another point followed
}

func newFamily(name string, typ dto.MetricType) *family {
	return &family{MetricFamily: &dto.MetricFamily{Name: &name, Type: &typ}, points: make(map[string]*point)}
}

// add adds a point with the labels, without the label with the name except.
func (f *family) add(lset labels.Labels, except, key string) *point {
	p := &point{Metric: &dto.Metric{Label: pairsOf(lset, except)}, key: key}
	f.Metric = append(f.Metric, p.Metric)
	return p
}

// point returns the point with the labels, and adds it if necessary. It ignores empty
// labels and the label with the name except.
func (f *family) point(lset labels.Labels, except string) *point {
	key := keyOf(lset, except)
	p := f.points[key]
	if p == nil {
		p = f.add(lset, except, key)
		f.points[key] = p
	}
	f.last = p
	return p
}

// keyOf returns a key for the labels that are not empty, without the label with the
// name except and the metric name.
func keyOf(lset labels.Labels, except string) string {
	var array [256]byte
	key := array[:0]
	lset.Range(func(l labels.Label) {
		if l.Name != except && l.Name != model.MetricNameLabel && l.Value != "" {
			key = append(append(key, l.Name...), model.SeparatorByte)
			key = append(append(key, l.Value...), model.SeparatorByte)
		}
	})
	return string(key)
}

// pairsOf returns the labels without the metric name and the label with the name
// except.
func pairsOf(lset labels.Labels, except string) []*dto.LabelPair {
	pairs := make([]*dto.LabelPair, 0, lset.Len())
	lset.Range(func(l labels.Label) {
		if l.Name != except && l.Name != model.MetricNameLabel {
			pairs = append(pairs, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
		}
	})
	return pairs
}

// reservedLabel returns the name of the label that a sample of a summary or histogram
// has in addition to those of its point.
func reservedLabel(typ dto.MetricType) string {
	switch typ {
	case dto.MetricType_SUMMARY:
		return model.QuantileLabel
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return model.BucketLabel
	}
	return ""
}

// setValue sets the value of a point that is a single sample.
func (p *point) setValue(typ dto.MetricType, v float64) {
	switch typ {
	case dto.MetricType_COUNTER:
		if p.Counter == nil {
			p.Counter = &dto.Counter{}
		}
		p.Counter.Value = &v
	case dto.MetricType_GAUGE:
		p.Gauge = &dto.Gauge{Value: &v}
	default:
		p.Untyped = &dto.Untyped{Value: &v}
	}
}

// summary returns the content of a point of a summary.
func (p *point) summary() *dto.Summary {
	if p.Summary == nil {
		p.Summary = &dto.Summary{}
	}
	return p.Summary
}

// histogram returns the content of a point of a histogram.
func (p *point) histogram() *dto.Histogram {
	if p.Histogram == nil {
		p.Histogram = &dto.Histogram{}
	}
	return p.Histogram
}

// addQuantile adds a quantile to a summary. The quantile is the value of a label.
func (p *point) addQuantile(lset labels.Labels, v float64) error {
	quantile, err := numberOf(lset, model.QuantileLabel)
	if err != nil {
		return err
	}
	s := p.summary()
	s.Quantile = append(s.Quantile, &dto.Quantile{Quantile: &quantile, Value: &v})
	return nil
}

// addBucket adds a bucket to a histogram. Its bound is the value of a label.
func (p *point) addBucket(lset labels.Labels, v float64) (*dto.Bucket, error) {
	bound, err := numberOf(lset, model.BucketLabel)
	if err != nil {
		return nil, err
	}
	b := &dto.Bucket{UpperBound: &bound}
	if n, ok := integer(v); ok {
		b.CumulativeCount = &n
	} else if err := checkCount(v); err != nil {
		return nil, err
	} else {
		b.CumulativeCountFloat = &v
	}
	h := p.histogram()
	h.Bucket = append(h.Bucket, b)
	return b, nil
}

// setCount sets the count of a summary or histogram.
func (p *point) setCount(typ dto.MetricType, v float64) error {
	if p.hasCount {
		return errDuplicate
	}
	p.hasCount = true
	n, ok := integer(v)
	switch {
	case ok && typ == dto.MetricType_SUMMARY:
		p.summary().SampleCount = &n
	case ok:
		p.histogram().SampleCount = &n
	case typ == dto.MetricType_SUMMARY:
		return fmt.Errorf("got count %v, expected a non-negative integer", v)
	default:
		p.histogram().SampleCountFloat = &v
		return checkCount(v)
	}
	return nil
}

// setSum sets the sum of a summary or histogram.
func (p *point) setSum(typ dto.MetricType, v float64) error {
	if p.hasSum {
		return errDuplicate
	}
	p.hasSum = true
	if typ == dto.MetricType_SUMMARY {
		p.summary().SampleSum = &v
	} else {
		p.histogram().SampleSum = &v
	}
	return nil
}

var errDuplicate = errors.New("the sample is duplicated")

// numberOf returns the value of a label that must be a number.
func numberOf(lset labels.Labels, name string) (float64, error) {
	text := lset.Get(name)
	if text == "" {
		return 0, fmt.Errorf("the label %s is missing", name)
	}
	v, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrSyntax) || math.IsNaN(v) {
		return 0, fmt.Errorf("label %s: got %q, expected a number", name, excerpt.Short(text))
	}
	return v, nil
}

// integer returns v as an integer, and whether it is a non-negative integer.
func integer(v float64) (uint64, bool) {
	return uint64(v), v >= 0 && v < 1<<64 && v == math.Trunc(v)
}

// checkCount returns an error if v is not a count of observations. Counts may be
// fractional.
func checkCount(v float64) error {
	if !(v >= 0 && v <= math.MaxFloat64) {
		return fmt.Errorf("got count %v, expected a non-negative number", v)
	}
	return nil
}

// complete checks that summaries and histograms from a text format have all of their
// samples. Without this check, the metrics page would show zeros that no client has
// pushed. gcount and gsum are the suffixes of the samples of gauge histograms.
func complete(families []*dto.MetricFamily, gcount, gsum string) error {
	for _, mf := range families {
		count, sum := "_count", "_sum"
		if mf.GetType() == dto.MetricType_GAUGE_HISTOGRAM {
			count, sum = gcount, gsum
		}
		for _, m := range mf.Metric {
			var missing string
			switch {
			case m.Summary != nil && m.Summary.SampleCount == nil, m.Histogram != nil && !setCount(m.Histogram):
				missing = count
			case m.Summary != nil && m.Summary.SampleSum == nil, m.Histogram != nil && m.Histogram.SampleSum == nil:
				missing = sum
			default:
				continue
			}
			return contentError{fmt.Errorf("metric %s: the sample %s%s is missing", excerpt.Short(mf.GetName()), excerpt.Short(mf.GetName()), missing)}
		}
	}
	return nil
}

// unifyCounts makes all counts of a histogram floats if one is: a histogram has either
// integers or floats. h may be nil.
func unifyCounts(h *dto.Histogram) {
	isFloat := func(b *dto.Bucket) bool { return b.CumulativeCountFloat != nil }
	if h == nil || h.SampleCountFloat == nil && !slices.ContainsFunc(h.Bucket, isFloat) {
		return
	}
	float := func(n *uint64) *float64 { v := float64(*n); return &v }
	if h.SampleCount != nil {
		h.SampleCountFloat, h.SampleCount = float(h.SampleCount), nil
	}
	for _, b := range h.Bucket {
		if b.CumulativeCount != nil {
			b.CumulativeCountFloat, b.CumulativeCount = float(b.CumulativeCount), nil
		}
	}
}

// setCount sets the count of a histogram without a count to that of its last bucket. It
// reports whether the histogram has a count.
func setCount(h *dto.Histogram) bool {
	if h.SampleCount != nil || h.SampleCountFloat != nil {
		return true
	}
	for _, b := range h.Bucket {
		if math.IsInf(b.GetUpperBound(), 1) {
			h.SampleCount, h.SampleCountFloat = b.CumulativeCount, b.CumulativeCountFloat
			return true
		}
	}
	return false
}
