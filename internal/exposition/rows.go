package exposition

import (
	"sync"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// rows are what a pushed family shows at a moment, taken down: for formats that
// have to know all of it before they write the first.
type rows struct{ taken []series.Row }

// Pooled, since a list of many is dear to make and needed for a moment.
var rowPool = sync.Pool{New: func() any { return new(rows) }}

func takeDown(f *series.OpenFamily, now series.Instant) *rows {
	r := rowPool.Get().(*rows)
	for row := range f.Rows(now) {
		if hasContent(row, f.Type()) {
			r.taken = append(r.taken, *row)
		}
	}
	return r
}

func (r *rows) release() {
	clear(r.taken) // so that the pool keeps nothing alive
	r.taken = r.taken[:0]
	rowPool.Put(r)
}

func (r *rows) each(yield func(*series.Row) bool) {
	for i := range r.taken {
		if !yield(&r.taken[i]) {
			return
		}
	}
}

func (r *rows) all(ok func(*series.Row) bool) bool {
	for i := range r.taken {
		if !ok(&r.taken[i]) {
			return false
		}
	}
	return true
}

// hasContent tells whether there is anything to show: what has no value must have
// a content.
func hasContent(row *series.Row, typ series.Type) bool {
	switch typ {
	case series.Histogram, series.GaugeHistogram:
		return row.Metric.GetHistogram() != nil
	case series.Summary:
		return row.Metric.GetSummary() != nil
	}
	return true
}

// valueOf is the value of a counter, gauge or untyped series.
func valueOf(row *series.Row) float64 {
	if row.Metric != nil {
		return row.Metric.GetCounter().GetValue()
	}
	return row.Value
}
