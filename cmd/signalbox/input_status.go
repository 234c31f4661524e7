package main

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// An inputStatus is how it stands with standard input. One goroutine reads that and
// counts; any may look.
type inputStatus struct {
	format string // as the flag has it

	known, unknown, rejected, skipped atomic.Uint64 // lines, each of which counts once

	end atomic.Pointer[inputEnd] // nil while it is read
}

// An inputEnd is when it ended, and why before its end, or nil.
type inputEnd struct {
	at  time.Time
	err error
}

// showOn has it on the status pages and among the metrics of the Prometheus emitters
// that there will be.
func (s *inputStatus) showOn(factories []metric.EmitterFactory) {
	for _, factory := range factories {
		if config, ok := factory.(*emitter.PrometheusConfig); ok {
			config.Input = s.now
		}
	}
}

// now is how it stands now.
func (s *inputStatus) now() emitter.Input {
	unknown := s.unknown.Load()
	in := emitter.Input{
		Format:   s.format,
		Accepted: s.known.Load() + unknown,
		Unknown:  unknown,
		Rejected: s.rejected.Load(),
		Skipped:  s.skipped.Load(),
	}
	if end := s.end.Load(); end != nil {
		in.EndedAt, in.Err = end.at, end.err
	}

	return in
}
