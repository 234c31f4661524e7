package emitter

import (
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A preparedEvent takes the events of one type for as long as the emitter lives.
// What the type comes to is resolved once for each mapping.
type preparedEvent struct {
	prometheus *Prometheus
	eventType  metric.EventType
	resolved   atomic.Pointer[resolvedEvent]
}

// A resolvedEvent is what an event type comes to by the plans of one mapping.
type resolvedEvent struct {
	plans *nameTable
	event metric.TypedEvent
}

func newPreparedEvent(p *Prometheus, t metric.EventType) *preparedEvent {
	e := &preparedEvent{prometheus: p, eventType: t}
	e.resolve(p.plans.Load())
	return e
}

// EmitValues implements metric.TypedEvent.
func (e *preparedEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	r := e.resolved.Load()
	if plans := e.prometheus.plans.Load(); r.plans != plans {
		r = e.resolve(plans)
	}
	r.event.EmitValues(logger, value, values)
}

// resolve resolves the type by the plans. Two goroutines may do it at a time, and
// come to the same.
func (e *preparedEvent) resolve(plans *nameTable) *resolvedEvent {
	r := &resolvedEvent{plans, e.prometheus.prepare(plans, e.eventType)}
	e.resolved.Store(r)
	return r
}
