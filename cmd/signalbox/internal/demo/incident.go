package demo

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// planIncidents notes what goes wrong.
func (s *simulation) planIncidents() {
	s.after(s.waiting(90*time.Minute), s.incident)
	s.after(s.waiting(4*time.Minute), s.mistake)
}

// incident has something go wrong for a while, now and again and again.
func (s *simulation) incident() {
	lasts := s.between(30*time.Minute, 90*time.Minute)
	switch s.IntN(3) {
	case 0:
		s.destabilise(pick(s.random, s.jobs).pipeline, lasts)
	case 1:
		w := pick(s.random, s.workers)
		w.slowness = 3
		s.after(lasts, func() { w.slowness = 1 })
	case 2:
		s.slowness = 8
		s.after(lasts, func() { s.slowness = 1 })
	}
	s.after(s.waiting(2*time.Hour), s.incident)
}

// destabilise makes a pipeline flaky.
func (s *simulation) destabilise(pipeline string, lasts time.Duration) {
	for _, j := range s.jobs {
		if j.pipeline == pipeline {
			j.trouble = 5
			s.after(lasts, func() { j.trouble = 1 })
		}
	}
}

// mistake emits an event that a rule rejects, now and again and again.
func (s *simulation) mistake() {
	switch s.IntN(3) {
	case 0:
		s.tellEvent(mistakes, metric.Event{
			Name:       "http response time",
			Value:      12,
			Attributes: map[string]string{"method": "GET", "status": "200"}, // and no route
		})
	case 1:
		if w := pick(s.random, s.workers); w.beats() {
			s.tellEvent(mistakes, metric.Event{
				Name:       "worker volumes",
				Value:      float64(w.caches),
				Attributes: map[string]string{"worker": w.name, "platform": "", "team_name": w.team},
			})
		}
	case 2:
		s.tellEvent(mistakes, metric.Event{Name: "containers created", Value: -1})
	}
	s.after(s.waiting(4*time.Minute), s.mistake)
}
