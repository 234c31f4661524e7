package metric_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// recorder records its events.
type recorder struct {
	mu     sync.Mutex
	events []metric.Event
}

func (r *recorder) Emit(_ lager.Logger, event metric.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	event.Attributes = maps.Clone(event.Attributes)
	r.events = append(r.events, event)
}

func (r *recorder) Events() []metric.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]metric.Event(nil), r.events...)
}

// Names returns the events' names.
func (r *recorder) Names() []string {
	var names []string
	for _, event := range r.Events() {
		names = append(names, event.Name)
	}
	return names
}

// concurrentRecorder is a concurrent emitter.
type concurrentRecorder struct{ recorder }

func (*concurrentRecorder) EmitsConcurrently() {}

// typedRecorder records typed events separately from those that it receives through
// Emit.
type typedRecorder struct {
	concurrentRecorder
	typed    recorder
	prepared []metric.EventType
	ignored  string // name of the event for which Prepare returns nil
}

func (r *typedRecorder) Prepare(eventType metric.EventType) metric.TypedEvent {
	r.prepared = append(r.prepared, eventType)
	if eventType.Name == r.ignored {
		return nil
	}
	return typedEvent{r, eventType}
}

type typedEvent struct {
	recorder  *typedRecorder
	eventType metric.EventType
}

func (e typedEvent) EmitValues(logger lager.Logger, value float64, values []string) {
	event := metric.Event{Name: e.eventType.Name, Value: value, Attributes: map[string]string{}}
	for i, name := range e.eventType.Attributes {
		event.Attributes[name] = values[i]
	}
	if len(values) != len(e.eventType.Attributes) {
		event.Name = "wrong number of values: " + event.Name
	}
	e.recorder.typed.Emit(logger, event)
}

// emitterFunc is a queued emitter.
type emitterFunc func(lager.Logger, metric.Event)

func (f emitterFunc) Emit(logger lager.Logger, event metric.Event) { f(logger, event) }

// concurrentFunc is a concurrent emitter.
type concurrentFunc func(lager.Logger, metric.Event)

func (f concurrentFunc) Emit(logger lager.Logger, event metric.Event) { f(logger, event) }
func (concurrentFunc) EmitsConcurrently()                             {}

// stuck is a queued emitter. Its Emit sends to begun when it starts, and returns once
// it can receive from released.
type stuck struct {
	recorder
	begun    chan struct{}
	released chan struct{}
	closed   atomic.Int32
}

func newStuck() *stuck {
	return &stuck{begun: make(chan struct{}, 1000), released: make(chan struct{})}
}

func (s *stuck) Emit(logger lager.Logger, event metric.Event) {
	s.begun <- struct{}{}
	<-s.released
	s.recorder.Emit(logger, event)
}

func (s *stuck) Close() error {
	s.closed.Add(1)
	return nil
}

// closer is a queued emitter that records when it is closed.
type closer struct {
	recorder
	name  string
	notes *[]string
	err   error
}

func (c *closer) Close() error {
	*c.notes = append(*c.notes, c.name)
	return c.err
}

// factory returns a given emitter.
type factory struct {
	Flag string `long:"flag"`

	name       string
	off        bool
	emitter    metric.Emitter
	err        error
	attributes map[string]string // passed to NewEmitter
}

func (f *factory) Description() string { return f.name }
func (f *factory) IsConfigured() bool  { return !f.off }

func (f *factory) NewEmitter(attributes map[string]string) (metric.Emitter, error) {
	f.attributes = attributes
	return f.emitter, f.err
}

// started returns an initialized Monitor with the given emitters and queues for 2
// events. The Monitor is closed when the spec ends.
func started(logger lager.Logger, attributes map[string]string, emitters ...metric.Emitter) *metric.Monitor {
	GinkgoHelper()
	monitor := metric.NewMonitor()
	for _, emitter := range emitters {
		monitor.RegisterEmitter(&factory{name: "fake", emitter: emitter})
	}
	Expect(monitor.Initialize(logger, "web-1", attributes, 2)).To(Succeed())
	DeferCleanup(func() {
		Expect(monitor.Close(context.Background())).To(Succeed())
	})
	return monitor
}

// logSink records log lines.
type logSink struct {
	mu    sync.Mutex
	lines []lager.LogFormat
}

func (s *logSink) Log(line lager.LogFormat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *logSink) Lines() []lager.LogFormat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]lager.LogFormat(nil), s.lines...)
}

// Dropped returns the numbers of dropped events in the lines with the given message. It
// panics if the error of such a line does not wrap ErrFailedToEmit.
func (s *logSink) Dropped(message string) []uint64 {
	var dropped []uint64
	for _, line := range s.Lines() {
		if line.Message != message {
			continue
		}
		if !errors.Is(line.Error, metric.ErrFailedToEmit) {
			panic("logged without ErrFailedToEmit: " + message)
		}
		dropped = append(dropped, line.Data["dropped"].(uint64))
	}
	return dropped
}

// newLogger returns a logger with the component "ci", and a sink that records what it
// logs.
func newLogger(sinks ...lager.Sink) (lager.Logger, *logSink) {
	logger, lines := lager.NewLogger("ci"), &logSink{}
	logger.RegisterSink(lines)
	for _, sink := range sinks {
		logger.RegisterSink(sink)
	}
	return logger, lines
}

// noop is a TypedEmitter that does nothing.
type noop struct{}

func (noop) Emit(lager.Logger, metric.Event)            {}
func (noop) EmitsConcurrently()                         {}
func (noop) Prepare(metric.EventType) metric.TypedEvent { return noop{} }
func (noop) EmitValues(lager.Logger, float64, []string) {}

// monitorOf is like started, but for plain tests and benchmarks, and it does not log.
func monitorOf(tb testing.TB, node map[string]string, emitters ...metric.Emitter) *metric.Monitor {
	tb.Helper()
	monitor := metric.NewMonitor()
	for _, emitter := range emitters {
		monitor.RegisterEmitter(&factory{name: "fake", emitter: emitter})
	}
	if err := monitor.Initialize(lager.NewLogger("ci"), "web-1", node, 0); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { monitor.Close(context.Background()) })
	return monitor
}

// queuedNoop is a queued emitter that does nothing.
type queuedNoop struct{}

func (queuedNoop) Emit(lager.Logger, metric.Event) {}
