package exposition

import (
	"bytes"
	"math"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// openMetrics is the OpenMetrics text format, except for the last line of a page.
//
// In OpenMetrics, the names of a counter's samples must end in _total, and the name of
// its family lacks that suffix. As Signalbox uses the same sample names in all formats,
// it writes a counter whose name does not end in _total as a family of unknown type,
// and also a counter whose name without _total is used by another family.
//
// In addition, parsers reject certain values in families with a known type; see pushed.
type openMetrics struct {
	text
	names *names
}

func newOpenMetrics(names *names, created bool, wall series.Wall, now series.Instant) *openMetrics {
	return &openMetrics{names: names, text: text{
		wall:          wall,
		now:           now,
		float:         appendOpenFloat,
		escape:        quoteEscaper,
		created:       created,
		integerCounts: true,
		withExemplars: true,
		naming: func(f *series.Family) (name, suffix, typ string) {
			if f.Type() != series.Counter {
				return f.Name(), "", f.Type().String()
			}
			base, ok := names.counterBase(f.Name())
			if !ok {
				return f.Name(), "", "unknown"
			}
			return base, "_total", "counter"
		},
	}}
}

// pushed writes a pushed family as valid OpenMetrics, whatever it contains. Parsers
// reject the whole page if it contains a negative counter, a histogram with
// inconsistent buckets, or a gauge histogram whose samples have the same names as in
// the other formats. In families of unknown type, all of these are valid. So pushed
// writes such a family as several families of unknown type, one for each sample name.
// These have no exemplars and no creation times.
func (o *openMetrics) pushed(out *output, f *pushedFamily) error {
	switch f.Type() {
	case series.Gauge:
		o.lines(out, f, f.Rows(o.now), shape{family: f.Name(), name: f.Name(), typ: "gauge"})
		return nil
	case series.Untyped:
		o.lines(out, f, f.Rows(o.now), shape{family: f.Name(), name: f.Name(), typ: "unknown"})
		return nil
	}
	rows := newRows(f, o.now)
	defer rows.release()
	if shape, valid, ok := o.typed(f); ok && rows.all(valid) {
		o.lines(out, f, rows.each, shape)
	} else {
		o.unknown(out, f, rows)
	}
	return nil
}

// typed returns how to write a family with its type, and a function that reports
// whether a row is valid for that type. ok is false if the family's name or type does
// not allow it.
func (o *openMetrics) typed(f *pushedFamily) (s shape, valid func(*series.Row) bool, ok bool) {
	s = shape{family: f.Name(), name: f.Name(), typ: f.Type().String(), details: true, parts: partsOf(f.Type())}
	switch f.Type() {
	case series.Counter:
		s.name, ok = o.names.counterBase(f.Name())
		s.family, s.suffix = s.name, "_total"
		return s, func(r *series.Row) bool { return validCounterValue(valueOf(r)) }, ok
	case series.Histogram:
		valid = func(r *series.Row) bool { return validHistogram(r.Metric.GetHistogram()) }
	case series.Summary:
		valid = func(r *series.Row) bool { return validSummary(r.Metric.GetSummary()) }
	default:
		return s, nil, false
	}
	return s, valid, o.names.canHaveType(f.Name(), f.Type())
}

// unknown writes a family as one family of unknown type for each sample name.
func (o *openMetrics) unknown(out *output, f *pushedFamily, rows *rows) {
	parts := partsOf(f.Type())
	if parts == nil {
		o.lines(out, f, rows.each, shape{family: f.Name(), name: f.Name(), typ: "unknown"})
		return
	}
	for i := range parts {
		o.lines(out, f, rows.each, shape{family: f.Name() + parts[i].suffix, name: f.Name(), typ: "unknown", parts: parts[i : i+1]})
	}
}

// appendOpenFloat writes a number as a float, even if it is an integer, as
// client_golang does for OpenMetrics.
func appendOpenFloat(b []byte, v float64) []byte {
	begin := len(b)
	b = appendFloat(b, v)
	if !math.IsInf(v, 0) && !math.IsNaN(v) && !bytes.ContainsAny(b[begin:], "e.") {
		b = append(b, ".0"...)
	}
	return b
}
