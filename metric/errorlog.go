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
	Message string // with lager: component, sessions and action, joined by dots
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
// To avoid endless loops, it ignores errors that are caused by its own events: those
// that wrap ErrFailedToEmit, and those that a goroutine logs while it emits an "error
// log" event. Errors that an emitter logs during other events are counted like all
// others. So are errors that an emitter logs from a goroutine of its own; they should
// wrap ErrFailedToEmit, because otherwise each causes an event that may fail again.
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

// failedToEmit reports whether the line's error wraps ErrFailedToEmit. Some code passes
// a nil error and has the error in the data.
func failedToEmit(line lager.LogFormat) bool {
	err := line.Error
	if err == nil {
		err, _ = line.Data["error"].(error)
	}
	return errors.Is(err, ErrFailedToEmit)
}

// emittingErrorLog calls emit, which emits an "error log" event. Its only purpose is to
// be on the stack, where isEmittingErrorLog looks for it. It is not inlined, so that
// this does not depend on how inlined calls are traced.
//
//go:noinline
func emittingErrorLog(emit func()) { emit() }

var emittingErrorLogName = runtime.FuncForPC(reflect.ValueOf(emittingErrorLog).Pointer()).Name()

// isEmittingErrorLog reports whether the calling goroutine is emitting an "error log"
// event.
//
// It inspects the stack, because goroutines have neither identities nor variables, the
// emitter and the logger in between pass nothing on, and a flag shared by goroutines
// would suppress the errors of others. This costs about as much as logging the line,
// and errors are rare.
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
