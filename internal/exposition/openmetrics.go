package exposition

import (
	"bytes"
	"math"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// openMetrics is the OpenMetrics text format, but for the line that ends a page.
//
// There, the samples of a counter must end in _total, and the family is named
// without that. Names do not change from one format to the other here, so a
// counter whose name does not end so is a family of unknown type; and so is one
// that would hold a name, without it, that another family has.
//
// Nor do readers accept every value in a family that has a type. See pushed for
// what becomes of those.
type openMetrics struct {
	text
	names *names
}

func newOpenMetrics(names *names, created bool, wall series.Wall, now series.Instant) *openMetrics {
	return &openMetrics{names: names, text: text{
		wall:          wall,
		now:           now,
		float:         appendOpenFloat,
		escape:        openHelpEscaper,
		created:       created,
		wholeCount:    true,
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

// pushed writes what was pushed so that it is valid, whatever it is. Readers refuse
// the whole page for one counter that is negative, a histogram whose buckets do not
// add up, or a gauge histogram with the names that its samples have in the other
// formats. All of that can stand in families of unknown type, so those are what such
// a family becomes, at the price of exemplars and times of creation: one family for
// each name that its samples have.
func (o *openMetrics) pushed(out *output, f *series.OpenFamily) error {
	switch f.Type() {
	case series.Gauge:
		o.lines(out, f, f.Rows(o.now), shape{family: f.Name(), name: f.Name(), typ: "gauge"})
		return nil
	case series.Untyped:
		o.lines(out, f, f.Rows(o.now), shape{family: f.Name(), name: f.Name(), typ: "unknown"})
		return nil
	}
	rows := takeDown(f, o.now)
	defer rows.release()
	if shape, valid, ok := o.typed(f); ok && rows.all(valid) {
		o.lines(out, f, rows.each, shape)
	} else {
		o.unknown(out, f, rows)
	}
	return nil
}

// typed is how a family looks that has its type, and which rows can stand in it; ok
// is false if its name forbids that.
func (o *openMetrics) typed(f *series.OpenFamily) (s shape, valid func(*series.Row) bool, ok bool) {
	s = shape{family: f.Name(), name: f.Name(), typ: f.Type().String(), full: true, parts: partsOf(f.Type())}
	switch f.Type() {
	case series.Counter:
		s.name, ok = o.names.counterBase(f.Name())
		s.family, s.suffix = s.name, "_total"
		return s, func(r *series.Row) bool { return isCount(valueOf(r)) }, ok
	case series.Histogram:
		valid = func(r *series.Row) bool { return isHistogram(r.Metric.GetHistogram()) }
	case series.Summary:
		valid = func(r *series.Row) bool { return isSummary(r.Metric.GetSummary()) }
	default:
		return s, nil, false
	}
	return s, valid, o.names.hasType(f.Name(), f.Type())
}

// unknown writes a family as one of unknown type for each name of its samples.
func (o *openMetrics) unknown(out *output, f *series.OpenFamily, rows *rows) {
	parts := partsOf(f.Type())
	if parts == nil {
		o.lines(out, f, rows.each, shape{family: f.Name(), name: f.Name(), typ: "unknown"})
		return
	}
	for i := range parts {
		o.lines(out, f, rows.each, shape{family: f.Name() + parts[i].suffix, name: f.Name(), typ: "unknown", parts: parts[i : i+1], distinct: true})
	}
}

// appendOpenFloat writes a number as OpenMetrics wants it: always as a float.
func appendOpenFloat(b []byte, v float64) []byte {
	begin := len(b)
	b = appendFloat(b, v)
	if !math.IsInf(v, 0) && !math.IsNaN(v) && !bytes.ContainsAny(b[begin:], "e.") {
		b = append(b, ".0"...)
	}
	return b
}

var openHelpEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
