package demo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// runPaced runs a simulation for a time. The caller must run in a synctest bubble,
// whose clock does not advance while the simulation works.
func runPaced(p *pace, s *simulation, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	p.run(ctx, s)
}

func TestSpeedIsRelativeToRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestSimulation(metric.NewMonitor(), 1)
		runPaced(&pace{speed: 60}, s, 10*time.Second)
		if want := 10 * time.Minute; s.Now > want || s.Now < want-60*tick {
			t.Errorf("after 10 s at speed 60: got a simulated time of %s, want %s", s.Now, want)
		}
		if next := s.Next(); next <= s.Now {
			t.Errorf("at %s: the action of %s has not run", s.Now, next)
		}
	})
}

func TestEventsPerSecondAreEmitted(t *testing.T) {
	for _, rate := range []float64{1, 100, 5_000} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestSimulation(metric.NewMonitor(), 1)
			runPaced(&pace{speed: 60, eventsPerSecond: rate}, s, 10*time.Second)
			// A step can emit a few dozen events, and the last burst may be missing.
			const atOnce = 50
			events, want := float64(s.tally.total()), 10*rate
			if events < want-rate*tick.Seconds()-1 || events > want+atOnce {
				t.Errorf("%v events per second for 10 s: got %v events, want %v", rate, events, want)
			}
		})
	}
}

func TestBurstsAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestSimulation(metric.NewMonitor(), 1)
		p := pace{eventsPerSecond: 20_000}
		for range 100 {
			before := s.tally.total()
			p.emitDue(s, tick)
			if burst := s.tally.total() - before; burst < 50 || burst > 150 {
				t.Fatalf("got a burst of %d events in %s, want about 100", burst, tick)
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

func TestExcessiveSpeedIsLimited(t *testing.T) {
	for _, p := range []pace{{eventsPerSecond: 100_000}, {speed: 1e6}} {
		synctest.Test(t, func(t *testing.T) {
			m := metric.NewMonitor()
			m.RegisterEmitter(slow{})
			if err := m.Initialize(silent, "", nil, 0); err != nil {
				t.Fatal(err)
			}
			s := newTestSimulation(m, 1)
			begin := time.Now()
			runPaced(&p, s, 10*time.Second)
			// It reads the clock only every 64 steps of a few dozen events at most.
			if took := time.Since(begin); took > 11*time.Second {
				t.Errorf("%+v: stopped after %s, want 10 s", p, took)
			}
			if events := s.tally.total(); events < 9_000 {
				t.Errorf("%+v: got %d events in 10 s, want about 10,000 of one millisecond each", p, events)
			}
			// It does not catch up on more events than the limit.
			if limit := p.eventsPerSecond * maxBacklog.Seconds(); p.owed > limit {
				t.Errorf("%v events are still due, want at most %v", p.owed, limit)
			}
		})
	}
}

// BenchmarkStep measures the simulation without emitters.
func BenchmarkStep(b *testing.B) {
	s := newTestSimulation(metric.NewMonitor(), 1)
	for b.Loop() {
		s.Step()
	}
	b.ReportMetric(float64(s.tally.total())/float64(b.N), "events/op")
}
