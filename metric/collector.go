package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Collector is one of the scheduler's garbage collectors.
type Collector uint8

// The garbage collectors.
const (
	BuildCollector Collector = iota
	WorkerCollector
	ResourceCacheUseCollector
	ResourceConfigCollector
	ResourceCacheCollector
	TaskCacheCollector
	ResourceConfigCheckSessionCollector
	ArtifactCollector
	ContainerCollector
	VolumeCollector
)

var collectorDuration = eventTable{"collector", []eventType{
	BuildCollector:                      define("gc: build collector duration (ms)"),
	WorkerCollector:                     define("gc: worker collector duration (ms)"),
	ResourceCacheUseCollector:           define("gc: resource cache use collector duration (ms)"),
	ResourceConfigCollector:             define("gc: resource config collector duration (ms)"),
	ResourceCacheCollector:              define("gc: resource cache collector duration (ms)"),
	TaskCacheCollector:                  define("gc: task cache collector duration (ms)"),
	ResourceConfigCheckSessionCollector: define("gc: resource config check session collector duration (ms)"),
	ArtifactCollector:                   define("gc: artifact collector duration (ms)"),
	ContainerCollector:                  define("gc: container collector duration (ms)"),
	VolumeCollector:                     define("gc: volume collector duration (ms)"),
}}

// CollectorDuration tells how long a garbage collector ran. The event's value
// is in milliseconds.
type CollectorDuration struct {
	Collector Collector
	Duration  time.Duration
}

// Emit emits the event to Metrics.
func (e CollectorDuration) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e CollectorDuration) EmitTo(logger lager.Logger, m *Monitor) {
	m.emit(logger, collectorDuration.at(logger, int(e.Collector)), milliseconds(e.Duration))
}
