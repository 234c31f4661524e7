package metric

import (
	"errors"
	"reflect"
	"runtime"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"
)

const errorLogName = "error log"

var errorLog = define(errorLogName, "message")

// ErrorLog tells that an error was logged. The event's value is 1. ErrorSink
// emits it.
type ErrorLog struct {
	Message string // the whole of it: component, sessions and action, joined with dots
}

// Emit emits the event to Metrics.
func (e ErrorLog) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e ErrorLog) EmitTo(logger lager.Logger, m *Monitor) {
	emittingErrorLog(func() { m.emit(logger, errorLog, 1, e.Message) })
}

// An ErrorSink is a lager sink that turns every line at level error into an
// "error log" event. It is safe for concurrent use.
//
// An error that the events themselves cause makes no event, or it would go
// round in circles. That is an error that wraps ErrFailedToEmit, and any error
// that is logged while an "error log" event is being emitted, by the emitting
// goroutine. An emitter that logs errors while it emits other events is
// counted like anybody else. So is one that logs from a goroutine of its own; its
// errors should wrap ErrFailedToEmit, or each will make an event that may fail again.
type ErrorSink struct {
	logger     lager.Logger
	monitor    *Monitor
	suppressed atomic.Uint64
}

// NewErrorSinkCollector returns an ErrorSink that emits to Metrics. The logger
// goes to the emitters with the events; it may be the one whose sink this is.
func NewErrorSinkCollector(logger lager.Logger) *ErrorSink {
	return NewErrorSink(logger, Metrics)
}

// NewErrorSink is NewErrorSinkCollector for any Monitor.
func NewErrorSink(logger lager.Logger, monitor *Monitor) *ErrorSink {
	return &ErrorSink{logger: logger, monitor: monitor}
}

// Log emits an event for a line at level error.
func (s *ErrorSink) Log(line lager.LogFormat) {
	if line.LogLevel != lager.ERROR {
		return
	}
	if failedToEmit(line) || isEmittingErrorLog() {
		s.suppressed.Add(1)
		return
	}
	ErrorLog{Message: line.Message}.EmitTo(s.logger, s.monitor)
}

// Suppressed returns how many errors made no event since they came from
// emitting events.
func (s *ErrorSink) Suppressed() uint64 { return s.suppressed.Load() }

// failedToEmit looks for the error in the data, too: some code logs it there
// and passes a nil error.
func failedToEmit(line lager.LogFormat) bool {
	err := line.Error
	if err == nil {
		err, _ = line.Data["error"].(error)
	}
	return errors.Is(err, ErrFailedToEmit)
}

// emittingErrorLog runs the emission of an "error log" event. It does nothing
// but be on the stack, where isEmittingErrorLog looks for it. That it is not
// inlined saves relying on the traces of inlined calls.
//
//go:noinline
func emittingErrorLog(emit func()) { emit() }

var emittingErrorLogName = runtime.FuncForPC(reflect.ValueOf(emittingErrorLog).Pointer()).Name()

// isEmittingErrorLog tells whether the calling goroutine is emitting an "error
// log" event.
//
// It reads the stack. Go gives a goroutine no identity and no variables, the
// call passes through an emitter and a logger that hand nothing on, and a flag
// that goroutines share would swallow the errors of the others. Reading some
// dozens of frames costs about what logging the line did, and errors are rare.
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
