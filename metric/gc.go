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

var collectorDuration = eventTable{"collector", []eventTypeID{
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

// A CollectorDuration event reports how long a garbage collector ran. Its value is the
// duration in milliseconds. A Collector other than the constants is logged as an error
// and not emitted.
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

// A Garbage is a kind of container or volume to be garbage collected, in a particular
// state.
type Garbage uint8

// The kinds of garbage.
const (
	CreatingContainers Garbage = iota
	CreatedContainers
	FailedContainers
	DestroyingContainers
	OrphanedVolumes
	CreatedVolumes
	DestroyingVolumes
	FailedVolumes
)

var toBeGarbageCollected = eventTable{"kind of garbage", []eventTypeID{
	CreatingContainers:   define("creating containers to be garbage collected"),
	CreatedContainers:    define("created containers to be garbage collected"),
	FailedContainers:     define("failed containers to be garbage collected"),
	DestroyingContainers: define("destroying containers to be garbage collected"),
	OrphanedVolumes:      define("orphaned volumes to be garbage collected"),
	CreatedVolumes:       define("created volumes to be garbage collected"),
	DestroyingVolumes:    define("destroying volumes to be garbage collected"),
	FailedVolumes:        define("failed volumes to be garbage collected"),
}}

// A ToBeGarbageCollected event reports how much garbage of one kind a collector found.
// Its value is the count. A Garbage other than the constants is logged as an error and
// not emitted.
type ToBeGarbageCollected struct {
	Garbage Garbage
	Count   int
}

// Emit emits the event to Metrics.
func (e ToBeGarbageCollected) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e ToBeGarbageCollected) EmitTo(logger lager.Logger, m *Monitor) {
	m.emit(logger, toBeGarbageCollected.at(logger, int(e.Garbage)), float64(e.Count))
}
