package emitter

import (
	"io"
	"maps"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// CollectPeriodically runs the garbage collector until its context is done.
var CollectPeriodically = collectPeriodically

// WritePage writes the emitter's own families, without a listener.
func WritePage(p *Prometheus, w io.Writer, format expfmt.Format) error {
	page := exposition.Page{Store: p.engine.Store(), Refresh: p.engine.Refresh, Created: true}
	return page.Write(w, format)
}

// Unrefreshed returns the emitter's families without refreshing them first, like a page
// that is refreshed before a change of the mapping and written after it.
func Unrefreshed(p *Prometheus) ([]*dto.MetricFamily, error) { return p.engine.Store().Gather() }

// CountedEvents returns the names of the events that have a counter of received events.
func CountedEvents(p *Prometheus) (names []string) {
	for name := range p.engine.Received().All() {
		names = append(names, name)
	}
	return names
}

// SetRealTime sets the clock of event rates and of the status page. The emitter then
// samples rates only when a test calls Engine.SampleRates, and collects a new status
// once the clock has advanced by a second.
func SetRealTime(config *PrometheusConfig, clock func() time.Time) { config.realTime = clock }

// Overview returns the overview that GET /api/v1/overview responds with.
func Overview(p *Prometheus, limit int) status.Overview {
	o, _ := p.status.Overview(limit)
	return o
}

// CollectOverview collects a new overview.
func CollectOverview(p *Prometheus) status.Overview { return CollectOverviewAt(p, time.Now()) }

// CollectOverviewAt is CollectOverview at the given time.
func CollectOverviewAt(p *Prometheus, now time.Time) status.Overview { return p.status.Collect(now) }

// OverviewFields returns the fields of the overview about builds.
func OverviewFields(p *Prometheus) map[string]func(limit int) any {
	return maps.Collect(p.builds.OverviewFields())
}
