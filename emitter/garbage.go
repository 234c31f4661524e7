package emitter

import (
	"context"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

//go:generate go tool counterfeiter -generate
//counterfeiter:generate -o ../emitterfakes . PrometheusGarbageCollectable

// A PrometheusGarbageCollectable has workers and series that can become stale.
type PrometheusGarbageCollectable interface {
	// CollectGarbage removes stale workers and stale series, and returns how many it
	// removed. It must be safe to call while events are emitted.
	CollectGarbage() Garbage
}

// Garbage counts what a garbage collection removed.
type Garbage struct {
	Workers int // workers whose last heartbeat was too long ago
	Series  int // series of these workers, and series that were idle for too long
}

// DoGarbageCollection collects garbage once, and logs how much it removed, unless there
// was none. A nil logger discards the message.
func DoGarbageCollection(logger lager.Logger, from PrometheusGarbageCollectable) {
	garbage := from.CollectGarbage()
	if garbage != (Garbage{}) && logger != nil {
		logger.Info("garbage-collected", lager.Data{"workers": garbage.Workers, "series": garbage.Series})
	}
}

// collectPeriodically collects garbage at every interval until the context is done.
func collectPeriodically(ctx context.Context, logger func() lager.Logger, every time.Duration, from PrometheusGarbageCollectable) {
	interval.Run(ctx, every, func() { DoGarbageCollection(logger(), from) })
}
