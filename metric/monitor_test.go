package metric_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/jessevdk/go-flags"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// attachable records the arguments of Attach.
type attachable struct {
	concurrentRecorder
	stats    func() []metric.EmitterStats
	attached int
}

func (a *attachable) Attach(logger lager.Logger, stats func() []metric.EmitterStats) {
	logger.Info("attached")
	a.stats = stats
	a.attached++
}

var _ = Describe("Monitor", func() {
	var (
		logger  lager.Logger
		lines   *logSink
		monitor *metric.Monitor
		ctx     = context.Background()
		event   = metric.Event{Name: "deploy finished", Value: 3}
	)

	BeforeEach(func() {
		logger, lines = newLogger()
		monitor = metric.NewMonitor()
	})

	register := func(name string, emitter metric.Emitter) *factory {
		f := &factory{name: name, emitter: emitter}
		monitor.RegisterEmitter(f)
		return f
	}

	initialize := func(attributes map[string]string) {
		GinkgoHelper()
		Expect(monitor.Initialize(logger, "web-1", attributes, 2)).To(Succeed())
		DeferCleanup(func() { Expect(monitor.Close(ctx)).To(Succeed()) })
	}

	Describe("WireEmitters", func() {
		It("adds a group of flags for each factory", func() {
			first, second := &factory{name: "First"}, &factory{name: "Second"}
			monitor.RegisterEmitter(first)
			monitor.RegisterEmitter(second)
			Expect(monitor.Factories()).To(Equal([]metric.EmitterFactory{first, second}))
			parser := flags.NewParser(&struct{}{}, flags.None)
			group, err := parser.AddGroup("Metrics", "", &struct{}{})
			Expect(err).NotTo(HaveOccurred())
			Expect(monitor.WireEmitters(group)).To(Succeed())

			Expect(group.Find("Metric Emitter (First)")).NotTo(BeNil())
			Expect(group.Find("Metric Emitter (Second)")).NotTo(BeNil())
			_, err = parser.ParseArgs([]string{"--flag", "on"})
			Expect(err).NotTo(HaveOccurred())
			Expect([]string{first.Flag, second.Flag}).To(ContainElement("on"))
		})

		It("rejects a factory that is not a pointer to a struct", func() {
			monitor.RegisterEmitter(unwirable("Odd"))
			group := flags.NewParser(&struct{}{}, flags.None).Group
			Expect(monitor.WireEmitters(group)).To(MatchError(
				`adding the flags of emitter "Odd" (metric_test.unwirable): provided data is not a pointer to struct`))
		})

		It("returns the error of go-flags for an invalid flag", func() {
			monitor.RegisterEmitter(&badFlag{})
			group := flags.NewParser(&struct{}{}, flags.None).Group
			Expect(monitor.WireEmitters(group)).To(MatchError(And(
				ContainSubstring(`adding the flags of emitter "Bad" (*metric_test.badFlag)`),
				ContainSubstring("too-long"))))
		})
	})

	Describe("without running emitters", func() {
		emitAll := func() {
			monitor.Emit(logger, event)
			for _, c := range typedCalls {
				c.call.EmitTo(logger, monitor)
			}
			Expect(monitor.Stats()).To(BeEmpty())
			Expect(monitor.Emitters()).To(BeEmpty())
		}

		It("does nothing before Initialize", func() {
			emitter := &recorder{}
			register("fake", emitter)
			emitAll()
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(emitter.Events()).To(BeEmpty())
		})

		It("does nothing after Close", func() {
			emitter, concurrent := &recorder{}, &concurrentRecorder{}
			register("fake", emitter)
			register("concurrent", concurrent)
			initialize(nil)
			Expect(monitor.Close(ctx)).To(Succeed())
			emitAll()
			Expect(emitter.Events()).To(BeEmpty())
			Expect(concurrent.Events()).To(BeEmpty())
		})

		It("does nothing if no emitter is configured", func() {
			register("off", &recorder{}).off = true
			register("nothing to start", nil)
			initialize(nil)
			emitAll()
			Expect(lines.Lines()).To(ContainElement(HaveField("Message", HaveSuffix("discarding-events"))))
		})

		It("does nothing if the Monitor is the zero value", func() {
			monitor = new(metric.Monitor)
			initialize(nil)
			emitAll()
		})
	})

	Describe("Initialize", func() {
		It("starts only configured emitters", func() {
			on, off := &concurrentRecorder{}, &concurrentRecorder{}
			register("on", on)
			register("off", off).off = true
			initialize(nil)
			monitor.Emit(logger, event)
			Expect(on.Names()).To(Equal([]string{"deploy finished"}))
			Expect(off.Events()).To(BeEmpty())
			Expect(monitor.Emitters()).To(Equal([]metric.Emitter{on}))
		})

		It("gives each factory its own copy of the attributes", func() {
			first, second := register("first", &recorder{}), register("second", &recorder{})
			third := &concurrentRecorder{}
			register("third", third)
			node := map[string]string{"zone": "b"}
			initialize(node)
			first.attributes["zone"] = "changed"
			node["zone"] = "changed"
			Expect(second.attributes).To(Equal(map[string]string{"zone": "b"}))
			monitor.Emit(logger, event)
			Expect(third.Events()[0].Attributes).To(Equal(map[string]string{"zone": "b"}))
		})

		It("closes the started emitters if another fails to start, and names that one", func() {
			var closed []string
			register("first", &closer{name: "first", notes: &closed})
			register("second", &closer{name: "second", notes: &closed, err: errors.New("disk full")})
			register("third", nil).err = errors.New("port in use")
			fourth := register("fourth", &recorder{})

			err := monitor.Initialize(logger, "web-1", map[string]string{}, 2)
			Expect(err).To(MatchError(And(
				ContainSubstring(`starting emitter "third": port in use`),
				ContainSubstring(`closing emitter "second": disk full`))))
			Expect(closed).To(Equal([]string{"second", "first"}))
			Expect(fourth.attributes).To(BeNil(), "the fourth emitter was started")
			monitor.Emit(logger, event)
			Expect(monitor.Emitters()).To(BeEmpty())
		})

		It("can be tried again after it failed", func() {
			f := register("fake", nil)
			f.err = errors.New("port in use")
			Expect(monitor.Initialize(logger, "web-1", nil, 2)).NotTo(Succeed())
			emitter := &concurrentRecorder{}
			f.err, f.emitter = nil, emitter
			initialize(nil)
			monitor.Emit(logger, event)
			Expect(emitter.Events()).To(HaveLen(1))
		})

		It("fails and changes nothing if it is called again without Close", func() {
			emitter := &concurrentRecorder{}
			register("fake", emitter)
			initialize(nil)
			Expect(monitor.Initialize(logger, "web-2", nil, 2)).To(MatchError("monitor is already initialized; close it first"))
			monitor.Emit(logger, event)
			Expect(emitter.Events()).To(HaveLen(1))
		})

		It("fails if it is called again without emitters", func() {
			initialize(nil)
			Expect(monitor.Initialize(logger, "web-2", nil, 2)).NotTo(Succeed())
		})

		It("works again after Close", func() {
			emitter := &recorder{}
			register("fake", emitter)
			for range 3 {
				Expect(monitor.Initialize(logger, "web-1", nil, 2)).To(Succeed())
				monitor.Emit(logger, event)
				Expect(monitor.Close(ctx)).To(Succeed())
			}
			Expect(emitter.Events()).To(HaveLen(3))
		})

		It("attaches each AttachableEmitter once, before the first event", func() {
			emitter := &attachable{}
			register("page", emitter)
			register("slow", &recorder{})
			initialize(nil)
			Expect(emitter.attached).To(Equal(1))
			Expect(lines.Lines()[0].Message).To(Equal("ci.emitter.attached"))
			Expect(lines.Lines()[0].Data).To(HaveKeyWithValue("emitter", "page"))
			Expect(emitter.stats()).To(HaveLen(2))
			Expect(emitter.stats()).To(Equal(monitor.Stats()))
			monitor.Emit(logger, event)
			Expect(emitter.Names()).To(Equal([]string{"deploy finished"}))
		})

		It("prepares each event type once, with the node's attributes after its own", func() {
			emitter := &typedRecorder{}
			register("typed", emitter)
			initialize(map[string]string{"zone": "b", "rack": "1", "worker": "the node's"})

			prepared := map[string][]string{}
			for _, eventType := range emitter.prepared {
				Expect(prepared).NotTo(HaveKey(eventType.Name), "prepared twice")
				prepared[eventType.Name] = eventType.Attributes
			}
			Expect(prepared["lock held"]).To(Equal([]string{"type", "rack", "worker", "zone"}))
			Expect(prepared["worker tasks"]).To(Equal([]string{"worker", "platform", "rack", "zone"}))
		})

		It("does not pass an emitter the events for which Prepare returned nil", func() {
			emitter := &typedRecorder{ignored: "lock held"}
			register("typed", emitter)
			initialize(nil)
			metric.LockAcquired{}.EmitTo(logger, monitor)
			metric.ErrorLog{}.EmitTo(logger, monitor)
			Expect(emitter.typed.Names()).To(Equal([]string{"error log"}))
		})
	})

	Describe("Emit", func() {
		It("hands each event to every emitter, whatever its kind", func() {
			queued, concurrent, typed := &recorder{}, &concurrentRecorder{}, &typedRecorder{}
			for _, emitter := range []metric.Emitter{queued, concurrent, typed} {
				register("fake", emitter)
			}
			initialize(nil)
			monitor.Emit(logger, event)
			Expect(monitor.Close(ctx)).To(Succeed())
			for _, r := range []*recorder{queued, &concurrent.recorder, &typed.recorder} {
				Expect(r.Names()).To(Equal([]string{"deploy finished"}))
				Expect(r.Events()[0].Value).To(Equal(3.0))
			}
		})

		It("calls a concurrent emitter in the goroutine that emits", func() {
			done := false
			register("fake", concurrentFunc(func(lager.Logger, metric.Event) { done = true }))
			initialize(nil)
			monitor.Emit(logger, event)
			Expect(done).To(BeTrue())
		})

		It("passes the logger to the emitters", func() {
			register("fake", concurrentFunc(func(l lager.Logger, _ metric.Event) { l.Info("concurrent") }))
			register("fake", emitterFunc(func(l lager.Logger, _ metric.Event) { l.Info("queued") }))
			initialize(nil)
			monitor.Emit(logger.Session("here"), event)
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect([]string{lines.Lines()[0].Message, lines.Lines()[1].Message}).To(ConsistOf("ci.here.concurrent", "ci.here.queued"))
		})

		It("adds a missing host and time", func() {
			emitter := &concurrentRecorder{}
			register("fake", emitter)
			initialize(nil)
			before := time.Now()
			monitor.Emit(logger, metric.Event{})
			monitor.Emit(logger, metric.Event{Host: "web-9", Time: midnight})
			Expect(emitter.Events()[0].Host).To(Equal("web-1"))
			Expect(emitter.Events()[0].Time).To(And(BeTemporally(">=", before), BeTemporally("<=", time.Now())))
			Expect(emitter.Events()[1].Host).To(Equal("web-9"))
			Expect(emitter.Events()[1].Time).To(Equal(midnight))
		})

		It("does not read the clock if all emitters are typed", func() {
			emitter := &typedRecorder{}
			register("fake", emitter)
			initialize(nil)
			monitor.Emit(logger, event)
			Expect(emitter.Events()[0].Time).To(BeZero())
		})

		DescribeTable("adds the node's attributes without replacing the event's",
			func(node, own, want map[string]string) {
				emitter, queued := &concurrentRecorder{}, &recorder{}
				register("fake", emitter)
				register("queued", queued)
				initialize(node)
				given := map[string]string{}
				for k, v := range own {
					given[k] = v
				}
				monitor.Emit(logger, metric.Event{Attributes: own})
				Expect(monitor.Close(ctx)).To(Succeed())
				Expect(emitter.Events()[0].Attributes).To(Equal(want))
				Expect(queued.Events()[0].Attributes).To(Equal(want))
				if own != nil {
					Expect(own).To(Equal(given), "changed the caller's map")
				}
			},
			Entry("neither", nil, nil, nil),
			Entry("only the event's", nil, attributes{"a": "1"}, attributes{"a": "1"}),
			Entry("only the node's", attributes{"zone": "b"}, nil, attributes{"zone": "b"}),
			Entry("both", attributes{"zone": "b"}, attributes{"a": "1"}, attributes{"zone": "b", "a": "1"}),
			Entry("both with the same name", attributes{"zone": "b"}, attributes{"zone": "c"}, attributes{"zone": "c"}),
		)

		It("does not replace attributes of typed calls with the node's", func() {
			emitter, typed := &concurrentRecorder{}, &typedRecorder{}
			register("fake", emitter)
			register("typed", typed)
			initialize(map[string]string{"type": "the node's", "zone": "b"})
			metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)
			want := map[string]string{"type": "Batch", "zone": "b"}
			Expect(emitter.Events()[0].Attributes).To(Equal(want))
			Expect(typed.typed.Events()[0].Attributes).To(Equal(want))
		})

		It("does not carry attributes over to the next event, even after an event with many attributes", func() {
			emitter := &concurrentRecorder{}
			register("fake", emitter)
			initialize(map[string]string{"zone": "b"})
			many := map[string]string{}
			for i := range 1000 {
				many[fmt.Sprint(i)] = "x"
			}
			monitor.Emit(logger, metric.Event{Attributes: many})
			monitor.Emit(logger, metric.Event{Attributes: map[string]string{"a": "1"}})
			Expect(emitter.Events()[0].Attributes).To(HaveLen(1001))
			Expect(emitter.Events()[1].Attributes).To(Equal(attributes{"zone": "b", "a": "1"}))
		})

		It("does not change the attributes of an event whose emitter emits other events", func() {
			var seen []map[string]string
			register("fake", concurrentFunc(func(logger lager.Logger, e metric.Event) {
				if e.Name == "outer" {
					monitor.Emit(logger, metric.Event{Name: "inner", Attributes: map[string]string{"inner": "1"}})
					metric.LockAcquired{LockType: "inner"}.EmitTo(logger, monitor)
				}
				clone := map[string]string{}
				for k, v := range e.Attributes {
					clone[k] = v
				}
				seen = append(seen, clone)
			}))
			initialize(map[string]string{"zone": "b"})
			monitor.Emit(logger, metric.Event{Name: "outer", Attributes: map[string]string{"outer": "1"}})
			Expect(seen).To(Equal([]map[string]string{
				{"zone": "b", "inner": "1"}, {"zone": "b", "type": "inner"}, {"zone": "b", "outer": "1"}}))
		})

		It("gives queued emitters a copy of the attributes", func() {
			emitter := newStuck()
			register("slow", emitter)
			initialize(nil)
			own := map[string]string{"n": "1"}
			monitor.Emit(logger, metric.Event{Attributes: own})
			own["n"] = "2"
			metric.LockAcquired{LockType: "3"}.EmitTo(logger, monitor)
			close(emitter.released)
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(emitter.Events()[0].Attributes).To(Equal(attributes{"n": "1"}))
			Expect(emitter.Events()[1].Attributes).To(Equal(attributes{"type": "3"}))
		})

		It("preserves the order of the events in a queue", func() {
			emitter := newStuck()
			register("slow", emitter)
			Expect(monitor.Initialize(logger, "web-1", nil, 0)).To(Succeed())
			for i := range 100 {
				monitor.Emit(logger, metric.Event{Value: float64(i)})
			}
			for i := range 900 {
				if i < 50 {
					emitter.released <- struct{}{}
				}
				monitor.Emit(logger, metric.Event{Value: float64(100 + i)})
			}
			close(emitter.released)
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(emitter.Events()).To(HaveLen(1000))
			for i, e := range emitter.Events() {
				Expect(e.Value).To(Equal(float64(i)))
			}
		})

		It("neither delays nor drops events for other emitters if one is slow", func() {
			slow, fast := newStuck(), make(chan metric.Event)
			register("slow", slow)
			register("fast", emitterFunc(func(_ lager.Logger, e metric.Event) { fast <- e }))
			initialize(nil)
			DeferCleanup(func() { close(slow.released) })
			for i := range 100 {
				monitor.Emit(logger, event)
				<-fast
				if i == 0 {
					<-slow.begun
				}
			}
			Expect(monitor.Stats()[0].Dropped).To(BeEquivalentTo(97)) // one is being emitted, two are in the queue
			Expect(monitor.Stats()[1].Dropped).To(BeZero())
		})

		It("continues after an emitter panics", func() {
			emitted := make(chan float64)
			register("faulty", emitterFunc(func(logger lager.Logger, e metric.Event) {
				if e.Value < 3 {
					panic("unexpected value")
				}
				emitted <- e.Value
			}))
			Expect(monitor.Initialize(logger, "web-1", nil, 10)).To(Succeed())
			for i := range 5 {
				monitor.Emit(logger, metric.Event{Value: float64(i)})
			}
			Expect([]float64{<-emitted, <-emitted}).To(Equal([]float64{3, 4}))
			Expect(monitor.Stats()[0].Dropped).To(BeEquivalentTo(3))
			Expect(monitor.Close(ctx)).To(Succeed())
			reported := lines.Dropped("ci.emitter.emitter-panicked")
			Expect(reported[0]).To(BeEquivalentTo(1))
			var sum uint64
			for _, n := range reported {
				sum += n
			}
			Expect(sum).To(BeEquivalentTo(3))
			Expect(lines.Lines()[0].Error).To(MatchError(And(
				ContainSubstring(`"faulty"`), ContainSubstring("unexpected value"))))
			Expect(lines.Lines()[0].Data["trace"]).To(ContainSubstring("monitor_test.go"))
		})
	})

	Describe("Close", func() {
		It("drains the queues, then closes the emitters in reverse order", func() {
			var closed []string
			slow := newStuck()
			register("slow", slow)
			register("first", &closer{name: "first", notes: &closed})
			register("second", &closer{name: "second", notes: &closed})
			initialize(nil)
			for range 3 {
				monitor.Emit(logger, event)
				<-slow.begun
				slow.released <- struct{}{}
			}
			monitor.Emit(logger, event)
			monitor.Emit(logger, event)
			go close(slow.released)
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(slow.Events()).To(HaveLen(5))
			Expect(slow.closed.Load()).To(BeEquivalentTo(1))
			Expect(closed).To(Equal([]string{"second", "first"}))

			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(slow.closed.Load()).To(BeEquivalentTo(1))
		})

		It("returns no error if the context is done but the queues are empty", func() {
			register("fast", &recorder{})
			initialize(nil)
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			Expect(monitor.Close(ctx)).To(Succeed())
		})

		It("joins the errors of the emitters", func() {
			var closed []string
			register("first", &closer{notes: &closed, err: errors.New("disk full")})
			register("second", &closer{notes: &closed, err: errors.New("no route")})
			initialize(nil)
			Expect(monitor.Close(ctx)).To(MatchError(And(
				ContainSubstring(`closing emitter "first": disk full`),
				ContainSubstring(`closing emitter "second": no route`))))
		})

		It("does not wait for a concurrent emitter that is emitting", func() {
			begun, released := make(chan struct{}), make(chan struct{})
			register("fake", closingConcurrent{
				emit: func() {
					close(begun)
					<-released
				},
				close: func() {},
			})
			initialize(nil)
			var emitting sync.WaitGroup
			emitting.Go(func() { metric.LockAcquired{}.EmitTo(logger, monitor) })
			<-begun
			Expect(monitor.Close(ctx)).To(Succeed())
			close(released)
			emitting.Wait()
		})

		It("passes the context to a ContextCloser", func() {
			deadline := time.Now().Add(time.Hour)
			ctx, cancel := context.WithDeadline(ctx, deadline)
			defer cancel()
			emitter := &contextCloser{}
			register("fake", emitter)
			initialize(nil)
			Expect(monitor.Close(ctx)).To(Succeed())
			Expect(emitter.deadline).To(Equal(deadline))
		})

		It("loses no earlier events, and does not panic if events are emitted concurrently", func() {
			for range 50 {
				monitor = metric.NewMonitor()
				var concurrent, queued atomic.Uint64
				register("concurrent", closingConcurrent{
					emit:  func() { concurrent.Add(1) },
					close: func() {},
				})
				register("queued", emitterFunc(func(lager.Logger, metric.Event) { queued.Add(1) }))
				attached := &attachable{}
				register("attached", attached)
				Expect(monitor.Initialize(logger, "web-1", map[string]string{"zone": "b"}, 100)).To(Succeed())

				var emitting sync.WaitGroup
				begun := make(chan struct{}, 8)
				for range 4 {
					emitting.Go(func() {
						for i := range 200 {
							monitor.Emit(logger, metric.Event{Attributes: attributes{"a": "1"}})
							metric.LockAcquired{LockType: "x"}.EmitTo(logger, monitor)
							if i == 10 {
								begun <- struct{}{}
							}
						}
					})
				}
				<-begun
				Expect(monitor.Close(ctx)).To(Succeed())
				emitting.Wait()
				// Each event that reached the concurrent emitter either reached the
				// queued one or was counted as dropped.
				Expect(queued.Load() + attached.stats()[1].Dropped).To(Equal(concurrent.Load()))
			}
		})
	})

	Describe("Stats", func() {
		It("reports the lengths of the queues", func() {
			slow := newStuck()
			register("slow", slow)
			register("direct", &concurrentRecorder{})
			initialize(nil)
			DeferCleanup(func() { close(slow.released) })
			monitor.Emit(logger, event)
			<-slow.begun
			monitor.Emit(logger, event)
			Expect(monitor.Stats()).To(Equal([]metric.EmitterStats{
				{Emitter: "slow", QueueLength: 1, QueueCapacity: 2},
				{Emitter: "direct"},
			}))
			monitor.Emit(logger, event)
			monitor.Emit(logger, event)
			monitor.Emit(logger, event)
			Expect(monitor.Stats()[0]).To(Equal(metric.EmitterStats{Emitter: "slow", QueueLength: 2, QueueCapacity: 2, Dropped: 2}))
		})

		It("reports a queue capacity of 1000 by default", func() {
			register("queued", &recorder{})
			Expect(monitor.Initialize(logger, "web-1", nil, 0)).To(Succeed())
			Expect(monitor.Stats()[0].QueueCapacity).To(Equal(1000))
			Expect(monitor.Close(ctx)).To(Succeed())
		})

		It("does not allocate the whole capacity of a queue in advance", func() {
			register("queued", &recorder{})
			Expect(monitor.Initialize(logger, "web-1", nil, 1<<32-1)).To(Succeed())
			Expect(monitor.Close(ctx)).To(Succeed())
		})
	})
})

// closingConcurrent is a concurrent emitter that can be closed.
type closingConcurrent struct{ emit, close func() }

func (c closingConcurrent) Emit(lager.Logger, metric.Event) { c.emit() }
func (c closingConcurrent) EmitsConcurrently()              {}
func (c closingConcurrent) Close() error                    { c.close(); return nil }

// unwirable is a factory that WireEmitters rejects, because it is not a pointer to a
// struct.
type unwirable string

func (u unwirable) Description() string                                { return string(u) }
func (unwirable) IsConfigured() bool                                   { return false }
func (unwirable) NewEmitter(map[string]string) (metric.Emitter, error) { return nil, nil }

// badFlag is a factory whose short flag is longer than one character.
type badFlag struct {
	unwirable
	Flag string `short:"too-long"`
}

func (*badFlag) Description() string { return "Bad" }

// contextCloser records the deadline of CloseContext.
type contextCloser struct{ deadline time.Time }

func (c *contextCloser) Emit(lager.Logger, metric.Event) {}

func (c *contextCloser) CloseContext(ctx context.Context) error {
	c.deadline, _ = ctx.Deadline()
	return nil
}
