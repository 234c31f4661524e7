package main

import (
	"fmt"
	"io"
	"os"

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

	// goesOn reports whether the daemon goes on when the input ends, so that an input
	// without events is a mistake.
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

// readInput starts to read events from r, one a line. Lines that are no events go to
// the log, and so does a summary at the end. The caller must call Close. The status
// counts the lines.
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

	// Nothing can wake up a read of a terminal or of a silent pipe, so this goroutine
	// may have to end with the process. Once the pipe is closed what it reads goes
	// nowhere.
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

// Close stops reading. When it returns, the sink gets nothing more. It returns why the
// input could not be read to its end, unless Close itself is why.
func (in *input) Close() error {
	if in.pipe != nil {
		in.pipe.Close() //nolint:errcheck // it never fails
	}
	<-in.done
	return in.err
}
