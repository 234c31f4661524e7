package demo

import (
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/simulate"
	"github.com/signalbox-ci/signalbox/metric"
)

// planIncidents adds the first incident and the first invalid event to the agenda.
func (s *simulation) planIncidents() {
	s.After(s.Exponential(90*time.Minute), s.incident)
	s.After(s.Exponential(4*time.Minute), s.emitInvalidEvent)
}

// incident makes a pipeline, a worker or the web node unreliable or slow for a while,
// and adds the next incident to the agenda.
func (s *simulation) incident() {
	duration := s.Uniform(30*time.Minute, 90*time.Minute)
	switch s.IntN(3) {
	case 0:
		s.destabilize(simulate.Pick(s.Random, s.jobs).pipeline, duration)
	case 1:
		w := simulate.Pick(s.Random, s.workers)
		w.slowness = 3
		s.After(duration, func() { w.slowness = 1 })
	case 2:
		s.slowness = 8
		s.After(duration, func() { s.slowness = 1 })
	}
	s.After(s.Exponential(2*time.Hour), s.incident)
}

// destabilize makes a pipeline flaky for a time.
func (s *simulation) destabilize(pipeline string, duration time.Duration) {
	for _, j := range s.jobs {
		if j.pipeline == pipeline {
			j.trouble = 5
			s.After(duration, func() { j.trouble = 1 })
		}
	}
}

// emitInvalidEvent emits an event that a rule rejects, and adds the next one to the
// agenda.
func (s *simulation) emitInvalidEvent() {
	switch s.IntN(3) {
	case 0:
		s.emitEvent(invalidEvents, metric.Event{
			Name:       "http response time",
			Value:      12,
			Attributes: map[string]string{"method": "GET", "status": "200"}, // without the required route
		})
	case 1:
		if w := simulate.Pick(s.Random, s.workers); w.sendsHeartbeats() {
			s.emitEvent(invalidEvents, metric.Event{
				Name:       "worker volumes",
				Value:      float64(w.caches),
				Attributes: map[string]string{"worker": w.name, "platform": "", "team_name": w.team},
			})
		}
	case 2:
		s.emitEvent(invalidEvents, metric.Event{Name: "containers created", Value: -1})
	}
	s.After(s.Exponential(4*time.Minute), s.emitInvalidEvent)
}
