package metric

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
	"github.com/jessevdk/go-flags"
)

// Metrics is the default Monitor. The Emit methods of the typed calls emit to it.
var Metrics = NewMonitor()

// defaultBufferSize is enough for a few seconds of events of a busy scheduler.
const defaultBufferSize = 1000

// A Monitor hands events to the configured emitters, and holds the counters and gauges
// that PeriodicallyEmit turns into events.
//
// Its methods are safe for concurrent use. The zero value is ready for use and has no
// emitters. A Monitor must not be copied after first use.
type Monitor struct {
	DatabaseQueries Counter // statements executed; see CountQueries

	ContainersCreated Counter
	ContainersDeleted Counter
	FailedContainers  Counter // containers that could not be created
	VolumesCreated    Counter
	VolumesDeleted    Counter
	FailedVolumes     Counter // volumes that could not be created

	JobsScheduled  Counter
	JobsScheduling Gauge // jobs being scheduled

	BuildsStarted      Counter
	BuildsRunning      Gauge
	CheckBuildsStarted Counter // builds that check a resource
	CheckBuildsRunning Gauge

	TasksWaiting GaugeFamily[TasksWaitingLabels] // tasks waiting for a worker
	StepsWaiting GaugeFamily[StepsWaitingLabels] // steps waiting for a worker

	ChecksFinishedWithError   Counter
	ChecksFinishedWithSuccess Counter
	ChecksQueueSize           Gauge // checks waiting to be started
	ChecksStarted             Counter
	ChecksEnqueued            Counter

	ConcurrentRequests         GaugeFamily[string]   // requests being served, by action
	ConcurrentRequestsLimitHit CounterFamily[string] // requests rejected because of a limit, by action

	VolumesStreamed            Counter
	VolumesStreamedViaFallback Counter
	GetStepCacheHits           Counter
	StreamedResourceCaches     Counter

	// CountWorkers, if not nil, counts the workers in each state. PeriodicallyEmit
	// calls it at each tick, with a context that is done when the interval has passed
	// or PeriodicallyEmit is stopped. Flush calls it with its own context. If it
	// returns an error, no WorkerStates are emitted. Leave it nil if the program emits
	// WorkerStates itself. It must not be changed while PeriodicallyEmit or Flush runs.
	CountWorkers func(context.Context) (WorkerStates, error)

	registered sync.Mutex // protects the following fields
	factories  []EmitterFactory
	databases  []namedDatabase

	lifecycle   sync.Mutex // held by Initialize and Close; protects initialized
	initialized bool

	flushing sync.Mutex // held while the counters and gauges are emitted

	// dispatcher is nil before Initialize, after Close, and with no emitter configured.
	dispatcher atomic.Pointer[dispatcher]
}

// NewMonitor returns a Monitor without emitters.
func NewMonitor() *Monitor {
	return &Monitor{}
}

// RegisterEmitter adds an emitter's factory. Register all factories before calling
// WireEmitters or Initialize.
func (m *Monitor) RegisterEmitter(factory EmitterFactory) {
	m.registered.Lock()
	defer m.registered.Unlock()
	m.factories = append(m.factories, factory)
}

// WireEmitters adds a group of command-line flags for each registered factory. Parsing
// the flags then sets the factory's fields. WireEmitters returns an error if a factory
// is not a pointer to a struct or if go-flags rejects its flags.
func (m *Monitor) WireEmitters(group *flags.Group) error {
	for _, factory := range m.Factories() {
		if err := addGroup(group, factory); err != nil {
			return fmt.Errorf("adding the flags of emitter %q (%T): %w", factory.Description(), factory, err)
		}
	}
	return nil
}

func addGroup(group *flags.Group, factory EmitterFactory) error {
	// AddGroup would panic.
	if t := reflect.TypeOf(factory); t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return flags.ErrNotPointerToStruct
	}
	_, err := group.AddGroup(fmt.Sprintf("Metric Emitter (%s)", factory.Description()), "", factory)
	return err
}

// Factories returns the registered factories in the order of their registration. Before
// calling Initialize, programs can use it to change settings that have no flag.
func (m *Monitor) Factories() []EmitterFactory {
	m.registered.Lock()
	defer m.registered.Unlock()
	return slices.Clone(m.factories)
}

