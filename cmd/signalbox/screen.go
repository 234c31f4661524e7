package main

import (
	"io"
	"sync/atomic"
)

// eraseLine erases the line of the cursor and moves the cursor to its start.
const eraseLine = "\r\x1b[K"

// A screen is a terminal with a status in its last line, below all other output. Only
// one goroutine may write to it: that of an output.Writer. The method show is safe for
// concurrent use, and never waits for the terminal.
type screen struct {
	terminal io.Writer
	columns  func() int
	redraw   func() // makes the writing goroutine call Write

	status  atomic.Pointer[string] // nil or empty means none
	shown   bool                   // whether a status is on the terminal now
	midLine bool                   // whether the last output did not end with a newline
}

// Write writes to the terminal, above the status. An empty text only updates the
// status.
func (s *screen) Write(text []byte) (n int, err error) {
	s.erase()
	if len(text) > 0 {
		n, err = s.terminal.Write(text)
	}
	if n > 0 {
		s.midLine = text[n-1] != '\n'
	}
	s.draw()
	return n, err
}

// show replaces the status. The empty string removes it.
func (s *screen) show(status string) {
	s.status.Store(&status)
	s.redraw()
}

func (s *screen) erase() {
	if s.shown {
		io.WriteString(s.terminal, eraseLine) //nolint:errcheck // there is no other place to report it
		s.shown = false
	}
}

// draw shows the status, cut to the width of the terminal, because erase could not
// erase a wrapped line.
func (s *screen) draw() {
	status := s.status.Load()
	if status == nil || *status == "" || s.midLine {
		return
	}
	text := *status
	if room := s.columns() - 1; len(text) > room {
		text = text[:max(0, room)]
	}
	io.WriteString(s.terminal, text) //nolint:errcheck // there is no other place to report it
	s.shown = true
}
