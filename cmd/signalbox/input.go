package main

import (
	"errors"
	"fmt"
	"io"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/intake"
)

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
// Close.
func readInput(logger lager.Logger, r io.Reader, limits intake.Limits, s intake.Sink) *input {
	reader, writer := io.Pipe()
	in := &input{pipe: reader, done: make(chan struct{})}

	// Nothing can wake up a read of a terminal or of a silent pipe, so this
	// goroutine may have to end with the process. Once the pipe is closed what
	// it reads goes nowhere.
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) //nolint:errcheck // it never fails
	}()
	go func() {
		defer close(in.done)
		in.err = decodeInput(logger, reader, limits, s)
	}()

	return in
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

func decodeInput(logger lager.Logger, r io.Reader, limits intake.Limits, s intake.Sink) error {
	rejections := intake.NewRejections(logger)
	tally := intake.Tally{Sink: s}
	decoder := intake.NewDecoder(limits)

	err := decoder.Decode(r, intake.Lines, tally.Accept, func(line int, err error) {
		tally.Reject(err)
		rejections.Log("rejected-line", err, lager.Data{"line": line})
	})

	summary := lager.Data{"accepted": tally.Accepted, "unknown": tally.Unknown, "rejected": tally.Rejected}
	switch {
	case err == nil:
		logger.Info("ended", summary)
	case errors.Is(err, io.ErrClosedPipe):
		logger.Info("interrupted", summary)
		err = nil
	default:
		logger.Error("failed", err, summary)
		err = fmt.Errorf("reading standard input, line %d: %w", decoder.Line(), err)
	}

	return err
}
