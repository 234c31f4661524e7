package exposition

import (
	"sync"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// rows is a list of the rows of a pushed family at one moment, for formats that need
// all rows before they can write the first one.
type rows struct{ list []series.Row }

// rowPool exists because a long list is expensive to allocate and needed only briefly.
var rowPool = sync.Pool{New: func() any { return new(rows) }}

// newRows returns the rows of a family as of now. Call release when they are no longer
// needed.
func newRows(f *pushedFamily, now series.Instant) *rows {
	r := rowPool.Get().(*rows)
	for row := range f.Rows(now) {
		if hasContent(row, f.Type()) {
			r.list = append(r.list, *row)
		}
	}
	return r
}

func (r *rows) release() {
	clear(r.list) // otherwise the pool would keep their content in memory
	r.list = r.list[:0]
	rowPool.Put(r)
}

func (r *rows) each(yield func(*series.Row) bool) {
	for i := range r.list {
		if !yield(&r.list[i]) {
			return
		}
	}
}

// all reports whether ok returns true for all rows.
func (r *rows) all(ok func(*series.Row) bool) bool {
	for i := range r.list {
		if !ok(&r.list[i]) {
			return false
		}
	}
	return true
}

// hasContent reports whether a row can be shown. A histogram or summary has nothing to
// show before its content is set.
func hasContent(row *series.Row, typ series.Type) bool {
	switch typ {
	case series.Histogram, series.GaugeHistogram:
		return row.Metric.GetHistogram() != nil
	case series.Summary:
		return row.Metric.GetSummary() != nil
	}
	return true
}

// valueOf returns the value of a counter, gauge or untyped series.
func valueOf(row *series.Row) float64 {
	if row.Metric != nil {
		return row.Metric.GetCounter().GetValue()
	}
	return row.Value
}
