package main

import (
	"bufio"
	"io"

	"code.cloudfoundry.org/lager/v3"
)

// A flushingReader flushes a writer before each read, because the read may block. While
// it does, the copy contains everything that was read before.
type flushingReader struct {
	io.Reader
	w *bufio.Writer
}

func (r flushingReader) Read(b []byte) (int, error) {
	r.w.Flush() //nolint:errcheck // a copier never fails
	return r.Reader.Read(b)
}

// A copier writes to w until a write fails. It logs that error and then discards all
// text, because the daemon must process events even if the reader of the copy has
// exited.
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
