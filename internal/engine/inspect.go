package engine

import (
	"slices"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// The status page uses the methods in this file.

// Received returns the numbers of events received.
func (e *Engine) Received() *traffic.Tallies { return &e.received }

// Rates calls do with the current rates of events, measured in the machine's time.
func (e *Engine) Rates(do func(traffic.Reading)) { e.history.Read(e.realTime(), do) }

// UnknownEvents returns the number of unknown events.
func (e *Engine) UnknownEvents() uint64 { return e.self.unknown.Load() }

// RejectedEvents returns the number of events that were malformed or were rejected for
// at least one metric.
func (e *Engine) RejectedEvents() uint64 { return e.self.rejectedEvents.Load() }

// UnknownNames returns the names of unknown events, the most frequent first, and the
// number of unknown events whose names were not kept.
func (e *Engine) UnknownNames(wall series.Wall) (names []traffic.UnknownName, others uint64) {
	// The list may still contain a name that the last reload made known.
	names = slices.DeleteFunc(e.self.names.List(wall), func(n traffic.UnknownName) bool { return e.Knows(n.Name) })
	return names, e.self.names.Other()
}

// EmitterStats returns the statistics of the Monitor's emitters, or nil before Attach.
func (e *Engine) EmitterStats() []metric.EmitterStats {
	if stats := e.self.stats.Load(); stats != nil {
		return (*stats)()
	}
	return nil
}

// EventOf returns the event of the first rule that updates the metric, or the empty
// string if no rule does. The metric's name includes the namespace.
func (e *Engine) EventOf(metric string) string { return (*e.mapping.events.Load())[metric] }

// A WorkerGauge is a family of gauges that belong to workers.
type WorkerGauge struct {
	Family *series.Family
	labels []string // for each label of the family, the attribute with its value
}

// WorkerGauge returns the first gauge that the event sets and whose series belong to a
// worker. It returns false if there is none.
func (e *Engine) WorkerGauge(event string) (WorkerGauge, bool) {
	p := e.plans.Load().find(event)
	if p == nil || p.worker < 0 {
		return WorkerGauge{}, false
	}
	for i := range p.updates {
		u := &p.updates[i]
		if u.op != series.Set || u.operand == stateNumber || !slices.Contains(u.labels, uint8(p.worker)) {
			continue
		}
		g := WorkerGauge{Family: u.family}
		for _, l := range u.labels {
			g.labels = append(g.labels, p.attributeOf(l))
		}
		return g, true
	}
	return WorkerGauge{}, false
}

// Label returns the index of the label whose value is from the attribute, or -1.
func (g WorkerGauge) Label(attribute string) int { return slices.Index(g.labels, attribute) }
