package metric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Periodic emits, at each tick, what a Monitor keeps between events: the
// deltas of its counters, the maxima of its gauges, the connections of its
// databases, the states of the workers, and figures of the Go runtime.
//
// Either Run or RunContext runs it. One runner per Monitor is enough: two would
// take each other's deltas.
type Periodic struct {
	logger   lager.Logger
	monitor  *Monitor
	interval time.Duration
}

// PeriodicallyEmit returns a runner that ticks at an interval, which must be
// more than 0. It starts nothing yet.
func PeriodicallyEmit(logger lager.Logger, monitor *Monitor, interval time.Duration) *Periodic {
	return &Periodic{logger: logger.Session("periodic"), monitor: monitor, interval: interval}
}

// Run is RunContext until it gets a signal. It fails if the interval is not more
// than 0, before it is ready. A Periodic is an
// ifrit.Runner.
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

// RunContext emits until the context is done, once more after that, so that nothing
// counted is lost, and then returns nil. It fails if the interval is not more than
// 0.
func (p *Periodic) RunContext(ctx context.Context) error {
	if err := p.validate(); err != nil {
		return err
	}
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			p.tick()
			return nil
		case <-ticker.C:
			p.tick()
			// Apart, since it may ask a database and take its time.
			p.emitWorkers(ctx)
		}
	}
}

func (p *Periodic) validate() error {
	if p.interval <= 0 {
		return fmt.Errorf("emitting periodically: the interval is %s, expected more than 0", p.interval)
	}
	return nil
}

// tick does nothing while the Monitor takes no events. Asking the counters
// would start them anew, and what they counted would be lost.
func (p *Periodic) tick() {
	m, logger := p.monitor, p.logger
	if m.idle() {
		return
	}

	for _, row := range counters {
		m.emit(logger, row.event, row.counter(m).Delta(), row.values...)
	}
	for action, counter := range m.ConcurrentRequestsLimitHit.All() {
		m.emit(logger, concurrentRequestsLimitHit, counter.Delta(), action)
	}
	for _, row := range gauges {
		m.emit(logger, row.event, row.gauge(m).Max())
	}
	for action, gauge := range m.ConcurrentRequests.All() {
		m.emit(logger, concurrentRequests, gauge.Max(), action)
	}
	for labels, gauge := range m.StepsWaiting.All() {
		labels.emit(logger, m, stepsWaiting, gauge.Max())
	}
	for labels, gauge := range m.TasksWaiting.All() {
		labels.emit(logger, m, tasksWaiting, gauge.Max())
	}
	m.emitDatabases(logger)
	m.emitRuntime(logger)
}

func (p *Periodic) emitWorkers(ctx context.Context) {
	if p.monitor.CountWorkers == nil || p.monitor.idle() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, p.interval)
	defer cancel()
	states, err := p.monitor.CountWorkers(ctx)
	if err != nil {
		// One that was stopped in the middle is no error.
		if !errors.Is(ctx.Err(), context.Canceled) {
			p.logger.Error("failed-to-count-workers", err)
		}
		return
	}
	states.EmitTo(p.logger, p.monitor)
}
