package metric

import (
	"context"

	"code.cloudfoundry.org/lager/v3"
)

// Flush immediately emits what PeriodicallyEmit would emit at its next tick: the growth
// of each counter and the peak of each gauge since they were last emitted, the number
// of open connections of each registered database, statistics of the Go runtime, and
// the states of the workers if CountWorkers is set. Tests call it to see counters and
// gauges without waiting for a tick.
//
// When Flush returns, concurrent emitters have received the events; for others, the
// events are in their queues. A program may call Flush while PeriodicallyEmit runs; the
// next tick then emits what was counted after Flush. If the Monitor takes no events,
// Flush does nothing, and the counters and gauges keep their values. Emitters must not
// call Flush from Emit.
//
// Flush passes the context to CountWorkers and returns its error. If CountWorkers
// fails, Flush still emits everything else. A nil logger discards all messages.
func (m *Monitor) Flush(ctx context.Context, logger lager.Logger) error {
	logger = orDiscard(logger)
	m.emitInstruments(logger)
	// Do not hold the lock, since CountWorkers may query a database, which can take a
	// long time.
	return m.emitWorkers(ctx, logger)
}

// emitInstruments does nothing while the Monitor takes no events: reading a counter
// resets it, and the count would be lost.
func (m *Monitor) emitInstruments(logger lager.Logger) {
	m.flushing.Lock()
	defer m.flushing.Unlock()
	if m.idle() {
		return
	}

	for _, row := range counters {
		m.emit(logger, row.event, row.counter(m).TakeDelta(), row.values...)
	}
	for action, counter := range m.ConcurrentRequestsLimitHit.all() {
		m.emit(logger, concurrentRequestsLimitHit, counter.TakeDelta(), action)
	}
	for _, row := range gauges {
		m.emit(logger, row.event, row.gauge(m).TakePeak())
	}
	for action, gauge := range m.ConcurrentRequests.all() {
		m.emit(logger, concurrentRequests, gauge.TakePeak(), action)
	}
	for labels, gauge := range m.StepsWaiting.all() {
		labels.emit(logger, m, stepsWaiting, gauge.TakePeak())
	}
	for labels, gauge := range m.TasksWaiting.all() {
		labels.emit(logger, m, tasksWaiting, gauge.TakePeak())
	}
	m.emitDatabases(logger)
	m.emitRuntime(logger)
}

func (m *Monitor) emitWorkers(ctx context.Context, logger lager.Logger) error {
	if m.CountWorkers == nil || m.idle() {
		return nil
	}
	states, err := m.CountWorkers(ctx)
	if err != nil {
		return err
	}
	states.EmitTo(logger, m)
	return nil
}
