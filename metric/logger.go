package metric

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// discard is the logger that replaces a nil one. It has no sinks.
var discard = lager.NewLogger("metric")

// orDiscard returns the logger, or one that discards everything if it is nil.
func orDiscard(logger lager.Logger) lager.Logger {
	if logger == nil {
		return discard
	}
	return logger
}

// SlogLogger returns a lager.Logger that logs to the given slog.Logger, for programs
// that use log/slog:
//
//	logger := metric.SlogLogger(slog.Default())
//
// The message consists of "metric", the names of the sessions and the lager action,
// joined by dots, such as "metric.emitter.queue-full". Lager's data become attributes,
// sorted by key. The session's ID has the key "session". An error has the key "error",
// and its value is the error itself. Lager's levels debug and info become those of
// slog; error and fatal become slog.LevelError, and a fatal line has the stack trace in
// the attribute "trace". The slog.Logger's handler decides which levels are enabled.
//
// If logger is nil, the returned logger discards everything. It is safe for concurrent
// use, except for its RegisterSink method.
func SlogLogger(logger *slog.Logger) lager.Logger {
	l := lager.NewLogger("metric")
	if logger != nil {
		l.RegisterSink(slogSink{logger.Handler()})
	}
	return l
}

// A slogSink writes lager's lines to a slog.Handler. Unlike lager's own sink
// (lager.NewSlogSink), it asks the handler whether the level is enabled, and passes
// errors on as error values.
type slogSink struct {
	handler slog.Handler
}

func (s slogSink) Log(line lager.LogFormat) {
	ctx, level := context.Background(), slogLevel(line.LogLevel)
	if !s.handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, line.Message, 0)
	for _, key := range slices.Sorted(maps.Keys(line.Data)) {
		value := line.Data[key]
		if key == "error" && line.Error != nil {
			value = line.Error // rather than its message
		}
		record.AddAttrs(slog.Any(key, value))
	}
	s.handler.Handle(ctx, record) //nolint:errcheck // as slog.Logger does
}

func slogLevel(level lager.LogLevel) slog.Level {
	switch level {
	case lager.DEBUG:
		return slog.LevelDebug
	case lager.ERROR, lager.FATAL:
		return slog.LevelError
	}
	return slog.LevelInfo
}
