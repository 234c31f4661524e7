package metric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
	"github.com/jessevdk/go-flags"
)

// Metrics is the Monitor that the Emit methods of the typed calls use, and
// that a program uses unless it makes one of its own.
var Metrics = NewMonitor()

// defaultBufferSize holds some seconds of the events of a busy scheduler.
const defaultBufferSize = 1000

// A Monitor hands events to the emitters that were configured, and keeps the
// counters and gauges that PeriodicallyEmit turns into events.
//
// It is safe for concurrent use. Its zero value is ready for use; it must not
// be copied.
type Monitor struct {
	DatabaseQueries Counter // statements executed, see CountQueries

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
	CheckBuildsStarted Counter
	CheckBuildsRunning Gauge

	TasksWaiting GaugeFamily[TasksWaitingLabels] // tasks waiting for a worker
	StepsWaiting GaugeFamily[StepsWaitingLabels] // steps waiting for a worker

	ChecksFinishedWithError   Counter
	ChecksFinishedWithSuccess Counter
	ChecksQueueSize           Gauge // checks waiting to be started
	ChecksStarted             Counter
	ChecksEnqueued            Counter

	ConcurrentRequests         GaugeFamily[string]   // requests being served, by action
	ConcurrentRequestsLimitHit CounterFamily[string] // requests turned away, by action

	VolumesStreamed            Counter
	VolumesStreamedViaFallback Counter
	GetStepCacheHits           Counter
	StreamedResourceCaches     Counter

	// CountWorkers, unless it is nil, is asked for the states of the workers
	// each time that PeriodicallyEmit emits; the context ends with the interval,
	// or when that is stopped. A scheduler that emits WorkerStates itself leaves it nil. It
	// must not be changed while PeriodicallyEmit runs.
	CountWorkers func(context.Context) (WorkerStates, error)

	registered sync.Mutex // protects the following fields
	factories  []EmitterFactory
	databases  []namedDatabase

	lifecycle   sync.Mutex // held by Initialize and Close; protects initialized
	initialized bool

	// wiring is what Initialize made of the configured emitters. It is nil
	// before Initialize, after Close, and with no emitter configured.
	wiring atomic.Pointer[wiring]
}

// NewMonitor returns a Monitor with no emitters registered.
func NewMonitor() *Monitor {
	return &Monitor{}
}

// RegisterEmitter adds a factory to those that WireEmitters and Initialize
// know of.
func (m *Monitor) RegisterEmitter(factory EmitterFactory) {
	m.registered.Lock()
	defer m.registered.Unlock()
	m.factories = append(m.factories, factory)
}

// WireEmitters adds a group of flags for each registered factory, whose fields
// the flags then set. It fails on a factory that is no pointer to a struct, and
// on flags that go-flags refuses.
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

// Factories returns the registered factories, in the order of their registration.
// What a flag cannot set is set on them, before Initialize.
func (m *Monitor) Factories() []EmitterFactory {
	m.registered.Lock()
	defer m.registered.Unlock()
	return slices.Clone(m.factories)
}

// Initialize starts every registered emitter that is configured; from then on
// they get the events. With none configured, events go nowhere, which the log says.
//
// The host and the attributes are the node's own. An event that names no host
// gets this one; every event gets the attributes, except where it has one of
// the same name.
//
// The buffer size is the capacity, in events, of the queue of each emitter that
// is not a ConcurrentEmitter. 0 means 1000.
//
// If an emitter fails to start, those already started are closed again, and
// the error names the one that failed. A Monitor that is initialised already
// is left as it is, and that is an error.
func (m *Monitor) Initialize(logger lager.Logger, host string, attributes map[string]string, bufferSize uint32) error {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()

	if m.initialized {
		return errors.New("the monitor is initialised already, expected Close before the next Initialize")
	}
	if bufferSize == 0 {
		bufferSize = defaultBufferSize
	}

	outlets, err := startOutlets(logger, m.Factories(), attributes, bufferSize)
	if err != nil {
		return err
	}
	m.initialized = true
	if len(outlets) == 0 {
		logger.Info("no-emitter", lager.Data{"because": "none is configured, so events go nowhere", "emitters": m.descriptions()})
		return nil
	}

	w := newWiring(host, attributes, outlets)
	for _, o := range outlets {
		if attachable, ok := o.emitter.(AttachableEmitter); ok {
			attachable.Attach(o.logger, w.stats)
		}
	}
	for _, q := range w.queues {
		go q.run()
	}
	m.wiring.Store(w)
	return nil
}

