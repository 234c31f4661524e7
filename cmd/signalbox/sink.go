package main

import (
	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A knower is an emitter that reports whether it uses an event.
type knower interface {
	Knows(event string) bool
}

// A tallier is an emitter that counts input that is not an event.
type tallier interface {
	CountMalformed(why error)
}

// A sink hands the intake's events to the Monitor.
type sink struct {
	monitor  *metric.Monitor
	logger   lager.Logger
	knowers  []knower
	talliers []tallier
}

// newSink returns the sink of a Monitor that is initialised.
func newSink(logger lager.Logger, monitor *metric.Monitor) *sink {
	s := &sink{monitor: monitor, logger: logger.Session("emit")}
	for _, emitter := range monitor.Emitters() {
		if knower, ok := emitter.(knower); ok {
			s.knowers = append(s.knowers, knower)
		}
		if tallier, ok := emitter.(tallier); ok {
			s.talliers = append(s.talliers, tallier)
		}
	}
	return s
}

// Emit implements source.Sink.
func (s *sink) Emit(event metric.Event) { s.monitor.Emit(s.logger, event) }

// Prepare implements source.Sink.
func (s *sink) Prepare(t metric.EventType) func(*metric.Event, []string) {
	prepared := s.monitor.Prepare(t)
	return func(event *metric.Event, values []string) { prepared.Emit(s.logger, *event, values) }
}

// Knows implements source.Sink. If no emitter reports it, every name is known.
func (s *sink) Knows(name string) bool {
	for _, knower := range s.knowers {
		if knower.Knows(name) {
			return true
		}
	}
	return len(s.knowers) == 0
}

// Malformed implements source.Sink.
func (s *sink) Malformed(why error) {
	for _, tallier := range s.talliers {
		tallier.CountMalformed(why)
	}
}