// Initialize starts the emitters of all registered factories that are configured. From
// then on, they receive events. If no factory is configured, Initialize logs that
// events are discarded.
//
// The host and the attributes are those of the node. An event without a Host gets this
// host. Every event gets the attributes, except those that it has itself.
//
// Each emitter that is not a ConcurrentEmitter gets a queue for bufferSize events; 0
// means 1000.
//
// The Monitor logs messages about its emitters to the logger. A nil logger discards
// them.
//
// If an emitter fails to start, Initialize closes those already started and returns an
// error that names the emitter and wraps the cause. If the Monitor is already
// initialized, Initialize returns an error and changes nothing.
func (m *Monitor) Initialize(logger lager.Logger, host string, attributes map[string]string, bufferSize uint32) error {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()

	if m.initialized {
		return errors.New("monitor is already initialized; close it first")
	}
	if bufferSize == 0 {
		bufferSize = defaultBufferSize
	}
	logger = orDiscard(logger)

	running, err := startEmitters(logger, m.Factories(), attributes, bufferSize)
	if err != nil {
		return err
	}
	m.initialized = true
	if len(running) == 0 {
		data := lager.Data{"reason": "no emitter is configured", "emitters": m.descriptions()}
		if hints := m.configurationHints(); len(hints) > 0 {
			data["hints"] = hints
		}
		logger.Info("discarding-events", data)
		return nil
	}

	d := newDispatcher(host, attributes, running)
	for _, r := range running {
		if attachable, ok := r.emitter.(AttachableEmitter); ok {
			attachable.Attach(r.logger, d.stats)
		}
	}
	for _, q := range d.queues {
		go q.run()
	}
	m.dispatcher.Store(d)
	return nil
}

// descriptions returns the descriptions of the registered factories.
func (m *Monitor) descriptions() []string {
	descriptions := []string{}
	for _, factory := range m.Factories() {
		descriptions = append(descriptions, factory.Description())
	}
	return descriptions
}

// configurationHints returns how to configure the registered emitters, as far as their
// factories explain it.
func (m *Monitor) configurationHints() (hints []string) {
	for _, factory := range m.Factories() {
		if f, ok := factory.(interface{ ConfigurationHint() string }); ok {
			hints = append(hints, f.ConfigurationHint())
		}
	}
	return hints
}

// idle reports whether the Monitor takes no events.
func (m *Monitor) idle() bool { return m.dispatcher.Load() == nil }

// Emit hands an event to every emitter. It does not wait for slow emitters: if an
// emitter's queue is full, the event is dropped for that emitter and counted (see
// Stats). Dropped events are logged at most once a second; only then does Emit wait for
// the logger.
//
// Emit sets an empty Host to the Monitor's host, and adds those of the node's
// attributes that the event lacks. It sets a zero Time to the current time, except for
// TypedEmitters, for which the zero Time means now.
//
// Before Initialize, after Close, and if no emitter is configured, Emit does nothing.
// An event that is emitted while Close runs may be lost. Emitters log problems with the
// event to the logger; a nil logger discards them.
func (m *Monitor) Emit(logger lager.Logger, event Event) { m.emitEvent(logger, event, nil) }

// emitEvent emits an event. outcome may be nil.
func (m *Monitor) emitEvent(logger lager.Logger, event Event, outcome *Outcome) {
	s := m.acquire()
	if s == nil {
		return
	}
	defer s.release()

	node := s.dispatcher.attributes
	switch {
	case len(node) == 0:
	case len(event.Attributes) == 0:
		event.Attributes = node
	default:
		event.Attributes = s.merge(event.Attributes)
	}
	s.deliver(logger, event, outcome)
}

// Close stops taking events, waits until the emitters have processed their queues or
// the context is done, and then closes those that implement ContextCloser or io.Closer,
// in reverse order of registration.
//
// The returned error joins the errors of closing the emitters and, for each emitter
// that had not processed its queue when the context was done, an error that states how
// many events were left and wraps the context's error.
//
// To emit what was counted since the last tick, stop PeriodicallyEmit and wait until it
// returns before calling Close. Closing a Monitor that is not initialized does nothing.
// After Close, the Monitor can be initialized again. Emitters must not call Close from
// Emit.
func (m *Monitor) Close(ctx context.Context) error {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()

	m.initialized = false
	d := m.dispatcher.Swap(nil)
	if d == nil {
		return nil
	}
	return d.close(ctx)
}

// Emitters returns the running emitters in the order in which their factories were
// registered. It returns nil before Initialize and after Close.
func (m *Monitor) Emitters() []Emitter {
	d := m.dispatcher.Load()
	if d == nil {
		return nil
	}
	emitters := make([]Emitter, len(d.running))
	for i, r := range d.running {
		emitters[i] = r.emitter
	}
	return emitters
}

// Stats returns the statistics of the running emitters, in the order of Emitters. It
// returns nil before Initialize and after Close.
func (m *Monitor) Stats() []EmitterStats {
	d := m.dispatcher.Load()
	if d == nil {
		return nil
	}
	return d.stats()
}