// descriptions are what the registered emitters are called.
func (m *Monitor) descriptions() []string {
	descriptions := []string{}
	for _, factory := range m.Factories() {
		descriptions = append(descriptions, factory.Description())
	}
	return descriptions
}

// startOutlets starts the configured ones among the factories' emitters: all
// of them, or none.
func startOutlets(logger lager.Logger, factories []EmitterFactory, attributes map[string]string, bufferSize uint32) ([]*outlet, error) {
	var outlets []*outlet
	for _, factory := range factories {
		if !factory.IsConfigured() {
			continue
		}
		// Each factory gets a map of its own, to keep as it likes.
		emitter, err := factory.NewEmitter(maps.Clone(attributes))
		if err != nil {
			err = fmt.Errorf("starting emitter %q: %w", factory.Description(), err)
			return nil, errors.Join(err, closeOutlets(context.Background(), outlets))
		}
		if emitter == nil {
			continue
		}
		outlets = append(outlets, newOutlet(logger, factory.Description(), emitter, bufferSize))
	}
	return outlets, nil
}

// closeOutlets closes the emitters that can be closed, the last one first.
func closeOutlets(ctx context.Context, outlets []*outlet) error {
	var errs []error
	for _, o := range slices.Backward(outlets) {
		var err error
		switch closer := o.emitter.(type) {
		case ContextCloser:
			err = closer.CloseContext(ctx)
		case io.Closer:
			err = closer.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("closing emitter %q: %w", o.description, err))
		}
	}
	return errors.Join(errs...)
}

// Emit hands an event to every emitter. It never waits for one that is slow; where
// it has to log that a queue is full, it waits for the log.
//
// Node attributes that the event lacks are added, and its Host if it is empty.
// A zero Time becomes now for emitters that are not TypedEmitters; those get
// the zero, which means the same to them, unless another emitter needed the
// clock to be read.
//
// An Emit that overlaps Close may or may not hand its event on.
func (m *Monitor) Emit(logger lager.Logger, event Event) {
	l := m.borrow()
	if l == nil {
		return
	}
	defer l.giveBack()

	node := l.wiring.attributes
	switch {
	case len(node) == 0:
	case len(event.Attributes) == 0:
		event.Attributes = node
	default:
		event.Attributes = l.merge(event.Attributes)
	}
	l.deliver(logger, event)
}

// Close stops taking events, lets the emitters finish what is in their queues
// until the context is done, and closes those that are ContextClosers or
// io.Closers, whether they finished or not. The error joins what went wrong: how
// many events were left, and for which emitter, and the errors from closing.
//
// Stop a Periodic first, and wait for it, so that what was counted since its last
// tick is not lost. A Monitor that is not initialised, or closed already, closes
// without error. It can be initialised again. Close must not be called from an
// emitter's Emit.
func (m *Monitor) Close(ctx context.Context) error {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()

	m.initialized = false
	w := m.wiring.Swap(nil)
	if w == nil {
		return nil
	}
	return w.close(ctx)
}

// Emitters returns the running emitters, in the order in which their factories
// were registered.
func (m *Monitor) Emitters() []Emitter {
	w := m.wiring.Load()
	if w == nil {
		return nil
	}
	emitters := make([]Emitter, len(w.outlets))
	for i, o := range w.outlets {
		emitters[i] = o.emitter
	}
	return emitters
}

// Stats tells how each of the running emitters is doing, in the order of
// Emitters.
func (m *Monitor) Stats() []EmitterStats {
	w := m.wiring.Load()
	if w == nil {
		return nil
	}
	return w.stats()
}
