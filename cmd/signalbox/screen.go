package main

import (
	"io"
	"sync"
)

// eraseLine erases the line of the cursor and moves the cursor to its start.
const eraseLine = "\r\x1b[K"

// A screen is a terminal with a status in its last line, below all other output. Its
// methods are safe for concurrent use.
type screen struct {
	terminal io.Writer
	columns  func() int

	mu      sync.Mutex // protects the following fields, and the terminal
	status  string     // empty means none
	shown   bool       // whether the status is on the terminal now
	midLine bool       // whether the last output did not end with a newline
}

// Write writes to the terminal, above the status.
func (s *screen) Write(text []byte) (int, error) { return s.writeTo(s.terminal, text) }

// above returns a writer to w, another writer to the same terminal. It writes above the
// status.
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

// show replaces the status. The empty string removes it.
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

// draw shows the status, cut to the width of the terminal, because erase could not
// erase a wrapped line.
func (s *screen) draw() {
	if s.status == "" || s.midLine {
		return
	}
	status := s.status
	if room := s.columns() - 1; len(status) > room {
		status = status[:max(0, room)]
	}
	io.WriteString(s.terminal, status) //nolint:errcheck // there is no other place to report it
	s.shown = true
}
