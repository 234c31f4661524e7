package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// hangups are the signals that ask the daemon to read its mapping file again. While
// they are caught, they do not terminate it.
type hangups struct {
	signals chan os.Signal
	calling *sync.WaitGroup
}

func catchHangups() hangups {
	h := hangups{make(chan os.Signal, 1), new(sync.WaitGroup)}
	signal.Notify(h.signals, syscall.SIGHUP)
	return h
}

// call calls reload for each signal, until stop is called.
func (h hangups) call(reload func()) {
	h.calling.Go(func() {
		for range h.signals {
			reload()
		}
	})
}

// stop stops catching the signals, and waits for a reload in progress.
func (h hangups) stop() {
	signal.Stop(h.signals)
	close(h.signals)
	h.calling.Wait()
}
