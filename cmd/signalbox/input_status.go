package main

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// An inputStatus is the state of standard input. It is safe for concurrent use, but
// for the format.
type inputStatus struct {
	format string // as in the flag

	// regularFile reports whether it is a regular file, which has an end, unlike a
	// pipe from a program that is supposed to run as long as the daemon.
	regularFile atomic.Bool

	known, unknown, rejected, skipped atomic.Uint64 // lines, each of which counts once

	end atomic.Pointer[inputEnd] // nil while it is read
}

// An inputEnd is when it ended, and the error that ended it, or nil.
type inputEnd struct {
	at  time.Time
	err error
}

// showOn adds it to the status pages and the metrics of the Prometheus emitters, which
// are still to be created.
func (s *inputStatus) showOn(factories []metric.EmitterFactory) {
	for _, factory := range factories {
		if config, ok := factory.(*emitter.PrometheusConfig); ok {
			config.Input = s.now
		}
	}
}

// now returns the current state.
func (s *inputStatus) now() emitter.Input {
	unknown := s.unknown.Load()
	in := emitter.Input{
		Format:      s.format,
		RegularFile: s.regularFile.Load(),
		Accepted:    s.known.Load() + unknown,
		Unknown:     unknown,
		Rejected:    s.rejected.Load(),
		Skipped:     s.skipped.Load(),
	}
	if end := s.end.Load(); end != nil {
		in.EndedAt, in.Err = end.at, end.err
	}
	return in
}
