package metric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Periodic flushes a Monitor at regular intervals: see Monitor.Flush for what it
// emits. Start it with either Run or RunContext, once. Use one Periodic per Monitor;
// several would divide the peaks of the gauges among them.
type Periodic struct {
	logger   lager.Logger
	monitor  *Monitor
	interval time.Duration
}

// PeriodicallyEmit returns a Periodic that flushes the Monitor at each interval. It
// does not start it. The interval must be positive, or Run and RunContext fail. A nil
// logger discards what would be logged.
func PeriodicallyEmit(logger lager.Logger, monitor *Monitor, interval time.Duration) *Periodic {
	return &Periodic{logger: orDiscard(logger).Session("periodic"), monitor: monitor, interval: interval}
}

// Run is like RunContext but runs until it receives a signal. It closes ready when it
// has started. A Periodic thereby implements the interface Runner of package
// github.com/tedsuo/ifrit.
func (p *Periodic) Run(signals <-chan os.Signal, ready chan<- struct{}) error {
	if err := p.validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- p.RunContext(ctx) }()
	close(ready)

	<-signals
	cancel()
	return <-finished
}

// RunContext flushes the Monitor at each interval until the context is done. It then
// emits the counters and gauges once more, so that no count is lost, and returns nil.
// An error from Monitor.CountWorkers is logged. RunContext returns an error only if
// the interval is not positive.
func (p *Periodic) RunContext(ctx context.Context) error {
	if err := p.validate(); err != nil {
		return err
	}
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			p.monitor.emitInstruments(p.logger)
			return nil
		case <-ticker.C:
			p.tick(ctx)
		}
	}
}

func (p *Periodic) validate() error {
	if p.interval <= 0 {
		return fmt.Errorf("emitting periodically: got interval %s, expected more than 0", p.interval)
	}
	return nil
}

func (p *Periodic) tick(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.interval)
	defer cancel()
	// Being stopped while the workers are counted is not an error.
	if err := p.monitor.Flush(ctx, p.logger); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		p.logger.Error("failed-to-count-workers", err)
	}
}

// Flush emits immediately what PeriodicallyEmit emits at its next tick: the growth of
// each counter since it was last emitted, the peak of each gauge since then, the open
// connections of the registered databases, statistics of the Go runtime, and the states
// of the workers if CountWorkers is set. Tests call it to see counters and gauges
// without waiting for a tick.
//
// Concurrent emitters have received the events when Flush returns; for others, the
// events are in their queues. Flush can be called while PeriodicallyEmit runs, which
// then emits what was counted after Flush. If the Monitor takes no events, Flush does
// nothing, and the counters and gauges keep their values. Emitters must not call Flush
// from Emit.
//
// Flush returns the error of CountWorkers, which receives the context; all else is
// emitted in any case. A nil logger discards what would be logged.
func (m *Monitor) Flush(ctx context.Context, logger lager.Logger) error {
	logger = orDiscard(logger)
	m.emitInstruments(logger)
	// Outside the lock, since counting may query a database and take long.
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
