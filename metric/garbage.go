package metric

import "code.cloudfoundry.org/lager/v3"

// A Garbage is a kind of container or volume that is to be garbage collected:
// what it is and the state that it is in.
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

var toBeGarbageCollected = eventTable{"kind of garbage", []eventType{
	CreatingContainers:   define("creating containers to be garbage collected"),
	CreatedContainers:    define("created containers to be garbage collected"),
	FailedContainers:     define("failed containers to be garbage collected"),
	DestroyingContainers: define("destroying containers to be garbage collected"),
	OrphanedVolumes:      define("orphaned volumes to be garbage collected"),
	CreatedVolumes:       define("created volumes to be garbage collected"),
	DestroyingVolumes:    define("destroying volumes to be garbage collected"),
	FailedVolumes:        define("failed volumes to be garbage collected"),
}}

// ToBeGarbageCollected tells how much garbage of a kind a collector found. The
// event's value is the count.
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
