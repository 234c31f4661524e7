package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/signalbox-ci/signalbox/metric"
)

// hangups are the signals that ask the daemon to read its mapping file again. While
// they are caught they do not end it.
type hangups chan os.Signal

func catchHangups() hangups {
	h := make(hangups, 1)
	signal.Notify(h, syscall.SIGHUP)

	return h
}

// reload has the emitters reload with each signal. They log what came of it.
func (h hangups) reload(emitters []metric.Emitter) {
	go func() {
		for range h {
			for _, e := range emitters {
				if e, ok := e.(interface{ Reload() error }); ok {
					e.Reload() //nolint:errcheck // which is in the log
				}
			}
		}
	}()
}

// stop lets go of the signals.
func (h hangups) stop() {
	signal.Stop(h)
	close(h)
}
