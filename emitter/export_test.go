package emitter

import (
	"io"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// CollectPeriodically is the garbage collector's loop.
var CollectPeriodically = collectPeriodically

// WritePage writes the emitter's own families, without a listener.
func WritePage(p *Prometheus, w io.Writer, format expfmt.Format) error {
	page := exposition.Page{Store: p.engine.Store(), Refresh: p.engine.Refresh, Created: true}
	return page.Write(w, format)
}

// Unrefreshed are the emitter's families as a page shows them that was being written
// when something happened.
func Unrefreshed(p *Prometheus) ([]*dto.MetricFamily, error) { return p.engine.Store().Gather() }

// Tallied are the names of the events that are counted.
func Tallied(p *Prometheus) (names []string) {
	for name := range p.engine.Received().All() {
		names = append(names, name)
	}
	return names
}

// DriveTime makes the rates of events use now, and only SampleRates sample them. The
// status is collected anew when now has advanced by a second.
func DriveTime(config *PrometheusConfig, now func() time.Time) { config.realTime = now }

// Overview returns what GET /api/v1/overview answers.
func Overview(p *Prometheus, limit int) status.Overview {
	o, _ := p.status.Overview(limit)
	return o
}

// MakeOverview collects a new overview.
func MakeOverview(p *Prometheus) status.Overview { return p.status.Collect(time.Now()) }
