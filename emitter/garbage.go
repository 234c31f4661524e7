package emitter

import (
	"context"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

//go:generate go tool counterfeiter -generate
//counterfeiter:generate -o ../emitterfakes . PrometheusGarbageCollectable

// A PrometheusGarbageCollectable has series that become stale.
type PrometheusGarbageCollectable interface {
	// CollectGarbage removes stale workers and stale series, and counts them. It may be
	// called while events are emitted.
	CollectGarbage() Garbage
}

// Garbage counts what a garbage collection removed.
type Garbage struct {
	Workers int // workers without a heartbeat within the staleness limit
	Series  int // series of these workers, and series that were idle for too long
}

// DoGarbageCollection collects garbage once, and logs what was removed, if anything. A
// nil logger discards what would be logged.
func DoGarbageCollection(logger lager.Logger, from PrometheusGarbageCollectable) {
	garbage := from.CollectGarbage()
	if garbage != (Garbage{}) && logger != nil {
		logger.Info("collected-garbage", lager.Data{"workers": garbage.Workers, "series": garbage.Series})
	}
}

// collectPeriodically collects garbage at every interval until the context ends.
func collectPeriodically(ctx context.Context, logger func() lager.Logger, every time.Duration, from PrometheusGarbageCollectable) {
	interval.Run(ctx, every, func() { DoGarbageCollection(logger(), from) })
}
