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

// An Event is something that happened in a CI system, expressed as a number.
type Event struct {
	// Name is the kind of event, such as "build finished" or "worker containers". The
	// command `signalbox catalog` lists the known names with their meanings and the
	// units of their values.
	Name string

	// Value is the number that the event carries. 0 is a value like any other.
	Value float64

	// Attributes describe the build, worker or request. Nil is the same as empty.
	// The caller of Emit must not change the map until Emit returns. An emitter must
	// not change the map, nor keep it after its Emit returns.
	Attributes map[string]string

	// Host is the scheduler that emitted the event. Empty means the host that the
	// Monitor was initialized with.
	Host string

	// Time is when the event happened. The zero Time means now.
	Time time.Time
}

// An Emitter sends events to a destination, such as a metrics page, a database or a
// log.
//
// Unless it is a ConcurrentEmitter, the Monitor puts its events into a bounded queue
// and calls Emit from one goroutine. If Emit panics, the Monitor logs the panic and
// continues with the next event. If the emitter implements ContextCloser or io.Closer,
// Monitor.Close closes it after its last event.
type Emitter interface {
	// Emit takes one event. It logs problems to the logger, with errors that wrap
	// ErrFailedToEmit. The Monitor never passes a nil logger. The event has a Host if
	// the Monitor was initialized with one, and a Time unless the emitter is a
	// TypedEmitter.
	Emit(lager.Logger, Event)
}

// A ConcurrentEmitter is an Emitter that is safe for concurrent use, never blocks and
// never panics. The Monitor calls it without a queue, in the goroutine that emits the
// event.
//
// Events that are emitted while the Monitor closes may reach the emitter during its
// Close or afterwards. An error that it logs in Emit may come back to it as an "error
// log" event in the same goroutine, so it must not log while it holds a lock that Emit
// acquires.
type ConcurrentEmitter interface {
	Emitter

	// EmitsConcurrently marks the emitter. It is never called.
	EmitsConcurrently()
}

// A ContextCloser is an Emitter that may take some time to close. When the context is
// done, CloseContext must abandon what remains and return.
type ContextCloser interface {
	CloseContext(context.Context) error
}

// An EventType describes events that share a name and a list of attributes. Their
// values are passed in the order of Attributes. If two attributes have the same name,
// the last one counts.
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
	// of this package, and at the first event for types passed to Monitor.Prepare; the
	// latter may happen in several goroutines at once, for different types. The
	// attributes are the type's own followed by the node's; Prepare must not change
	// them. If it returns nil, the emitter does not receive the events of that type
	// that are emitted by typed calls or a Prepared, not even through Emit.
	Prepare(EventType) TypedEvent
}

// A TypedEvent takes the events of one EventType. Like a ConcurrentEmitter, it is safe
// for concurrent use, never blocks and never panics.
type TypedEvent interface {
	// EmitValues takes one event. values[i] is the value of the type's Attributes[i].
	// EmitValues must not keep the slice. The logger is as in Emitter.
	EmitValues(logger lager.Logger, value float64, values []string)
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

	// NewEmitter starts the emitter. The attributes are the node's; they are also
	// part of every event, unless it has an attribute of the same name. If both the
	// Emitter and the error are nil, there is nothing to start.
	NewEmitter(attributes map[string]string) (Emitter, error)
}

// An AttachableEmitter is an Emitter that needs a logger or the statistics of its
// Monitor.
type AttachableEmitter interface {
	Emitter

	// Attach is called once by Monitor.Initialize, before the first event. The logger
	// is for messages that do not concern a particular event. stats returns the
	// statistics of all emitters of the Monitor, this one included; it is safe for
	// concurrent use.
	Attach(logger lager.Logger, stats func() []EmitterStats)
}

// EmitterStats are the statistics of a running emitter.
type EmitterStats struct {
	// Emitter is the description of the emitter's factory.
	Emitter string

	// QueueLength is the number of events waiting for the emitter, and QueueCapacity
	// the maximum. Both are 0 for a ConcurrentEmitter, which has no queue.
	QueueLength, QueueCapacity int

	// Dropped is the number of events that were lost because the queue was full or
	// the emitter panicked, since Initialize.
	Dropped uint64
}
