package forge

import "time"

// The probabilities of what happens to deliveries on their way.
const (
	loses     = .006 // is not delivered
	resends   = .5   // ... but someone asks the CI system to deliver it again, minutes later
	delays    = .03  // is delivered so late that others overtake it
	repeats   = .02  // is delivered again, because the CI system saw no answer
	secondary = .01  // is delivered by a second webhook too, with another ID
)

// A Tally contains the numbers of what happened to deliveries on their way.
type Tally struct {
	Lost     int // never delivered
	Resent   int // delivered minutes later
	Late     int // overtaken by others
	Repeated int // delivered again
	Forged   int // from a stranger, with a wrong signature
}

// report sends a delivery about an object.
func (s *Simulation) report(r report) {
	if s.observe != nil {
		s.observe(r)
	}
	d := Delivery{System: r.system, id: s.uuid(), report: r}
	latency := s.Lognormal(700*time.Millisecond, .5)
	switch {
	case s.Chance(loses):
		if !s.Chance(resends) {
			s.tally.Lost++
			return
		}
		s.tally.Resent++
		latency += s.Uniform(time.Minute, 4*time.Minute)
	case s.Chance(delays):
		s.tally.Late++
		latency += s.Uniform(3*time.Second, 40*time.Second)
	}
	s.deliver(latency, d)
	if s.Chance(repeats) {
		s.tally.Repeated++
		s.deliver(latency+s.Uniform(time.Second, 20*time.Second), d)
	}
	if s.Chance(secondary) {
		s.tally.Repeated++
		d.id = s.uuid()
		s.deliver(s.Lognormal(time.Second, .8), d)
	}
}

// deliver lets a delivery arrive later.
func (s *Simulation) deliver(latency time.Duration, d Delivery) {
	s.unarrived++
	s.agenda.After(latency, func() {
		s.unarrived--
		d.Arrives = s.now()
		s.arrived = append(s.arrived, d)
	})
}

// planForgery adds the next delivery from a stranger to the agenda.
func (s *Simulation) planForgery() {
	s.agenda.After(s.Exponential(4*time.Minute), func() {
		if s.closed {
			return
		}
		o := s.organizations[s.IntN(len(s.organizations))]
		s.tally.Forged++
		s.deliver(0, Delivery{System: o.system, Forged: true, id: s.uuid(), report: report{
			system: o.system, event: "ping", body: encode(object{"zen": "Let me in."}),
		}})
		s.planForgery()
	})
}
