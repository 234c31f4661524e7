package main

import (
	"errors"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
)

// copyPatience is how long events wait for a reader of standard output that has stopped
// reading. After that, lines are dropped until it continues.
const copyPatience = 5 * time.Second

// A passthrough copies lines of standard input to standard output. The daemon must
// process events even if the reader of the copy has exited or stopped reading. If the
// input is a regular file, no program waits for its events to be processed, so the copy
// waits for the reader without a limit.
type passthrough struct {
	*output.Copy
	writer *output.Writer
	shared bool // whether another part of the daemon closes the writer
}

func newPassthrough(logger lager.Logger, o inputOptions, isRegular bool) *passthrough {
	p := &passthrough{writer: o.shared, shared: o.shared != nil}
	if !p.shared {
		p.writer = newStdout(logger, o.stdout)
	}
	patience := copyPatience
	if isRegular {
		patience = 0
	}
	p.Copy = p.writer.NewCopy(patience, func() { logger.Error("passthrough-stalled", errStalled) })
	return p
}

var errStalled = errors.New("the reader of standard output has stopped reading: lines are dropped until it continues")

// own returns the writer if no other part of the daemon closes it, and otherwise nil.
func (p *passthrough) own() *output.Writer {
	if p == nil || p.shared {
		return nil
	}
	return p.writer
}
