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

	// hiccups returns how often an emitter logged an error.
	hiccups := func() int {
		n := 0
		for _, line := range lines.Lines() {
			if line.Message == "ci.hiccup" {
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

	It("emits to Metrics when it is made as a collector", func() {
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

	DescribeTable("ignores errors from failing to emit",
		func(err error, data lager.Data) {
			run(nil)
			logger.Error("failed", err, data)
			Expect(messages()).To(BeEmpty())
		},
		Entry("plain", metric.ErrFailedToEmit, lager.Data{}),
		Entry("wrapped", fmt.Errorf("worker w: %w", metric.ErrFailedToEmit), lager.Data{}),
		Entry("joined", errors.Join(broken, metric.ErrFailedToEmit), lager.Data{}),
		Entry("as data", nil, lager.Data{"error": metric.ErrFailedToEmit}),
	)

	It("accepts other data under the key error", func() {
		run(nil)
		logger.Error("failed", nil, lager.Data{"error": "text"})
		Expect(messages()).To(HaveLen(1))
	})

	Describe("with an emitter that logs errors while it emits", func() {
		for _, kind := range []struct {
			name string
			of   func(func(lager.Logger, metric.Event)) metric.Emitter
		}{
			{"concurrent", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return concurrentFunc(emit) }},
			{"typed", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return loggingTyped{emit} }},
			{"queued", func(emit func(lager.Logger, metric.Event)) metric.Emitter { return emitterFunc(emit) }},
		} {
			It("ends for a "+kind.name+" one with the logger that it is passed", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("hiccup", broken) }))
				logger.Error("failed", broken)
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.failed"}))
				Expect(hiccups()).To(Equal(1))
			})

			It("ends for a "+kind.name+" one with a logger of its own, deep in the call stack", func() {
				own := lager.NewLogger("own")
				own.RegisterSink(sink)
				run(kind.of(func(lager.Logger, metric.Event) { deep(200, func() { own.Error("hiccup", broken) }) }))
				logger.Error("failed", broken)
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.failed"}))
			})

			It("ends for a "+kind.name+" one when the program emits the event itself", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("hiccup", broken) }))
				monitor.Emit(logger, metric.Event{Name: "error log", Value: 1, Attributes: attributes{"message": "by hand"}})
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"by hand"}))
			})

			It("ends for a "+kind.name+" one when the program emits the event as a prepared one", func() {
				run(kind.of(func(passed lager.Logger, e metric.Event) { passed.Error("hiccup", broken) }))
				monitor.Prepare(metric.EventType{Name: "error log", Attributes: []string{"message"}}).
					Emit(logger, metric.Event{Value: 1}, []string{"by hand"})
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"by hand"}))
			})

			It("counts what a "+kind.name+" one logs at other events", func() {
				emits := make(chan struct{}, 10)
				run(kind.of(func(passed lager.Logger, e metric.Event) {
					passed.Error("hiccup", broken)
					emits <- struct{}{}
				}))
				metric.LockAcquired{}.EmitTo(logger, monitor)
				<-emits // of the lock
				<-emits // of the error about it
				Expect(monitor.Close(context.Background())).To(Succeed())
				Expect(messages()).To(Equal([]string{"ci.hiccup"}))
				Expect(hiccups()).To(Equal(2))
			})
		}

		It("counts the errors of other goroutines at the same time", func() {
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
