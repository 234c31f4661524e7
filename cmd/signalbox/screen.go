package main

import (
	"io"
	"sync"
)

// eraseLine erases the line that the cursor is in, and goes to its start.
const eraseLine = "\r\x1b[K"

// A screen is a terminal that has a status in its last line, below all that is
// written. The methods are safe for concurrent use.
type screen struct {
	terminal io.Writer
	columns  func() int

	mu      sync.Mutex // protects the following fields, and the terminal
	status  string     // "" is none
	shown   bool       // whether it is on the terminal now
	midLine bool       // whether what was last written lacks the end of its line
}

// Write writes to the terminal, above the status.
func (s *screen) Write(text []byte) (int, error) { return s.writeTo(s.terminal, text) }

// above returns a writer to w, which shows on the same terminal, that keeps clear of
// the status as well.
func (s *screen) above(w io.Writer) io.Writer { return screenWriter{s, w} }

type screenWriter struct {
	screen *screen
	w      io.Writer
}

func (w screenWriter) Write(text []byte) (int, error) { return w.screen.writeTo(w.w, text) }

func (s *screen) writeTo(w io.Writer, text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.erase()
	n, err := w.Write(text)
	if n > 0 {
		s.midLine = text[n-1] != '\n'
	}
	s.draw()
	return n, err
}

// show replaces the status; "" is none.
func (s *screen) show(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.erase()
	s.status = status
	s.draw()
}

func (s *screen) erase() {
	if s.shown {
		io.WriteString(s.terminal, eraseLine) //nolint:errcheck // there is no other place to report it
		s.shown = false
	}
}

// draw shows the status, cut to the width of the terminal: what wraps into the next
// line could not be erased.
func (s *screen) draw() {
	if s.status == "" || s.midLine {
		return
	}
	status := s.status
	if room := s.columns() - 1; len(status) > room {
		status = status[:max(0, room)]
	}
	io.WriteString(s.terminal, status) //nolint:errcheck // likewise
	s.shown = true
}
