package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A terminal is a file that is a terminal and supports erasing lines and bold text.
type terminal struct{ file *os.File }

// terminalOf returns the terminal that w writes to, or nil if it is not one.
func terminalOf(w io.Writer) *terminal {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if _, ok := columnsOf(file); !ok {
		return nil
	}
	return &terminal{file}
}

// columnsOf reports whether the file is a terminal, and returns its width, which is 0
// if the terminal does not report it.
func columnsOf(file *os.File) (columns int, ok bool) {
	columns, _, err := term.GetSize(int(file.Fd()))
	return columns, err == nil
}

// isTerminal reports whether w is a terminal, which need not support anything.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if ok {
		_, ok = columnsOf(file)
	}
	return ok
}

// isSameFile reports whether two writers are the same file, such as a terminal.
func isSameFile(a, b io.Writer) bool {
	var infos [2]os.FileInfo
	for i, w := range []io.Writer{a, b} {
		file, ok := w.(*os.File)
		if !ok {
			return false
		}
		var err error
		if infos[i], err = file.Stat(); err != nil {
			return false
		}
	}
	return os.SameFile(infos[0], infos[1])
}

// defaultColumns is the assumed width of a terminal that does not report it.
const defaultColumns = 80

// columns returns the current width of the terminal.
func (t *terminal) columns() int {
	if columns, ok := columnsOf(t.file); ok && columns > 0 {
		return columns
	}
	return defaultColumns
}

// A style formats text for a terminal. The zero value does not change it.
type style struct{ on bool }

// styleOf returns the style for text that is written to w. It is the zero style if w is
// not a terminal or NO_COLOR is not empty (https://no-color.org).
func styleOf(w io.Writer) style {
	return style{on: os.Getenv("NO_COLOR") == "" && terminalOf(w) != nil}
}

func (s style) bold(text string) string { return s.set("1", text) }
func (s style) red(text string) string  { return s.set("31", text) }

func (s style) set(rendition, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + rendition + "m" + text + "\x1b[0m"
}
