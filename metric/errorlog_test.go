package metric_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("ErrorSink", func() {
	var (
		logger  lager.Logger // has the sink
		lines   *logSink
		monitor *metric.Monitor
		sink    *metric.ErrorSink
		emitted *concurrentRecorder
		broken  = errors.New("broken")
	)

	BeforeEach(func() {
		emitted = &concurrentRecorder{}
		monitor = metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "page", emitter: emitted})
		logger, lines = newLogger()
		sink = metric.NewErrorSink(logger, monitor)
		logger.RegisterSink(sink)
	})

	// run initializes the Monitor with one more emitter.
	run := func(emitter metric.Emitter) {
		GinkgoHelper()
		monitor.RegisterEmitter(&factory{name: "other", emitter: emitter})
		Expect(monitor.Initialize(logger, "web-1", nil, 100)).To(Succeed())
		DeferCleanup(func() { monitor.Close(context.Background()) })
	}

	messages := func() []string {
		var messages []string
		for _, event := range emitted.Events() {
			if event.Name == "error log" {
				messages = append(messages, event.Attributes["message"])
			}
		}
		return messages
	}

	// emitterErrors returns how often an emitter logged an error.
	emitterErrors := func() int {
		n := 0
		for _, line := range lines.Lines() {
			if line.Message == "ci.emitter-error" {
				n++
			}
		}
		return n
	}

	It("turns each line at level error into an event", func() {
		run(nil)
		logger.Debug("fine")
		logger.Info("fine")
		logger.Session("scan").Error("failed-to-look", broken)
		logger.Error("failed-without-error", nil)
		Expect(func() { logger.Fatal("fatal", broken) }).To(PanicWith(broken))
		Expect(messages()).To(Equal([]string{"ci.scan.failed-to-look", "ci.failed-without-error"}))
		Expect(emitted.Events()[0].Value).To(Equal(1.0))
	})

	It("emits to Metrics if NewErrorSinkCollector created it", func() {
		metric.Metrics.RegisterEmitter(&factory{name: "page", emitter: emitted})
		Expect(metric.Metrics.Initialize(logger, "web-1", nil, 0)).To(Succeed())
		DeferCleanup(func() {
			Expect(metric.Metrics.Close(context.Background())).To(Succeed())
			metric.Metrics = metric.NewMonitor()
		})
		logger := lager.NewLogger("atc")
		logger.RegisterSink(metric.NewErrorSinkCollector(logger))
		logger.Error("failed", broken)
		Expect(messages()).To(Equal([]string{"atc.failed"}))
	})

	DescribeTable("ignores errors that wrap ErrFailedToEmit",
		func(err error, data lager.Data) {
			run(nil)
			logger.Error("failed", err, data)
			Expect(messages()).To(BeEmpty())
		},
		Entry("the error itself", metric.ErrFailedToEmit, lager.Data{}),
		Entry("wrapped", fmt.Errorf("worker w: %w", metric.ErrFailedToEmit), lager.Data{}),
		Entry("joined", errors.Join(broken, metric.ErrFailedToEmit), lager.Data{}),
		Entry("in the data", nil, lager.Data{"error": metric.ErrFailedToEmit}),
	)

	It("accepts data in which the key error has a value that is not an error", func() {
		run(nil)
		logger.Error("failed", nil, lager.Data{"error": "text"})
		Expect(messages()).To(HaveLen(1))
	})

	Describe("with an emitter that logs errors in Emit", func() {
		for _, kind := range []struct {
			name string
			of   func(func(lager.Logger, metric.Event)) metric.Emitter
		}{
			{"concurrent", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return concurrentFunc(emit) }},
			{"typed", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return loggingTyped{emit} }},
			{"queued", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return emitterFunc(emit) }},
		} {
			It("causes no endless loop with a "+kind.name+" emitter that logs to the logger it receives", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("emitter-error", broken) }))
				logger.Error("failed", broken)
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.failed"}))
				Expect(emitterErrors()).To(Equal(1))
			})

			It("causes no endless loop with a "+kind.name+" emitter that logs to its own logger, deep in the call stack", func() {
				own := lager.NewLogger("own")
				own.RegisterSink(sink)
				run(kind.of(func(lager.Logger, metric.Event) { deep(200, func() { own.Error("emitter-error", broken) }) }))
				logger.Error("failed", broken)
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.failed"}))
			})

			It("causes no endless loop with a "+kind.name+" emitter if the program emits the event itself", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("emitter-error", broken) }))
				monitor.Emit(logger, metric.Event{Name: "error log", Value: 1, Attributes: attributes{"message": "by hand"}})
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"by hand"}))
			})

			It("causes no endless loop with a "+kind.name+" emitter if the program emits a prepared event", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("emitter-error", broken) }))
				monitor.Prepare(metric.EventType{Name: "error log", Attributes: []string{"message"}}).
					Emit(logger, metric.Event{Value: 1}, []string{"by hand"})
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"by hand"}))
			})

			It("counts errors that a "+kind.name+" emitter logs while it emits other events", func() {
				emits := make(chan struct{}, 10)
				run(kind.of(func(passed lager.Logger, e metric.Event) {
					passed.Error("emitter-error", broken)
					emits <- struct{}{}
				}))
				metric.LockAcquired{}.EmitTo(logger, monitor)
				<-emits // of the lock
				<-emits // of the error about it
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.emitter-error"}))
				Expect(emitterErrors()).To(Equal(2))
			})
		}

		It("counts errors that other goroutines log at the same time", func() {
			begun, released := make(chan struct{}), make(chan struct{})
			var second atomic.Bool
			run(concurrentFunc(func(lager.Logger, metric.Event) {
				if !second.Swap(true) {
					close(begun)
					<-released
				}
			}))
			var logging sync.WaitGroup
			logging.Go(func() { logger.Error("first", broken) })
			<-begun
			logger.Error("second", broken)
			close(released)
			logging.Wait()
			Expect(messages()).To(ConsistOf("ci.first", "ci.second"))
		})
	})
})

// deep calls f with n more frames on the stack.
func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
}

// loggingTyped calls emit for all events, typed or not.
type loggingTyped struct {
	emit func(lager.Logger, metric.Event)
}

func (l loggingTyped) Emit(logger lager.Logger, event metric.Event) { l.emit(logger, event) }
func (l loggingTyped) EmitsConcurrently()                           {}
func (l loggingTyped) Prepare(metric.EventType) metric.TypedEvent   { return l }
func (l loggingTyped) EmitValues(logger lager.Logger, _ float64, _ []string) {
	l.emit(logger, metric.Event{})
}
