package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A terminal is one on which lines can be erased and set in bold.
type terminal struct{ file *os.File }

// terminalOf returns the terminal that w writes to, or nil.
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

// columnsOf returns the width of the terminal that the file is, or 0 if the terminal
// does not know its width. It reports whether the file is a terminal.
func columnsOf(file *os.File) (columns int, ok bool) {
	columns, _, err := term.GetSize(int(file.Fd()))
	return columns, err == nil
}

// usualColumns is the width of a terminal that does not know it.
const usualColumns = 80

// columns returns the width of the terminal, as it is now.
func (t *terminal) columns() int {
	if columns, ok := columnsOf(t.file); ok && columns > 0 {
		return columns
	}
	return usualColumns
}

// A style sets text off. The zero value leaves it as it is.
type style struct{ on bool }

// styleOf returns the style for what goes to w: none unless that is a terminal, and
// none if NO_COLOR is not empty (https://no-color.org).
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
