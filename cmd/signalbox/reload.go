package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups are the signals that ask the daemon to read its mapping file again. While
// they are caught they do not end it.
type hangups chan os.Signal

func catchHangups() hangups {
	h := make(hangups, 1)
	signal.Notify(h, syscall.SIGHUP)
	return h
}

// call calls reload with each signal.
func (h hangups) call(reload func()) {
	go func() {
		for range h {
			reload()
		}
	}()
}

// stop lets go of the signals.
func (h hangups) stop() {
	signal.Stop(h)
	close(h)
}
