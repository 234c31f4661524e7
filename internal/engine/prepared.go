package engine

import (
	"slices"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A preparedEvent emits events of one type. It remains valid across reloads: it
// resolves the event type again when the mapping has changed.
type preparedEvent struct {
	engine    *Engine
	eventType metric.EventType
	resolved  atomic.Pointer[resolvedEvent]
}

// A resolvedEvent is an event type that was resolved with the plans of one mapping.
type resolvedEvent struct {
	plans *nameTable
	event valuesEmitter
}

func newPreparedEvent(e *Engine, t metric.EventType) *preparedEvent {
	p := &preparedEvent{engine: e, eventType: t}
	p.resolve(e.plans.Load())
	return p
}

// EmitValues implements metric.TypedEvent.
func (p *preparedEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	p.emitValues(logger, value, values, nil)
}

// EmitValuesReporting implements metric.ReportingEvent.
func (p *preparedEvent) EmitValuesReporting(logger lager.Logger, value float64, values []string, outcome *metric.Outcome) {
	p.emitValues(logger, value, values, outcome)
}

func (p *preparedEvent) emitValues(logger lager.Logger, value float64, values []string, outcome *metric.Outcome) {
	r := p.resolved.Load()
	if plans := p.engine.plans.Load(); r.plans != plans {
		r = p.resolve(plans)
	}
	r.event.emitValues(logger, value, values, outcome)
}

// Prefetcher returns a function that prepares for emitting a few events of the type,
// which have the given values; see series.Family.PrefetchUpdates. The function changes
// only how long this takes, and is safe for concurrent use.
func (e *Engine) Prefetcher(t metric.EventType) func(batch [][]string) {
	t.Attributes = slices.Clone(t.Attributes)
	return newPreparedEvent(e, t).prefetch
}

func (p *preparedEvent) prefetch(batch [][]string) {
	r := p.resolved.Load()
	if plans := p.engine.plans.Load(); r.plans != plans {
		r = p.resolve(plans)
	}
	if t, ok := r.event.(*typedEvent); ok {
		for i := range t.plan.updates {
			u := &t.plan.updates[i]
			u.family.PrefetchUpdates(batch, u.labels)
		}
	}
}

// resolve resolves the event type with the given plans. Goroutines may call it
// concurrently, with the same result.
func (p *preparedEvent) resolve(plans *nameTable) *resolvedEvent {
	r := &resolvedEvent{plans, p.engine.prepare(plans, p.eventType)}
	p.resolved.Store(r)
	return r
}
