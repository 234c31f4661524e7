package metric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Periodic flushes a Monitor at regular intervals. Monitor.Flush documents what it
// emits. Start it once, with either Run or RunContext. Use only one Periodic per
// Monitor: with several, each would emit only some of the peaks of the gauges.
type Periodic struct {
	logger   lager.Logger
	monitor  *Monitor
	interval time.Duration
}

// PeriodicallyEmit returns a Periodic that flushes the Monitor at the given interval
// once the caller starts it with Run or RunContext. Both return an error if the
// interval is not positive. A nil logger discards all messages.
func PeriodicallyEmit(logger lager.Logger, monitor *Monitor, interval time.Duration) *Periodic {
	return &Periodic{logger: orDiscard(logger).Session("periodic"), monitor: monitor, interval: interval}
}

// Run is like RunContext, but runs until it receives a signal. It closes ready when it
// has started. It implements the Runner interface of package github.com/tedsuo/ifrit.
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
// emits everything except the states of the workers once more, so that no count is
// lost, and returns nil. It logs errors of Monitor.CountWorkers. It returns an error
// only if the interval is not positive.
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
		return fmt.Errorf("emitting periodically: got interval %s, expected a positive duration", p.interval)
	}
	return nil
}

func (p *Periodic) tick(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.interval)
	defer cancel()
	// It is not an error if Run or RunContext is stopped while CountWorkers runs.
	if err := p.monitor.Flush(ctx, p.logger); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		p.logger.Error("failed-to-count-workers", err)
	}
}
