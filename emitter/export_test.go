package emitter

import (
	"io"
	"maps"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/exposition"
)

// CollectPeriodically is the garbage collector's loop.
var CollectPeriodically = collectPeriodically

// ModernForms are the inherited names of the families that have a modern one.
func ModernForms() []string { return slices.Sorted(maps.Keys(modernForms)) }

// WritePage writes the emitter's own families, without a listener.
func WritePage(p *Prometheus, w io.Writer, format expfmt.Format) error {
	page := exposition.Page{Store: p.store, Refresh: p.self.refresh, Created: true}
	return page.Write(w, format)
}

// Unrefreshed are the emitter's families as a page shows them that was being written
// when something happened.
func Unrefreshed(p *Prometheus) ([]*dto.MetricFamily, error) { return p.store.Gather() }

// Tallied are the names of the events that are counted.
func Tallied(p *Prometheus) (names []string) {
	for name := range p.received.all() {
		names = append(names, name)
	}
	return names
}

// BreakMapping has the emitter panic when it compiles a mapping.
func BreakMapping(p *Prometheus) { p.mapping.families["broken"] = nil }
