package metric_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// withoutTime removes the time from the lines of a slog handler.
func withoutTime(_ []string, attr slog.Attr) slog.Attr {
	if attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}

var _ = Describe("SlogLogger", func() {
	var (
		output bytes.Buffer
		level  slog.LevelVar
		logger *slog.Logger
		broken = errors.New("broken")
	)

	BeforeEach(func() {
		output.Reset()
		level.Set(slog.LevelDebug)
		logger = slog.New(slog.NewTextHandler(&output, &slog.HandlerOptions{Level: &level, ReplaceAttr: withoutTime}))
	})

	DescribeTable("maps levels, data and errors",
		func(log func(lager.Logger), want string) {
			log(metric.SlogLogger(logger))
			Expect(output.String()).To(Equal(want + "\n"))
		},
		Entry("debug", func(l lager.Logger) { l.Debug("looked") },
			`level=DEBUG msg=metric.looked`),
		Entry("info, with data sorted by key",
			func(l lager.Logger) { l.Info("found", lager.Data{"c": 3, "a": "x y"}, lager.Data{"b": 2.5}) },
			`level=INFO msg=metric.found a="x y" b=2.5 c=3`),
		Entry("error", func(l lager.Logger) { l.Error("failed", broken, lager.Data{"dropped": uint64(3)}) },
			`level=ERROR msg=metric.failed dropped=3 error=broken`),
		Entry("error without an error", func(l lager.Logger) { l.Error("failed", nil) },
			`level=ERROR msg=metric.failed`),
		Entry("error with the error in the data", func(l lager.Logger) { l.Error("failed", nil, lager.Data{"error": broken}) },
			`level=ERROR msg=metric.failed error=broken`),
		Entry("sessions", func(l lager.Logger) { l.Session("a", lager.Data{"x": 1}).Session("b").Info("found") },
			`level=INFO msg=metric.a.b.found session=1.1 x=1`),
		Entry("data of the logger", func(l lager.Logger) { l.WithData(lager.Data{"x": 1}).Info("found") },
			`level=INFO msg=metric.found x=1`),
	)

	It("logs a fatal line as an error with the stack, and panics as lager does", func() {
		Expect(func() { metric.SlogLogger(logger).Fatal("failed", broken) }).To(PanicWith(broken))
		Expect(output.String()).To(And(
			HavePrefix("level=ERROR msg=metric.failed error=broken trace="), ContainSubstring("logger_test.go")))
	})

	It("keeps the groups and attributes of the slog.Logger", func() {
		metric.SlogLogger(logger.With("app", "ci").WithGroup("metrics")).Info("found", lager.Data{"n": 1})
		Expect(output.String()).To(Equal("level=INFO msg=metric.found app=ci metrics.n=1\n"))
	})

	It("passes the error itself to the handler", func() {
		handler := &recordHandler{}
		metric.SlogLogger(slog.New(handler)).Error("failed", fmt.Errorf("wrapped: %w", broken))
		Expect(handler.errors).To(ConsistOf(MatchError(broken)))
	})

	It("sets the time", func() {
		handler := &recordHandler{}
		before := time.Now()
		metric.SlogLogger(slog.New(handler)).Error("failed", broken)
		Expect(handler.times).To(ConsistOf(And(BeTemporally(">=", before), BeTemporally("<=", time.Now()))))
	})

	It("logs nothing below the level of the handler", func() {
		level.Set(slog.LevelError)
		l := metric.SlogLogger(logger)
		l.Debug("looked")
		l.Info("found")
		Expect(output.String()).To(BeEmpty())
		l.Error("failed", nil)
		Expect(output.String()).NotTo(BeEmpty())
	})

	It("discards everything if the slog.Logger is nil", func() {
		metric.SlogLogger(nil).Session("a").Error("failed", broken)
	})

	It("receives the messages of a Monitor", func() {
		monitor := metric.NewMonitor()
		Expect(monitor.Initialize(metric.SlogLogger(logger), "web-1", nil, 0)).To(Succeed())
		Expect(output.String()).To(HavePrefix("level=INFO msg=metric.discarding-events "))
	})
})

// recordHandler is a slog.Handler that records times and errors.
type recordHandler struct {
	slog.Handler
	times  []time.Time
	errors []error
}

func (*recordHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *recordHandler) Handle(_ context.Context, record slog.Record) error {
	h.times = append(h.times, record.Time)
	record.Attrs(func(attr slog.Attr) bool {
		if err, ok := attr.Value.Any().(error); ok {
			h.errors = append(h.errors, err)
		}
		return true
	})
	return nil
}

