package emitter

import (
	"context"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

//go:generate go tool counterfeiter -generate
//counterfeiter:generate -o ../emitterfakes . PrometheusGarbageCollectable

// PrometheusGarbageCollectable is what the garbage collector works on.
type PrometheusGarbageCollectable interface {
	// CollectGarbage takes away the workers that are gone and the series that
	// are stale by now, and says how many. Emitting goes on meanwhile.
	CollectGarbage() Garbage
}

// Garbage is what one collection took away.
type Garbage struct {
	Workers int // that were not heard of for the staleness limit
	Series  int // of those, and others not updated for as long as they may
}

// DoGarbageCollection collects once, and logs what went.
func DoGarbageCollection(logger lager.Logger, from PrometheusGarbageCollectable) {
	garbage := from.CollectGarbage()
	if garbage != (Garbage{}) {
		logger.Info("collected-garbage", lager.Data{"workers": garbage.Workers, "series": garbage.Series})
	}
}

// collectPeriodically collects at every interval until the context ends.
func collectPeriodically(ctx context.Context, logger func() lager.Logger, interval time.Duration, from PrometheusGarbageCollectable) {
	every(ctx, interval, func() { DoGarbageCollection(logger(), from) })
}

// CollectGarbage implements PrometheusGarbageCollectable. It goes by the
// emitter's clock, and is counted in the self-metrics.
func (p *Prometheus) CollectGarbage() Garbage {
	begin := time.Now()
	swept := p.store.Sweep(p.clock.Tick(), p.tolerance)
	garbage := Garbage{Workers: swept.Owners, Series: swept.Series}
	p.self.collected(garbage, time.Since(begin))
	return garbage
}
