package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
)

// inputOptions configure how standard input is read.
type inputOptions struct {
	limits source.Limits

	// lager means that the input is a log of Concourse, not just events. If stdout is
	// not nil, the lines of the log that are not events are copied to it. If shared is
	// not nil, it is a Writer to the same terminal, which is used instead.
	lager  bool
	stdout io.Writer
	shared *output.Writer

	// screen, if not nil, shows progress.
	screen *screen

	// keepsRunning means that the daemon continues when the input ends. In that case,
	// an input without events is probably a mistake.
	keepsRunning bool
}

// An input reads events from standard input and passes them to a sink.
type input struct {
	pipe *io.PipeReader
	done chan struct{} // closed when the last event has been emitted
	err  error         // error that ended reading early; valid after done is closed
	copy *passthrough  // or nil
}

// noInput returns an input that has ended.
func noInput() *input {
	done := make(chan struct{})
	close(done)
	return &input{done: done}
}

// readInput starts reading events from r, one per line. It logs rejected lines, and a
// summary at the end. It counts lines in the status. The caller must call Close.
func readInput(logger lager.Logger, r io.Reader, o inputOptions, s source.Sink, ids events.IDs, status *inputStatus) *input {
	_, isRegular := regularFile(r)
	status.regularFile.Store(isRegular)
	reader, writer := io.Pipe()
	in := &input{pipe: reader, done: make(chan struct{})}
	decoding := &decoding{
		logger:     logger,
		rejections: source.NewRejections(logger, source.PrivateBurst),
		tally:      events.Tally{Sink: s, IDs: ids},
		decoder:    events.NewDecoder(o.limits),
		options:    o,
		status:     status,
	}
	if o.stdout != nil {
		in.copy = newPassthrough(logger, o, isRegular)
		status.copied.Store(in.copy.writer)
		decoding.copy = in.copy
	}
	if o.screen != nil {
		decoding.progress = showProgress(o.screen, r)
		r = decoding.progress.count(r)
	}

	// Nothing can interrupt reading from a terminal or a silent pipe, so this goroutine
	// may run until the process ends. After Close, it discards what it reads.
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) //nolint:errcheck // CloseWithError never fails
	}()
	go func() {
		defer close(in.done)
		if err := decoding.run(reader); err != nil {
			in.err = fmt.Errorf("reading standard input: %w", err)
		}
	}()
	return in
}

// regularFile returns r as a file, and reports whether it is a regular file.
func regularFile(r io.Reader) (*os.File, bool) {
	file, ok := r.(*os.File)
	if !ok {
		return nil, false
	}
	info, err := file.Stat()
	return file, err == nil && info.Mode().IsRegular()
}

// Done returns a channel that is closed when the last event of the input has been
// emitted.
func (in *input) Done() <-chan struct{} { return in.done }

// Close stops reading. After it returns, the sink receives no more events. It returns
// the error that ended reading early, or nil if Close itself ended it. If standard
// output is not being read, lines that have not been copied when the context ends are
// dropped.
func (in *input) Close(ctx context.Context) error {
	if in.pipe != nil {
		in.pipe.Close() //nolint:errcheck // Close never fails
	}
	if in.copy != nil {
		stop := context.AfterFunc(ctx, in.copy.StopWaiting)
		defer stop()
	}
	<-in.done
	return in.err
}
