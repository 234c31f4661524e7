package metric_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

func TestFlushEmitsTheSameEventsAsATick(t *testing.T) {
	var api pool
	api.open.Store(5)
	prepare := func(m *metric.Monitor) {
		m.RegisterDatabase("api", &api)
		m.CountWorkers = func(context.Context) (metric.WorkerStates, error) {
			return metric.WorkerStates{Running: 3}, nil
		}
	}
	use := func(m *metric.Monitor) {
		m.BuildsStarted.IncDelta(2)
		m.BuildsRunning.Set(4)
		m.BuildsRunning.Set(1)
		m.StepsWaiting.With(stepLabels).Inc()
		m.TasksWaiting.With(taskLabels).Inc()
		m.ConcurrentRequests.With("ListAllJobs").Inc()
		m.ConcurrentRequestsLimitHit.With("ListAllJobs").Inc()
	}
	names := func(emitted *recorder) (names []string) {
		for _, event := range emitted.Events() {
			names = append(names, event.Name)
		}
		return names
	}

	var ticked, flushed map[string]float64
	var tickedNames, flushedNames []string
	ticking(t, prepare, func(_ *WithT, m *metric.Monitor, emitted *recorder, _ *logSink) {
		use(m)
		tick()
		ticked, tickedNames = since(emitted, 0), names(emitted)
	})
	ticking(t, prepare, func(g *WithT, m *metric.Monitor, emitted *recorder, _ *logSink) {
		use(m)
		logger, _ := newLogger()
		g.Expect(m.Flush(t.Context(), logger)).To(Succeed())
		flushed, flushedNames = since(emitted, 0), names(emitted)

		// The next tick emits only what happened after Flush.
		n := len(emitted.Events())
		m.BuildsStarted.IncDelta(5)
		tick()
		g.Expect(since(emitted, n)).To(And(
			HaveKeyWithValue("builds started", 5.0), HaveKeyWithValue("builds running", 1.0)))
	})
	g := NewWithT(t)
	g.Expect(flushed).To(Equal(ticked))
	g.Expect(flushedNames).To(Equal(tickedNames))
	g.Expect(flushed).To(And(
		HaveKeyWithValue("builds started", 2.0), HaveKeyWithValue("builds running", 4.0),
		HaveKeyWithValue("database connections api", 5.0), HaveKeyWithValue("worker state running", 3.0)))
}

func TestFlushReturnsTheErrorOfCountWorkers(t *testing.T) {
	g := NewWithT(t)
	logger, lines := newLogger()
	emitted := &typedRecorder{}
	monitor := monitorOf(t, nil, emitted)
	monitor.CountWorkers = func(ctx context.Context) (metric.WorkerStates, error) {
		return metric.WorkerStates{}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.Expect(monitor.Flush(ctx, logger)).To(MatchError(context.Canceled))
	g.Expect(since(&emitted.typed, 0)).To(HaveKey("builds started"))
	g.Expect(since(&emitted.typed, 0)).NotTo(HaveKey("worker state running"))
	g.Expect(lines.Lines()).To(BeEmpty(), "the error was both returned and logged")
}

func TestFlushKeepsValuesWhileTheMonitorIsIdle(t *testing.T) {
	g := NewWithT(t)
	monitor := metric.NewMonitor()
	monitor.CountWorkers = func(context.Context) (metric.WorkerStates, error) {
		return metric.WorkerStates{}, errors.New("CountWorkers was called")
	}
	monitor.BuildsStarted.IncDelta(3)
	monitor.BuildsRunning.Set(2)
	g.Expect(monitor.Flush(t.Context(), nil)).To(Succeed())
	g.Expect(monitor.BuildsStarted.TakeDelta()).To(Equal(3.0))
	g.Expect(monitor.BuildsRunning.TakePeak()).To(Equal(2.0))
}

func TestFlushPutsEventsIntoQueues(t *testing.T) {
	g := NewWithT(t)
	logger, _ := newLogger()
	monitor, emitted := newMonitorWithRecorder(logger)
	monitor.BuildsStarted.IncDelta(3)
	g.Expect(monitor.Flush(t.Context(), logger)).To(Succeed())
	g.Expect(monitor.Close(t.Context())).To(Succeed())
	g.Expect(emitted()).To(HaveKeyWithValue("builds started", 3.0))
}

func TestConcurrentFlushesLoseNoCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger := lager.NewLogger("ci")
		emitted := &typedRecorder{}
		monitor := monitorOf(t, nil, emitted)
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan error)
		go func() { stopped <- metric.PeriodicallyEmit(logger, monitor, time.Millisecond).RunContext(ctx) }()

		const goroutines, rounds = 4, 100
		var using sync.WaitGroup
		for range goroutines {
			using.Go(func() {
				for i := range rounds {
					monitor.BuildsStarted.Inc()
					monitor.BuildsRunning.Inc()
					metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)
					if i%10 == 0 {
						if err := monitor.Flush(ctx, logger); err != nil {
							t.Error(err)
						}
						time.Sleep(time.Millisecond) // of fake time, for a tick
					}
					monitor.BuildsRunning.Dec()
				}
			})
		}
		using.Wait()
		cancel()
		g.Expect(<-stopped).To(Succeed())
		g.Expect(monitor.Flush(t.Context(), logger)).To(Succeed())

		var started, locks float64
		for _, event := range emitted.typed.Events() {
			switch event.Name {
			case "builds started":
				started += event.Value
			case "lock held":
				locks += event.Value
			}
		}
		g.Expect(started).To(Equal(float64(goroutines * rounds)))
		g.Expect(locks).To(Equal(float64(goroutines * rounds)))
	})
}

// If two goroutines call Flush, the second must not emit a gauge's current value before
// the first has emitted its peak. Otherwise, the metric would keep the peak.
func TestFlushesDoNotOverlap(t *testing.T) {
	g := NewWithT(t)
	const peak = 5
	var last atomic.Int64
	monitor := monitorOf(t, nil, concurrentFunc(func(_ lager.Logger, event metric.Event) {
		if event.Name != "builds running" {
			return
		}
		if event.Value == peak {
			for range 100 {
				runtime.Gosched() // let the other Flush overtake this one, if it can
			}
		}
		last.Store(int64(event.Value))
	}))
	for range 200 {
		monitor.BuildsRunning.Set(peak)
		monitor.BuildsRunning.Set(1)
		var flushing sync.WaitGroup
		for range 2 {
			flushing.Go(func() { monitor.Flush(t.Context(), nil) })
		}
		flushing.Wait()
		g.Expect(last.Load()).To(BeEquivalentTo(1))
	}
}
