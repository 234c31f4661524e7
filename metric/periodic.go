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
// emits everything but the states of the workers once more, so that no count is lost,
// and returns nil. An error from Monitor.CountWorkers is logged. RunContext returns an
// error only if the interval is not positive.
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
