package exposition

import (
	"iter"
	"math"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A shape describes how a pushed family is written in a text format.
type shape struct {
	family string // name in the HELP and TYPE lines
	typ    string // type in the TYPE line
	name   string // prefix of the names of its samples
	suffix string // suffix of these names, if there are no parts
	parts  []part

	details bool // write exemplars and, if the page has them, _created samples
}

// A part writes those samples of a series that have the same name.
type part struct {
	suffix string
	append func(*text, []byte, *shape, *series.Row) []byte
}

var (
	histogramParts = []part{
		{"_bucket", (*text).appendBuckets},
		{"_sum", func(t *text, b []byte, s *shape, row *series.Row) []byte {
			return t.appendSum(b, s, row, row.Metric.GetHistogram().GetSampleSum())
		}},
		{"_count", func(t *text, b []byte, s *shape, row *series.Row) []byte {
			h := row.Metric.GetHistogram()
			return t.appendCount(b, s, row, h.GetSampleCount(), h.GetSampleCountFloat())
		}},
	}
	summaryParts = []part{
		{"", (*text).appendQuantiles},
		{"_sum", func(t *text, b []byte, s *shape, row *series.Row) []byte {
			return t.appendSum(b, s, row, row.Metric.GetSummary().GetSampleSum())
		}},
		{"_count", func(t *text, b []byte, s *shape, row *series.Row) []byte {
			return t.appendCount(b, s, row, row.Metric.GetSummary().GetSampleCount(), 0)
		}},
	}
)

// partsOf returns the parts of a type. It returns nil if a series is a single sample.
func partsOf(typ series.Type) []part {
	switch typ {
	case series.Histogram, series.GaugeHistogram:
		return histogramParts
	case series.Summary:
		return summaryParts
	}
	return nil
}

// pushed writes a pushed family. Like client_golang, it writes gauge histograms as
// histograms.
func (t *text) pushed(out *output, f *pushedFamily) error {
	typ := f.Type()
	if typ == series.GaugeHistogram {
		typ = series.Histogram
	}
	t.lines(out, f, f.Rows(t.now), shape{family: f.Name(), typ: typ.String(), name: f.Name(), parts: partsOf(typ)})
	return nil
}

// lines writes the rows of a pushed family.
func (t *text) lines(out *output, f *pushedFamily, rows iter.Seq[*series.Row], s shape) {
	started := false
	s.family, s.name = quoted(s.family), samplePrefix(s.name)
	for row := range rows {
		if s.parts != nil && !hasContent(row, f.Type()) {
			continue
		}
		if !started {
			started = true
			if help := f.Help(); help != "" {
				out.buf = appendHelp(out.buf, s.family, t.escape.Replace(help))
			}
			out.buf = appendType(out.buf, s.family, s.typ)
		}
		if s.parts == nil {
			out.buf = appendName(out.buf, s.name, s.suffix, row.Labels)
			out.buf = t.float(out.buf, valueOf(row))
			if s.details {
				out.buf = t.appendExemplar(out.buf, row.Metric.GetCounter().GetExemplar())
			}
			out.buf = append(out.buf, '\n')
		}
		for i := range s.parts {
			out.buf = s.parts[i].append(t, out.buf, &s, row)
		}
		if s.details && t.created && row.Metric != nil {
			out.buf = t.appendCreated(out.buf, &s, row)
		}
		if !out.flushIfFull() {
			return
		}
	}
}

func (t *text) appendBuckets(b []byte, s *shape, row *series.Row) []byte {
	h := row.Metric.GetHistogram()
	infinite := false
	for _, bucket := range h.GetBucket() {
		bound := bucket.GetUpperBound()
		infinite = infinite || math.IsInf(bound, 1)
		b = t.appendNameWith(b, s.name, "_bucket", row.Labels, "le", bound)
		b = t.appendNumber(b, bucket.GetCumulativeCount(), bucket.GetCumulativeCountFloat())
		if s.details {
			b = t.appendExemplar(b, bucket.GetExemplar())
		}
		b = append(b, '\n')
	}
	if !infinite {
		b = t.appendNameWith(b, s.name, "_bucket", row.Labels, "le", math.Inf(1))
		b = t.appendNumber(b, h.GetSampleCount(), h.GetSampleCountFloat())
		b = append(b, '\n')
	}
	return b
}

func (t *text) appendQuantiles(b []byte, s *shape, row *series.Row) []byte {
	for _, q := range row.Metric.GetSummary().GetQuantile() {
		b = t.appendNameWith(b, s.name, "", row.Labels, "quantile", q.GetQuantile())
		b = t.float(b, q.GetValue())
		b = append(b, '\n')
	}
	return b
}

func (t *text) appendSum(b []byte, s *shape, row *series.Row, sum float64) []byte {
	b = appendName(b, s.name, "_sum", row.Labels)
	b = t.float(b, sum)
	return append(b, '\n')
}

func (t *text) appendCount(b []byte, s *shape, row *series.Row, n uint64, float float64) []byte {
	b = appendName(b, s.name, "_count", row.Labels)
	b = t.appendNumber(b, n, float)
	return append(b, '\n')
}

// appendNumber writes a count of observations: float, which is the count of a histogram
// with float counts, or n if float is zero.
func (t *text) appendNumber(b []byte, n uint64, float float64) []byte {
	switch {
	case float != 0:
		return t.float(b, float)
	case t.integerCounts:
		return strconv.AppendUint(b, n, 10)
	}
	return t.float(b, float64(n))
}

// appendNameWith writes a sample's name and labels, one additional label whose value is
// a number, and a space.
func (t *text) appendNameWith(b []byte, name, suffix, labels, label string, value float64) []byte {
	b = append(b, name...)
	b = append(b, suffix...)
	if isSamplePrefix(name) {
		b = append(b, '"', ',')
	} else {
		b = append(b, '{')
	}
	if labels != "" {
		b = append(b, labels...)
		b = append(b, ',')
	}
	b = append(b, label...)
	b = append(b, `="`...)
	b = t.float(b, value)
	return append(b, `"} `...)
}

// appendExemplar writes the exemplar of a sample, if it has one. It omits an exemplar
// that OpenMetrics does not allow.
func (t *text) appendExemplar(b []byte, e *dto.Exemplar) []byte {
	if e == nil || len(e.Label) == 0 || !validExemplar(e) {
		return b
	}
	b = append(b, " # {"...)
	b = append(b, labelText(e.Label)...)
	b = append(b, "} "...)
	b = t.float(b, e.GetValue())
	if e.Timestamp != nil {
		b = append(b, ' ')
		b = t.appendTime(b, e.Timestamp)
	}
	return b
}

func (t *text) appendCreated(b []byte, s *shape, row *series.Row) []byte {
	created := createdOf(row.Metric)
	if created == nil {
		return b
	}
	b = appendName(b, s.name, "_created", row.Labels)
	b = t.appendTime(b, created)
	return append(b, '\n')
}

func (t *text) appendTime(b []byte, at *timestamppb.Timestamp) []byte {
	return t.float(b, float64(at.AsTime().UnixNano())/1e9)
}

// createdOf returns the creation time of a series, or nil. m has at most one of the
// three contents.
func createdOf(m *dto.Metric) *timestamppb.Timestamp {
	switch {
	case m.Counter != nil:
		return m.Counter.CreatedTimestamp
	case m.Histogram != nil:
		return m.Histogram.CreatedTimestamp
	}
	return m.GetSummary().GetCreatedTimestamp()
}

// labelText returns the text of the labels, as written between the braces of a sample.
func labelText(pairs []*dto.LabelPair) string {
	labels := make([]series.Label, len(pairs))
	for i, l := range pairs {
		labels[i] = series.Label{Name: l.GetName(), Value: l.GetValue()}
	}
	return series.LabelText(labels)
}
