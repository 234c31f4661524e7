package demo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// paced runs a simulation for a time, by a clock that stands still while it works.
func paced(p *pace, s *simulation, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	p.run(ctx, s)
}

func TestSpeedIsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulated(metric.NewMonitor(), 1)
		paced(&pace{speed: 60}, s, 10*time.Second)
		if want := 10 * time.Minute; s.now > want || s.now < want-60*tick {
			t.Errorf("after 10 s at 60 times the speed it is %s, want %s", s.now, want)
		}
		if next := s.agenda.next(); next <= s.now {
			t.Errorf("at %s what should have happened at %s has not", s.now, next)
		}
	})
}

func TestEventsPerSecondAreEmitted(t *testing.T) {
	for _, rate := range []float64{1, 100, 5_000} {
		synctest.Test(t, func(t *testing.T) {
			s := simulated(metric.NewMonitor(), 1)
			paced(&pace{speed: 60, eventsPerSecond: rate}, s, 10*time.Second)
			// A step can emit some dozens at once, and the last burst may be missing.
			const atOnce = 50
			events, want := float64(s.tally.total()), 10*rate
			if events < want-rate*tick.Seconds()-1 || events > want+atOnce {
				t.Errorf("%v events a second for 10 s are %v events", rate, events)
			}
		})
	}
}

func TestBurstsAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulated(metric.NewMonitor(), 1)
		p := pace{eventsPerSecond: 20_000}
		for range 100 {
			before := s.tally.total()
			p.emitDue(s, tick)
			if burst := s.tally.total() - before; burst < 50 || burst > 150 {
				t.Fatalf("a burst of %d events in %s, want about 100", burst, tick)
			}
		}
	})
}

// A slow emitter takes a millisecond for each event. It is its own factory.
type slow struct{}

func (slow) Description() string                                  { return "slow" }
func (slow) IsConfigured() bool                                   { return true }
func (slow) NewEmitter(map[string]string) (metric.Emitter, error) { return slow{}, nil }
func (slow) EmitsConcurrently()                                   {}
func (slow) Emit(lager.Logger, metric.Event)                      { time.Sleep(time.Millisecond) }

func TestWhatIsTooFastGoesAsFastAsItCan(t *testing.T) {
	for _, p := range []pace{{eventsPerSecond: 100_000}, {speed: 1e6}} {
		synctest.Test(t, func(t *testing.T) {
			m := metric.NewMonitor()
			m.RegisterEmitter(slow{})
			if err := m.Initialize(silent, "", nil, 0); err != nil {
				t.Fatal(err)
			}
			s := simulated(m, 1)
			begin := time.Now()
			paced(&p, s, 10*time.Second)
			// It may only look up after 64 steps, of some dozen events at most.
			if took := time.Since(begin); took > 11*time.Second {
				t.Errorf("%+v: it was to stop after 10 s, and did after %s", p, took)
			}
			if events := s.tally.total(); events < 9_000 {
				t.Errorf("%+v: %d events in 10 s, of which each takes a millisecond", p, events)
			}
			// It does not make up for what it could not do.
			if most := p.eventsPerSecond * mostBehind.Seconds(); p.owed > most {
				t.Errorf("%v events are still owed, want at most %v", p.owed, most)
			}
		})
	}
}

// BenchmarkStep measures the simulation itself, whose events go nowhere.
func BenchmarkStep(b *testing.B) {
	s := simulated(metric.NewMonitor(), 1)
	for b.Loop() {
		s.step()
	}
	b.ReportMetric(float64(s.tally.total())/float64(b.N), "events/op")
}
