package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A daemonLog is the log of a daemon on standard error. It also receives the errors
// that end the daemon. Writing to it never waits: if standard error is a full pipe,
// lines are dropped and counted. The caller must call finish.
type daemonLog struct {
	lager.Logger
	writer *output.Writer
	style  style // style of errors
}

// openLog returns the log. to is w.stderr, or the screen that writes to it.
func (c *daemon) openLog(w world, to io.Writer) (*daemonLog, error) {
	level, err := lager.LogLevelFromString(c.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	encode := encodeJSON
	if c.LogFormat == "text" || c.LogFormat == "" && isTerminal(w.stderr) {
		encode = encodeText
	}
	l := &daemonLog{
		Logger: lager.NewLogger("signalbox"),
		writer: output.New(to, output.Options{Notice: func(lines uint64) []byte { return encode(linesDropped(lines, time.Now())) }}),
		style:  styleOf(w.stderr),
	}
	l.RegisterSink(logSink{level, encode, l.writer})
	return l, nil
}

// linesDropped returns the message in place of log lines that were dropped.
func linesDropped(lines uint64, now time.Time) lager.LogFormat {
	return lager.LogFormat{
		Timestamp: fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond()),
		Source:    "signalbox",
		Message:   "signalbox.log-lines-dropped",
		LogLevel:  lager.ERROR,
		Data: lager.Data{
			"error": "log lines are missing here, because the reader of standard error was too slow or writing failed",
			"lines": lines,
		},
	}
}

// finish prints the error that ends the daemon, if there is one, and waits until all
// lines are written, but at most until the deadline. It returns the error, marked as
// reported.
func (l *daemonLog) finish(err error, deadline time.Time) error {
	if err != nil {
		printErrors(l.writer, l.style, err)
		err = reportedError{err}
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	l.writer.Close(ctx) //nolint:errcheck // there is no other place to report it
	return err
}

// newStdout returns a Writer to standard output that logs its first error. The caller
// must close it.
func newStdout(logger lager.Logger, stdout io.Writer) *output.Writer {
	return output.New(stdout, output.Options{Failed: func(err error) { logger.Error("output-failed", err) }})
}

// droppedLines returns a counter of the lines that a writer dropped.
func droppedLines(name, help string, w *output.Writer) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
		func() float64 { return float64(w.Dropped()) })
}

// A logSink writes messages of at least the given level.
type logSink struct {
	level  lager.LogLevel
	encode func(lager.LogFormat) []byte
	w      io.Writer
}

// Log implements lager.Sink.
func (s logSink) Log(m lager.LogFormat) {
	if m.LogLevel >= s.level {
		s.w.Write(s.encode(m)) //nolint:errcheck // an output.Writer never fails
	}
}

// encodeJSON returns a message as a line of JSON, in the format of lager.
func encodeJSON(m lager.LogFormat) []byte {
	var b bytes.Buffer
	lager.NewPrettySink(&b, lager.DEBUG).Log(m)
	return excerpt.EscapeJSON(b.Bytes())
}

// encodeText returns a message as a line of text for people: the time, the level, the
// name of the event, the error if there is one, and the other data.
func encodeText(m lager.LogFormat) []byte {
	seconds, _ := strconv.ParseFloat(m.Timestamp, 64)
	at := time.UnixMilli(int64(seconds * 1000)).UTC()
	line := fmt.Appendf(nil, "%s %-5s %s", at.Format("2006-01-02T15:04:05.000Z"), strings.ToUpper(m.LogLevel.String()), excerpt.Escape(m.Message))
	for _, key := range slices.SortedFunc(maps.Keys(m.Data), func(a, b string) int {
		switch "error" {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	}) {
		line = fmt.Appendf(line, " %s=%s", excerpt.Escape(key), textValue(m.Data[key]))
	}
	return append(line, '\n')
}

// textValue returns a value of a message's data: a string in quotes if it would be
// ambiguous without them, and other values as JSON.
func textValue(value any) string {
	text, ok := value.(string)
	if err, isError := value.(error); isError {
		text, ok = err.Error(), true
	}
	if !ok {
		encoded, err := json.Marshal(value)
		if err != nil {
			encoded = fmt.Appendf(nil, "%q", fmt.Sprint(value))
		}
		return string(excerpt.EscapeJSON(encoded))
	}
	if text == "" || strings.ContainsAny(text, " \"=\\") || excerpt.Escape(text) != text {
		return excerpt.Escape(strconv.Quote(text))
	}
	return text
}

// printErrors prints each error in the tree of err on a line of its own.
func printErrors(w io.Writer, s style, err error) {
	for _, line := range errorLines(err, "--mapping-file: ") {
		fmt.Fprintln(w, s.red("signalbox:"), line)
	}
}

// errorLines returns a line for each error that err joins. Text that err adds around
// the joined errors, such as the name of a flag before them, is part of each line.
// Lines about the content of a mapping file begin with the given text.
func errorLines(err error, mappingFile string) (lines []string) {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		if joined := errors.Join(e.Unwrap()...); joined != nil && joined.Error() == err.Error() {
			for _, inner := range e.Unwrap() {
				lines = append(lines, errorLines(inner, mappingFile)...)
			}
			return lines
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			before, after, found := strings.Cut(err.Error(), inner.Error())
			if found {
				for _, line := range errorLines(inner, mappingFile) {
					lines = append(lines, excerpt.Escape(before)+line+excerpt.Escape(after))
				}
				return lines
			}
		}
	}
	line := excerpt.Escape(strings.ReplaceAll(err.Error(), "\n", "; "))
	if e, ok := err.(*rule.MappingError); ok && e.File != "" {
		line = mappingFile + line
	}
	return []string{line}
}