func TestTypedCallsDoNotAllocateWithSlog(t *testing.T) {
	monitor := monitorOf(t, nil, noop{}, concurrentFunc(func(lager.Logger, metric.Event) {}))
	loggers := map[string]lager.Logger{
		"slog":     metric.SlogLogger(slog.New(slog.DiscardHandler)),
		"nil slog": metric.SlogLogger(nil),
		"nil":      nil,
	}
	for name, logger := range loggers {
		for _, c := range typedCalls {
			allocations := testing.AllocsPerRun(100, func() { c.call.EmitTo(logger, monitor) })
			if allocations != 0 && !raceEnabled {
				t.Errorf("%s: %T: got %v allocations, expected 0", name, c.call, allocations)
			}
		}
	}
}

// Each spec makes the emitters log to the logger that they receive and, where possible,
// makes the Monitor itself log.
var _ = Describe("A nil logger", func() {
	var (
		monitor *metric.Monitor
		events  chan string
	)

	BeforeEach(func() {
		events = make(chan string, 1000)
		monitor = metric.NewMonitor()
	})

	// initialize starts one emitter of each kind, which logs at each event, and an
	// emitter that panics.
	initialize := func() {
		GinkgoHelper()
		emit := func(logger lager.Logger, event metric.Event) {
			logger.Session("emit").Error("failed", metric.ErrFailedToEmit)
			events <- event.Name
		}
		for _, emitter := range []metric.Emitter{
			concurrentFunc(emit), loggingTyped{emit}, emitterFunc(emit),
			emitterFunc(func(lager.Logger, metric.Event) { panic("out of cheese") }),
		} {
			monitor.RegisterEmitter(&factory{name: "logging", emitter: emitter})
		}
		Expect(monitor.Initialize(nil, "web-1", nil, 1000)).To(Succeed())
	}

	// emitted closes the Monitor and returns how many events the three logging emitters
	// took.
	emitted := func() int {
		GinkgoHelper()
		Expect(monitor.Close(context.Background())).To(Succeed())
		return len(events)
	}

	It("works in Initialize with no emitter, and with an AttachableEmitter", func() {
		Expect(monitor.Initialize(nil, "web-1", nil, 0)).To(Succeed())
		Expect(monitor.Close(context.Background())).To(Succeed())
		monitor.RegisterEmitter(&factory{name: "page", emitter: &attachable{}})
		Expect(monitor.Initialize(nil, "web-1", nil, 0)).To(Succeed())
	})

	It("works in Emit", func() {
		initialize()
		monitor.Emit(nil, metric.Event{Name: "deploy finished"})
		monitor.Emit(nil, metric.Event{Name: "error log"})
		Expect(emitted()).To(Equal(6))
	})

	It("works in Prepared.Emit, even with a wrong number of values", func() {
		initialize()
		prepared := monitor.Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"stage"}})
		prepared.Emit(nil, metric.Event{}, []string{"live"})
		prepared.Emit(nil, metric.Event{}, nil)
		Expect(emitted()).To(Equal(3))
	})

	It("works in typed calls, even with values out of range", func() {
		initialize()
		n := 0
		for _, c := range typedCalls {
			c.call.EmitTo(nil, monitor)
			n += len(c.events)
		}
		metric.CollectorDuration{Collector: 255}.EmitTo(nil, monitor)
		metric.JobStatus{Status: "pending"}.EmitTo(nil, monitor)
		Expect(emitted()).To(Equal(3 * n))
	})

	It("works when a queue is full", func() {
		slow := newStuck()
		monitor.RegisterEmitter(&factory{name: "slow", emitter: slow})
		Expect(monitor.Initialize(nil, "web-1", nil, 1)).To(Succeed())
		for range 5 {
			monitor.Emit(nil, metric.Event{})
		}
		Expect(monitor.Stats()[0].Dropped).To(BeNumerically(">=", 3))
		close(slow.released)
		Expect(monitor.Close(context.Background())).To(Succeed())
	})

	It("works in PeriodicallyEmit and Flush", func() {
		monitor.CountWorkers = func(context.Context) (metric.WorkerStates, error) {
			return metric.WorkerStates{}, errors.New("no database")
		}
		initialize()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		Expect(metric.PeriodicallyEmit(nil, monitor, time.Hour).RunContext(ctx)).To(Succeed())
		Expect(monitor.Flush(context.Background(), nil)).To(MatchError("no database"))
		Expect(emitted()).To(BeNumerically(">", 100))
	})

	It("works in WrapHandler", func() {
		initialize()
		metric.WrapHandler(nil, monitor, "GetInfo", http.NotFoundHandler()).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", http.NoBody))
		Expect(emitted()).To(Equal(3))
	})

	It("works in an ErrorSink", func() {
		initialize()
		logger := lager.NewLogger("ci")
		logger.RegisterSink(metric.NewErrorSink(nil, monitor))
		logger.RegisterSink(metric.NewErrorSinkCollector(nil))
		logger.Error("failed", errors.New("broken"))
		Expect(emitted()).To(Equal(3))
	})
})
