package metric

import (
	"errors"
	"reflect"
	"runtime"

	"code.cloudfoundry.org/lager/v3"
)

const errorLogName = "error log"

var errorLog = define(errorLogName, "message")

// An ErrorLog event reports that an error was logged. Its value is 1. ErrorSink emits
// it; programs that do not log through lager can emit it themselves.
type ErrorLog struct {
	Message string // for lager: the component, sessions and action, joined by dots
}

// Emit emits the event to Metrics.
func (e ErrorLog) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e ErrorLog) EmitTo(logger lager.Logger, m *Monitor) {
	emittingErrorLog(func() { m.emit(logger, errorLog, 1, e.Message) })
}

// An ErrorSink is a lager.Sink that emits an ErrorLog event for every line at level
// error. It is safe for concurrent use.
//
// To avoid endless loops, an ErrorSink ignores errors that its own events cause: those
// that wrap ErrFailedToEmit, and those that a goroutine logs while it emits an "error
// log" event. It does emit events for the errors that an emitter logs while it handles
// other events, and for those that an emitter logs from its own goroutines. The latter
// should wrap ErrFailedToEmit; otherwise, each of them causes an event that may fail
// again.
type ErrorSink struct {
	logger  lager.Logger
	monitor *Monitor
}

// NewErrorSinkCollector returns an ErrorSink that emits to Metrics. Emitters receive
// the logger along with the events. It may be the logger with which the sink is
// registered, or nil.
func NewErrorSinkCollector(logger lager.Logger) *ErrorSink {
	return NewErrorSink(logger, Metrics)
}

// NewErrorSink is like NewErrorSinkCollector but emits to the given Monitor.
func NewErrorSink(logger lager.Logger, monitor *Monitor) *ErrorSink {
	return &ErrorSink{logger: logger, monitor: monitor}
}

// Log emits an event if the line is at level error. It implements lager.Sink.
func (s *ErrorSink) Log(line lager.LogFormat) {
	if line.LogLevel != lager.ERROR {
		return
	}
	if failedToEmit(line) || isEmittingErrorLog() {
		return
	}
	ErrorLog{Message: line.Message}.EmitTo(s.logger, s.monitor)
}

// failedToEmit reports whether the line's error wraps ErrFailedToEmit. Some code logs a
// nil error and puts the actual error into the data.
func failedToEmit(line lager.LogFormat) bool {
	err := line.Error
	if err == nil {
		err, _ = line.Data["error"].(error)
	}
	return errors.Is(err, ErrFailedToEmit)
}

// emittingErrorLog calls emit, which emits an "error log" event. Its only purpose is to
// be on the stack, where isEmittingErrorLog looks for it. It must not be inlined, so
// that this does not depend on how stack traces show inlined calls.
//
//go:noinline
func emittingErrorLog(emit func()) { emit() }

var emittingErrorLogName = runtime.FuncForPC(reflect.ValueOf(emittingErrorLog).Pointer()).Name()

// isEmittingErrorLog reports whether the calling goroutine is emitting an "error log"
// event.
//
// It inspects the stack because Go has no goroutine-local variables, because emitters
// and loggers do not pass a context to the sink, and because a flag shared by all
// goroutines would also suppress errors that other goroutines log. Inspecting the stack
// takes about as long as logging the line, and errors are rare.
func isEmittingErrorLog() bool {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		frames := runtime.CallersFrames(pcs[:n])
		for more := n > 0; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if frame.Function == emittingErrorLogName {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
