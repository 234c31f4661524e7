package main

import (
	"bufio"
	"io"

	"code.cloudfoundry.org/lager/v3"
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
// gets: the reader of the copy may end, but events must go on.
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
