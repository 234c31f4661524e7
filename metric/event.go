package metric

import (
	"context"
	"errors"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// ErrFailedToEmit is the cause of every error that this module logs because an
// event could not be delivered or was refused. ErrorSink ignores such errors:
// turned into events of their own they would loop.
var ErrFailedToEmit = errors.New("failed to emit")

// An Event is one thing that happened in a CI system, told as a number.
type Event struct {
	// Name says what happened: "build finished", "worker containers". What a
	// name means, and the unit of its Value, is listed by `signalbox catalog`.
	Name string

	// Value is the number that the event carries. Its zero is a value.
	Value float64

	// Attributes tell which build, worker or request it was. Nil is the same
	// as none. Whoever hands an event to Emit must not change the map until
	// Emit has returned; an emitter must not keep or change it after that.
	Attributes map[string]string

	// Host is the scheduler that emitted the event. Empty means the host
	// that the Monitor was initialised with.
	Host string

	// Time is when it happened. Its zero means now.
	Time time.Time
}

// An Emitter sends events somewhere: to a metrics page, a database, a log.
//
// The Monitor calls Emit from one goroutine at a time, behind a bounded queue,
// unless the emitter is a ConcurrentEmitter. An Emitter that is also a
// ContextCloser or an io.Closer is closed by Monitor.Close, after its last event.
type Emitter interface {
	// Emit takes one event. Problems go to the logger, with an error that
	// wraps ErrFailedToEmit. The event has a Host if the Monitor was given
	// one, and a Time unless the emitter is a TypedEmitter.
	Emit(lager.Logger, Event)
}

// A ConcurrentEmitter is safe for concurrent use, never blocks and never
// panics. The Monitor calls it in the goroutine that emits the event: without
// a queue there is nothing to overflow. An event that is under way when the Monitor
// closes may reach it while it closes, or after. What it logs in Emit may come back
// to it as an "error log" event, in the same goroutine: it must not log with a lock
// held that Emit takes.
type ConcurrentEmitter interface {
	Emitter

	// EmitsConcurrently marks the emitter; it is never called.
	EmitsConcurrently()
}

// A ContextCloser is an emitter that can take some time to close. The context says
// how much; what is not done by then is given up.
type ContextCloser interface {
	CloseContext(context.Context) error
}

// An EventType is the fixed shape of events: their name, and the names of the
// attributes in the order in which their values come. Of two attributes of the same
// name the last counts.
type EventType struct {
	Name       string
	Attributes []string
}

// A TypedEmitter is a ConcurrentEmitter that can resolve an EventType once and
// from then on take the events of that type as bare attribute values. It
// spares a typed call both the map and the lookups by name.
type TypedEmitter interface {
	ConcurrentEmitter

	// Prepare resolves an event type: those of this package when the Monitor is
	// initialised, and those that Monitor.Prepare was asked for when the first of
	// their events comes, from whichever goroutine that comes, and from several
	// at once for different types. The attributes are the type's own and then the
	// node's; it must not change them. Nil means that the emitter wants no such
	// events: they do not come through Emit either.
	Prepare(EventType) TypedEvent
}

// A TypedEvent takes the events of one EventType, with the promises of a
// ConcurrentEmitter.
type TypedEvent interface {
	// EmitValues takes one event: values[i] is the value of the type's
	// Attributes[i]. It must not keep the slice.
	EmitValues(logger lager.Logger, value float64, values []string)
}

// An EmitterFactory makes an emitter from its configuration. It is a go-flags
// group: the exported fields with flag tags become flags of the program.
type EmitterFactory interface {
	// Description names the emitter in help texts, logs and metrics.
	Description() string

	// IsConfigured tells whether enough was configured to start the emitter.
	IsConfigured() bool

	// NewEmitter starts the emitter. The attributes are the node's own; every
	// event carries them too, unless it has an attribute of the same name.
	// A nil Emitter with a nil error means that there is nothing to start.
	NewEmitter(attributes map[string]string) (Emitter, error)
}

// An AttachableEmitter wants to know the Monitor that feeds it.
type AttachableEmitter interface {
	Emitter

	// Attach is called once, by Monitor.Initialize, before the first event.
	// The logger is for whatever the emitter does besides taking events.
	// stats tells how the Monitor's emitters are doing, the caller's own
	// among them; it is safe for concurrent use.
	Attach(logger lager.Logger, stats func() []EmitterStats)
}

// EmitterStats tells how one configured emitter is doing.
type EmitterStats struct {
	// Emitter is the description of the factory that made it.
	Emitter string

	// QueueLength is how many events wait for the emitter now, QueueCapacity
	// how many can. Both are 0 for a ConcurrentEmitter, which has no queue.
	QueueLength, QueueCapacity int

	// Dropped counts the events that found the queue full, and those at which
	// the emitter panicked.
	Dropped uint64
}
