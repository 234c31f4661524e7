package emitter

import (
	"io"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter/internal/exposition"
)

// CollectPeriodically is the garbage collector's loop.
var CollectPeriodically = collectPeriodically

// WritePage writes the emitter's own families, without a listener.
func WritePage(p *Prometheus, w io.Writer, format expfmt.Format) error {
	page := exposition.Page{Store: p.store, Refresh: p.self.refresh, Created: true}
	return page.Write(w, format)
}

// MappingState is what the status page shows of the mapping file.
func MappingState(p *Prometheus) (file string, loadedAt, failedAt time.Time, err error) {
	return p.mappingState()
}
