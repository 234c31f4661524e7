package metric_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// pool is a metric.Database.
type pool struct{ open atomic.Int64 }

func (p *pool) Stats() sql.DBStats { return sql.DBStats{OpenConnections: int(p.open.Load())} }

// ticking runs PeriodicallyEmit with an interval of 10 seconds in a synctest bubble,
// and calls the test with the recorder of its events and the sink of its log.
func ticking(t *testing.T, prepare func(*metric.Monitor), test func(*WithT, *metric.Monitor, *recorder, *logSink)) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		emitted := &typedRecorder{}
		monitor := monitorOf(t, nil, emitted)
		if prepare != nil {
			prepare(monitor)
		}
		logger, lines := newLogger()
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan error)
		go func() { stopped <- metric.PeriodicallyEmit(logger, monitor, 10*time.Second).RunContext(ctx) }()
		synctest.Wait()
		test(g, monitor, &emitted.typed, lines)
		cancel()
		g.Expect(<-stopped).To(Succeed())
	})
}

// tick advances the fake time until the next tick is complete.
func tick() {
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// since returns the values of the events after the first n, without those about the Go
// runtime. The keys consist of the event's name and the values of some attributes.
func since(emitted *recorder, n int) map[string]float64 {
	values := map[string]float64{}
	for _, event := range emitted.Events()[n:] {
		key := event.Name
		for _, attribute := range []string{"status", "action", "state", "ConnectionName", "type"} {
			if value, ok := event.Attributes[attribute]; ok {
				key += " " + value
			}
		}
		values[key] = event.Value
	}
	for _, name := range runtimeEventNames {
		delete(values, name)
	}
	return values
}

var runtimeEventNames = []string{
	"gc pause total duration", "mallocs", "frees", "heap alloc", "heap inuse", "heap objects", "stack inuse", "sys",
	"num gc", "gc cpu fraction", "next gc", "num cpu", "goroutines",
}

func TestEachTickEmitsEveryInstrument(t *testing.T) {
	ticking(t, nil, func(g *WithT, m *metric.Monitor, emitted *recorder, _ *logSink) {
		for i, counter := range []*metric.Counter{
			&m.DatabaseQueries, &m.ContainersCreated, &m.ContainersDeleted, &m.FailedContainers,
			&m.VolumesCreated, &m.VolumesDeleted, &m.FailedVolumes, &m.JobsScheduled, &m.BuildsStarted,
			&m.CheckBuildsStarted, &m.ChecksFinishedWithError, &m.ChecksFinishedWithSuccess, &m.ChecksStarted,
			&m.ChecksEnqueued, &m.VolumesStreamed, &m.VolumesStreamedViaFallback, &m.GetStepCacheHits,
			&m.StreamedResourceCaches, m.ConcurrentRequestsLimitHit.With("ListAllJobs"),
		} {
			counter.IncDelta(i + 1)
		}
		for i, gauge := range []*metric.Gauge{
			&m.JobsScheduling, &m.BuildsRunning, &m.CheckBuildsRunning, &m.ChecksQueueSize,
			m.ConcurrentRequests.With("ListAllJobs"), m.StepsWaiting.With(stepLabels), m.TasksWaiting.With(taskLabels),
		} {
			gauge.Set(int64(101 + i))
			gauge.Set(1)
		}

		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		g.Expect(emitted.Events()).To(BeEmpty())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		g.Expect(since(emitted, 0)).To(Equal(map[string]float64{
			"database queries": 1, "containers created": 2, "containers deleted": 3, "failed containers": 4,
			"volumes created": 5, "volumes deleted": 6, "failed volumes": 7, "jobs scheduled": 8, "builds started": 9,
			"check builds started": 10, "checks finished error": 11, "checks finished success": 12, "checks started": 13,
			"checks enqueued": 14, "volumes streamed": 15, "volumes streamed via fallback": 16, "get step cache hits": 17,
			"streamed resource caches": 18, "concurrent requests limit hit ListAllJobs": 19,
			"jobs scheduling": 101, "builds running": 102, "check builds running": 103, "checks queue size": 104,
			"concurrent requests ListAllJobs": 105, "steps waiting task": 106, "tasks waiting": 107,
		}))

		n := len(emitted.Events())
		m.ContainersCreated.Inc()
		m.BuildsRunning.Dec()
		tick()
		second := since(emitted, n)
		g.Expect(second).To(HaveLen(26))
		g.Expect(second).To(HaveKeyWithValue("containers created", 1.0))
		g.Expect(second).To(HaveKeyWithValue("containers deleted", 0.0))
		g.Expect(second).To(HaveKeyWithValue("builds running", 0.0))
		g.Expect(second).To(HaveKeyWithValue("steps waiting task", 1.0))
	})
}

func TestTickEmitsWaitingStepsAndTasksWithAllTheirLabels(t *testing.T) {
	ticking(t, nil, func(g *WithT, m *metric.Monitor, emitted *recorder, _ *logSink) {
		m.StepsWaiting.With(stepLabels).Inc()
		m.TasksWaiting.With(taskLabels).Inc()
		tick()
		g.Expect(emitted.Events()).To(ContainElements(
			metric.Event{Name: "steps waiting", Value: 1, Attributes: attributes{
				"platform": "linux", "teamId": "1", "teamName": "main", "type": "task", "workerTags": "special"}},
			metric.Event{Name: "tasks waiting", Value: 1, Attributes: attributes{
				"platform": "linux", "teamId": "1", "workerTags": "special"}},
		))
	})
}

func TestTickEmitsRuntimeStatistics(t *testing.T) {
	ticking(t, nil, func(g *WithT, _ *metric.Monitor, emitted *recorder, _ *logSink) {
		runtime.GC()
		tick()
		values := map[string]float64{}
		for _, event := range emitted.Events() {
			values[event.Name] = event.Value
		}
		for _, name := range runtimeEventNames {
			g.Expect(values).To(HaveKeyWithValue(name, BeNumerically(">", 0)), name)
		}
		g.Expect(values).To(HaveKeyWithValue("num cpu", float64(runtime.NumCPU())))
		g.Expect(values["mallocs"]).To(BeNumerically(">", values["frees"]))
		g.Expect(values["sys"]).To(BeNumerically(">", values["heap inuse"]))
		g.Expect(values["heap inuse"]).To(BeNumerically(">=", values["heap alloc"]))
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		g.Expect(values["gc cpu fraction"]/stats.GCCPUFraction).To(BeNumerically("~", 100, 50), "expected a percentage")
	})
}

func TestTickEmitsTheConnectionsOfEachDatabase(t *testing.T) {
	var api, backend pool
	api.open.Store(5)
	backend.open.Store(25)
	ticking(t, func(m *metric.Monitor) {
		m.RegisterDatabase("api", &api)
		m.RegisterDatabase("backend", &backend)
	}, func(g *WithT, m *metric.Monitor, emitted *recorder, _ *logSink) {
		tick()
		g.Expect(since(emitted, 0)).To(And(
			HaveKeyWithValue("database connections api", 5.0),
			HaveKeyWithValue("database connections backend", 25.0)))
		n := len(emitted.Events())
		api.open.Store(0)
		tick()
		g.Expect(since(emitted, n)).To(HaveKeyWithValue("database connections api", 0.0))
	})
}

func TestTickEmitsTheStatesOfTheWorkers(t *testing.T) {
	var broken atomic.Bool
	ticking(t, func(m *metric.Monitor) {
		m.CountWorkers = func(context.Context) (metric.WorkerStates, error) {
			if broken.Load() {
				return metric.WorkerStates{}, errors.New("no database")
			}
			return metric.WorkerStates{Running: 5, Stalled: 2}, nil
		}
	}, func(g *WithT, m *metric.Monitor, emitted *recorder, lines *logSink) {
		tick()
		g.Expect(since(emitted, 0)).To(And(
			HaveKeyWithValue("worker state running", 5.0), HaveKeyWithValue("worker state stalled", 2.0),
			HaveKeyWithValue("worker state landing", 0.0), HaveKeyWithValue("worker state landed", 0.0),
			HaveKeyWithValue("worker state retiring", 0.0)))
		g.Expect(lines.Lines()).To(BeEmpty())

		n := len(emitted.Events())
		broken.Store(true)
		tick()
		g.Expect(since(emitted, n)).NotTo(HaveKey("worker state running"))
		g.Expect(since(emitted, n)).To(HaveKey("builds running"))
		g.Expect(lines.Lines()).To(HaveLen(1))
		g.Expect(lines.Lines()[0].Message).To(Equal("ci.periodic.failed-to-count-workers"))
		g.Expect(lines.Lines()[0].Error).To(MatchError("no database"))
	})
}

func TestTickKeepsValuesWhileTheMonitorIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, _ := newLogger()
		emitted := &typedRecorder{}
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "fake", emitter: emitted})
		monitor.BuildsStarted.IncDelta(3)
		monitor.BuildsRunning.Set(4)
		monitor.BuildsRunning.Set(0)
		ctx, cancel := context.WithCancel(context.Background())
		go metric.PeriodicallyEmit(logger, monitor, 10*time.Second).RunContext(ctx)
		tick()
		g.Expect(monitor.Initialize(logger, "web-1", nil, 0)).To(Succeed())
		tick()
		g.Expect(since(&emitted.typed, 0)).To(And(
			HaveKeyWithValue("builds started", 3.0), HaveKeyWithValue("builds running", 4.0)))
		cancel()
		g.Expect(monitor.Close(ctx)).To(Succeed())
	})
}

func TestRunStopsOnSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		emitted := &typedRecorder{}
		monitor := monitorOf(t, nil, emitted)
		// The signal arrives while CountWorkers waits for a database.
		asked := make(chan struct{})
		monitor.CountWorkers = func(ctx context.Context) (metric.WorkerStates, error) {
			close(asked)
			<-ctx.Done()
			return metric.WorkerStates{}, ctx.Err()
		}
		logger, lines := newLogger()
		signals, ready, stopped := make(chan os.Signal), make(chan struct{}), make(chan error)
		go func() { stopped <- metric.PeriodicallyEmit(logger, monitor, time.Minute).Run(signals, ready) }()
		<-ready
		g.Expect(emitted.typed.Events()).To(BeEmpty())
		<-asked
		g.Expect(emitted.typed.Events()).NotTo(BeEmpty())
		signals <- syscall.SIGTERM
		g.Expect(<-stopped).To(Succeed())
		g.Expect(lines.Lines()).To(BeEmpty())

		n := len(emitted.typed.Events())
		time.Sleep(time.Hour)
		g.Expect(emitted.typed.Events()).To(HaveLen(n))
	})
}

func TestRunRejectsAnIntervalThatIsNotPositive(t *testing.T) {
	g := NewWithT(t)
	for interval, value := range map[time.Duration]string{
		0:            "interval 0s",
		-time.Second: "interval -1s",
	} {
		periodic := metric.PeriodicallyEmit(lager.NewLogger("ci"), metric.NewMonitor(), interval)
		ready := make(chan struct{})
		g.Expect(periodic.Run(nil, ready)).To(MatchError(ContainSubstring(value)))
		g.Expect(ready).NotTo(BeClosed())
		g.Expect(periodic.RunContext(context.Background())).To(MatchError(ContainSubstring(value)))
	}
}

func TestRunEmitsTheLastCountsBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, _ := newLogger()
		monitor, emitted := newMonitorWithRecorder(logger)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- metric.PeriodicallyEmit(logger, monitor, time.Minute).RunContext(ctx) }()
		monitor.BuildsStarted.IncDelta(3)
		cancel()
		g.Expect(<-ended).To(Succeed())
		g.Expect(monitor.Close(context.Background())).To(Succeed())
		g.Expect(emitted()).To(HaveKeyWithValue("builds started", 3.0))
	})
}

func TestContextOfCountWorkersIsDoneAfterTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, lines := newLogger()
		monitor, emitted := newMonitorWithRecorder(logger)
		monitor.CountWorkers = func(ctx context.Context) (metric.WorkerStates, error) {
			<-ctx.Done() // as if it waited for a database
			return metric.WorkerStates{}, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- metric.PeriodicallyEmit(logger, monitor, time.Minute).RunContext(ctx) }()
		monitor.BuildsStarted.IncDelta(1)
		time.Sleep(2*time.Minute + time.Second)
		monitor.BuildsStarted.IncDelta(2)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		g.Expect(emitted()).To(HaveKeyWithValue("builds started", 3.0))
		g.Expect(lines.Lines()).NotTo(BeEmpty())
		g.Expect(lines.Lines()[0].Message).To(ContainSubstring("failed-to-count-workers"))
		cancel()
		g.Expect(<-ended).To(Succeed())
		g.Expect(monitor.Close(context.Background())).To(Succeed())
	})
}

// newMonitorWithRecorder returns an initialized Monitor with a queued emitter, and a
// function that returns the sums of the events' values, by the events' names.
func newMonitorWithRecorder(logger lager.Logger) (*metric.Monitor, func() map[string]float64) {
	var mu sync.Mutex
	sums := map[string]float64{}
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&factory{name: "sums", emitter: emitterFunc(func(_ lager.Logger, e metric.Event) {
		mu.Lock()
		defer mu.Unlock()
		sums[e.Name] += e.Value
	})})
	if err := monitor.Initialize(logger, "web-1", nil, 1000); err != nil {
		panic(err)
	}
	return monitor, func() map[string]float64 {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(sums)
	}
}
