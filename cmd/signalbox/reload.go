package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// hangups receives SIGHUP, which makes the daemon reload its mapping file. While it
// catches the signal, SIGHUP does not terminate the process.
type hangups struct {
	signals chan os.Signal
	calling *sync.WaitGroup
}

func catchHangups() hangups {
	h := hangups{make(chan os.Signal, 1), new(sync.WaitGroup)}
	signal.Notify(h.signals, syscall.SIGHUP)
	return h
}

// call starts a goroutine that calls reload for each signal until stop is called.
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
