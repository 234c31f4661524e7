//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// columnsOf is how wide the terminal is, or 0 if it does not say. It returns false if
// the file is no terminal.
func columnsOf(file *os.File) (columns int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}

	return int(size.Col), true
}
