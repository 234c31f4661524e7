package metric

import (
	"context"
	"errors"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// ErrFailedToEmit is wrapped by every error that this module logs because an event was
// rejected or could not be delivered. ErrorSink ignores such errors, since an event
// about each of them could fail in turn.
var ErrFailedToEmit = errors.New("failed to emit")

// An Event describes something that happened in a CI system. It has a numeric value.
type Event struct {
	// Name is the kind of event, such as "build finished" or "worker containers". The
	// command `signalbox catalog` lists the known names.
	Name string

	// Value is a duration, a count or another number, depending on Name. 0 is an
	// ordinary value.
	Value float64

	// Attributes describe the build, worker or request. Nil is the same as empty. The
	// caller of Emit must not change the map until Emit returns. An emitter must
	// neither change the map nor keep it after its Emit returns.
	Attributes map[string]string

	// Host is the host of the scheduler that emitted the event. Empty means the host
	// that the Monitor was initialized with.
	Host string

	// Time is when the event happened. The zero Time means now.
	Time time.Time
}

// An Emitter sends events to a destination, such as a metrics page, a database or a
// log.
//
// Unless the emitter is a ConcurrentEmitter, the Monitor puts its events into a bounded
// queue and calls Emit from one goroutine. If Emit panics, the Monitor logs the panic
// and continues with the next event. If the emitter implements ContextCloser or
// io.Closer, Monitor.Close closes it after its last event.
type Emitter interface {
	// Emit takes one event. If it cannot deliver the event, it logs an error that wraps
	// ErrFailedToEmit. When a Monitor calls Emit, the logger is not nil, and the event
	// has a Host if the Monitor was initialized with one, and a Time unless the emitter
	// is a TypedEmitter.
	Emit(lager.Logger, Event)
}

// A ConcurrentEmitter is an Emitter that is safe for concurrent use, never blocks and
// never panics. The Monitor calls it without a queue, in the goroutine that emits the
// event.
//
// Events that are emitted while the Monitor closes may reach the emitter during its
// Close or afterwards. An error that the emitter logs in Emit may come back to it as an
// "error log" event in the same goroutine, so the emitter must not log while it holds a
// lock that Emit acquires.
type ConcurrentEmitter interface {
	Emitter

	// EmitsConcurrently marks the emitter. It is never called.
	EmitsConcurrently()
}

// A ContextCloser is an Emitter that may take some time to close.
type ContextCloser interface {
	// CloseContext delivers what the emitter still holds and releases its resources.
	// When the context is done, it must abandon the rest and return.
	CloseContext(context.Context) error
}

// An EventType describes events that share a name and a list of attributes. Each event
// passes the values of its attributes in the order of Attributes. If two attributes
// have the same name, the last one is used.
type EventType struct {
	Name       string
	Attributes []string
}

// A TypedEmitter is a ConcurrentEmitter that resolves an EventType once and then takes
// the events of that type as bare attribute values. This saves typed calls a map and
// lookups by name.
type TypedEmitter interface {
	ConcurrentEmitter

	// Prepare resolves an event type. The Monitor calls it in Initialize for the types
	// of this package, and at the first event for types passed to Monitor.Prepare. The
	// latter may happen in several goroutines at the same time, for different types.
	// The attributes are the type's own followed by the node's; Prepare must not change
	// them. If Prepare returns nil, the emitter receives no events of that type from
	// typed calls or from a Prepared, not even through Emit.
	Prepare(EventType) TypedEvent
}

// A TypedEvent takes the events of one EventType. Like a ConcurrentEmitter, it is safe
// for concurrent use, never blocks and never panics.
type TypedEvent interface {
	// EmitValues takes one event. values[i] is the value of the type's Attributes[i].
	// EmitValues must not keep the slice. The logger is as in Emitter.
	EmitValues(logger lager.Logger, value float64, values []string)
}

// A BindableEvent is a TypedEvent that can resolve the values of attributes in advance.
type BindableEvent interface {
	TypedEvent

	// Bind returns a BoundEvent for events with the values, in the order of the type's
	// Attributes. It does not keep the slice. It is safe for concurrent use.
	Bind(values []string) BoundEvent
}

// A BoundEvent takes the events of one EventType that have the same values. Like a
// ConcurrentEmitter, it is safe for concurrent use, never blocks and never panics.
type BoundEvent interface {
	// Emit takes one event, as TypedEvent.EmitValues does.
	Emit(logger lager.Logger, value float64)
}

// An EmitterFactory creates an Emitter from its configuration. WireEmitters uses it as
// a group of go-flags, so it must be a pointer to a struct; exported fields with flag
// tags become flags of the program.
type EmitterFactory interface {
	// Description names the emitter in help texts, logs and metrics.
	Description() string

	// IsConfigured reports whether the configuration is sufficient to start the
	// emitter.
	IsConfigured() bool

	// NewEmitter starts the emitter. The attributes are the node's. The Monitor also
	// adds them to every event, except those that the event has itself. If there is
	// nothing to start, NewEmitter returns nil for both the Emitter and the error.
	NewEmitter(attributes map[string]string) (Emitter, error)
}

// An AttachableEmitter is an Emitter that needs a logger or the statistics of its
// Monitor.
type AttachableEmitter interface {
	Emitter

	// Attach gives the emitter a logger, for messages that do not concern a particular
	// event, and a function that returns the statistics of all emitters of the Monitor,
	// including this one. The function is safe for concurrent use. Monitor.Initialize
	// calls Attach once, before the first event.
	Attach(logger lager.Logger, stats func() []EmitterStats)
}

// EmitterStats are the statistics of a running emitter.
type EmitterStats struct {
	// Emitter is the description of the emitter's factory.
	Emitter string

	// QueueLength is the number of events waiting for the emitter, and QueueCapacity
	// the maximum. Both are 0 for a ConcurrentEmitter, which has no queue.
	QueueLength, QueueCapacity int

	// Dropped is the number of events since Initialize that were lost because the queue
	// was full or the emitter panicked.
	Dropped uint64
}
