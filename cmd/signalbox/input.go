package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
)

// inputOptions say how standard input is read.
type inputOptions struct {
	limits source.Limits

	// lager is for a log of Concourse's rather than for events. rest, if not nil,
	// gets the lines of it that are no events.
	lager bool
	rest  io.Writer

	// screen, if not nil, shows progress.
	screen *screen

	// goesOn tells that the daemon stays when the input ends, so that one without
	// events is a mistake.
	goesOn bool
}

// An input is the events of standard input on their way to the sink.
type input struct {
	pipe *io.PipeReader
	done chan struct{} // closed when the last event has been emitted
	err  error         // why it could not be read to its end; after done
}

// noInput returns an input that is at its end.
func noInput() *input {
	done := make(chan struct{})
	close(done)

	return &input{done: done}
}

// readInput starts to read events from r, one a line. Lines that are no events
// go to the log, and so does a summary at the end. Whoever calls it must call
// Close. The status says how far it is.
func readInput(logger lager.Logger, r io.Reader, o inputOptions, s source.Sink, status *inputStatus) *input {
	_, isRegular := regularFile(r)
	status.regularFile.Store(isRegular)
	reader, writer := io.Pipe()
	in := &input{pipe: reader, done: make(chan struct{})}
	decoding := &decoding{
		logger:     logger,
		rejections: source.NewRejections(logger),
		tally:      events.Tally{Sink: s},
		decoder:    events.NewDecoder(o.limits),
		options:    o,
		status:     status,
	}
	if o.screen != nil {
		decoding.progress = showProgress(o.screen, r)
		r = decoding.progress.count(r)
	}

	// Nothing can wake up a read of a terminal or of a silent pipe, so this
	// goroutine may have to end with the process. Once the pipe is closed what
	// it reads goes nowhere.
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) //nolint:errcheck // it never fails
	}()
	go func() {
		defer close(in.done)
		if err := decoding.run(reader); err != nil {
			in.err = fmt.Errorf("reading standard input, %w", err)
		}
	}()

	return in
}

// regularFile returns the regular file that r is. It reports whether r is one.
func regularFile(r io.Reader) (*os.File, bool) {
	file, ok := r.(*os.File)
	if !ok {
		return nil, false
	}
	info, err := file.Stat()
	return file, err == nil && info.Mode().IsRegular()
}

// Done is closed when the input has ended and its last event was emitted.
func (in *input) Done() <-chan struct{} { return in.done }

// Close stops reading. When it returns, the sink gets nothing more. It returns
// why the input could not be read to its end, unless Close itself is why.
func (in *input) Close() error {
	if in.pipe != nil {
		in.pipe.Close() //nolint:errcheck // it never fails
	}
	<-in.done

	return in.err
}

// A decoding turns an input into events.
type decoding struct {
	logger     lager.Logger
	rejections *source.Rejections
	tally      events.Tally
	decoder    *events.Decoder
	options    inputOptions
	status     *inputStatus
	progress   *progress // or nil

	firstSkipped time.Time // when the first line of a log was skipped
	warned       bool      // that there are no events
}

// run decodes all of r.
func (d *decoding) run(r io.Reader) error {
	summary := lager.Data{}
	var err error
	if d.options.lager {
		err = d.readLog(r, d.options.rest)
		summary["skipped"] = d.status.skipped.Load()
	} else {
		err = d.decoder.Decode(r, source.Lines, d.accept, d.reject)
	}
	d.progress.Close()

	summary["accepted"], summary["unknown"], summary["rejected"] = d.tally.Accepted, d.tally.Unknown, d.tally.Rejected
	switch {
	case err == nil && d.options.goesOn && d.tally.Accepted == 0:
		d.logger.Error("ended", d.noEvents(), summary)
	case err == nil:
		d.logger.Info("ended", summary)
	case errors.Is(err, io.ErrClosedPipe):
		d.logger.Info("interrupted", summary)
		err = nil
	default:
		d.logger.Error("failed", err, summary)
		err = fmt.Errorf("line %d: %w", d.decoder.Line(), err)
	}
	d.status.end.Store(&inputEnd{at: time.Now(), err: err})

	return err
}

// readLog decodes a log, and copies to rest, if there is one, what is no event.
func (d *decoding) readLog(r io.Reader, rest io.Writer) error {
	if rest == nil {
		return d.decoder.DecodeLager(r, nil, d.accept, d.reject, d.skip)
	}

	copied := &copier{logger: d.logger, w: rest}
	buffered := bufio.NewWriterSize(copied, 64<<10)
	err := d.decoder.DecodeLager(flushingReader{r, buffered}, buffered, d.accept, d.reject, d.skip)
	buffered.Flush() //nolint:errcheck // a copier never fails

	return err
}

func (d *decoding) accept(event *events.Event) {
	unknown := d.tally.Unknown
	d.tally.Accept(event)
	if d.tally.Unknown > unknown {
		d.status.unknown.Add(1)
	} else {
		d.status.known.Add(1)
	}
	if d.progress != nil {
		d.progress.accepted.Add(1)
	}
}

func (d *decoding) reject(line int, err error) {
	d.tally.Reject(err)
	d.status.rejected.Add(1)
	d.rejections.Log("rejected-line", err, lager.Data{"line": line})
	if d.progress != nil {
		d.progress.rejected.Add(1)
	}
}

// A log without events looks like a mistake once it has this many lines, or when one
// comes this long after the first: a node that emits to it does so before the tenth
// line, and within seconds.
const (
	manyLines = 1000
	longTime  = time.Minute
)

// skip counts a line of a log that is no event. It says once that there is no other.
func (d *decoding) skip() {
	skipped := d.status.skipped.Add(1)
	if d.warned || d.tally.Accepted > 0 {
		return
	}
	now := time.Now()
	if skipped == 1 {
		d.firstSkipped = now
	}
	if skipped >= manyLines || now.Sub(d.firstSkipped) >= longTime {
		d.warned = true
		d.logger.Error("no-events", d.noEvents(), lager.Data{"skipped": skipped})
	}
}

// noEvents says what may be wrong with an input that has had no events.
func (d *decoding) noEvents() error {
	switch {
	case d.status.skipped.Load()+d.status.rejected.Load() == 0:
		return errNoLines
	case d.options.lager:
		return errNoLogEvents
	}

	return errNoEvents
}

var (
	errNoLines     = errors.New("there was no line: look at what should write to standard input")
	errNoEvents    = errors.New("no line is an event")
	errNoLogEvents = errors.New("no line is an event: run the Concourse web node with CONCOURSE_EMIT_TO_LOGS=true and " +
		"CONCOURSE_LOG_LEVEL=debug, and see that lines are as it writes them, with nothing put before them")
)

// A flushingReader flushes a writer before it waits for more, so that what is copied
// is never behind by more than what is being read.
type flushingReader struct {
	io.Reader
	w *bufio.Writer
}

func (r flushingReader) Read(b []byte) (int, error) {
	r.w.Flush() //nolint:errcheck // a copier never fails

	return r.Reader.Read(b)
}

// A copier writes to w until that fails, which it logs. From then on it drops what it
// gets: whoever reads the copy may go away, and events go on.
type copier struct {
	logger lager.Logger
	w      io.Writer
	failed bool
}

func (c *copier) Write(text []byte) (int, error) {
	if !c.failed {
		if _, err := c.w.Write(text); err != nil {
			c.failed = true
			c.logger.Error("passthrough-failed", err)
		}
	}

	return len(text), nil
}
