package demo

import (
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("the simulation", func() {
	// eventsOf returns all events, counters and gauges of half an hour, which is
	// simulated in steps, as different speeds would do.
	eventsOf := func(seed uint64, step time.Duration) []string {
		GinkgoHelper()
		recorded := &recorder{keep: true}
		m := newMonitor(recorded)
		s := newTestSimulation(m, seed)
		const end = 30 * time.Minute
		for s.Now < end {
			s.Advance(min(s.Now+step, end))
		}
		emitCounters(m)
		silentEvents := catalog.SilentEvents()
		return slices.DeleteFunc(recorded.events, func(event string) bool {
			return slices.ContainsFunc(silentEvents, func(silent string) bool {
				return silent != "build started" && strings.HasPrefix(event, silent+" ") // depends on the Go runtime
			})
		})
	}

	It("emits the same events for the same seed at any speed", func() {
		events := eventsOf(1, time.Hour)
		Expect(len(events)).To(BeNumerically(">", 10_000))
		Expect(slices.Equal(events, eventsOf(1, 7*time.Second))).To(BeTrue())
	})

	It("emits different events for different seeds", func() {
		Expect(slices.Equal(eventsOf(1, time.Hour), eventsOf(2, time.Hour))).To(BeFalse())
	})

	Describe("on a page", func() {
		var (
			s        *simulation
			m        *metric.Monitor
			recorded *recorder
			page     *emitter.Prometheus
		)

		BeforeEach(func() {
			recorded = &recorder{}
			m = newMonitor(recorded, &emitter.PrometheusConfig{
				BindIP: "127.0.0.1", BindPort: "0",
				WorkerStaleAfter: 30 * time.Minute,
				GCInterval:       time.Hour, // the specs call CollectGarbage
				Clock: func() time.Time {
					if s == nil {
						return epoch
					}
					return epoch.Add(s.Now)
				},
			})
			page = m.Emitters()[1].(*emitter.Prometheus)
			s = newTestSimulation(m, 1)
		})

		// family returns the series of the family with the name, without the namespace.
		family := func(name string) []*dto.Metric {
			GinkgoHelper()
			families, err := page.Gather()
			Expect(err).NotTo(HaveOccurred())
			for _, f := range families {
				if strings.TrimPrefix(f.GetName(), "concourse_") == name {
					return f.GetMetric()
				}
			}
			return nil
		}
		sum := func(name string) (total float64) {
			GinkgoHelper()
			for _, series := range family(name) {
				total += series.GetCounter().GetValue() + series.GetGauge().GetValue()
			}
			return total
		}

		It("finishes every build that it starts", func() {
			for range 3 {
				s.Advance(s.Now + time.Hour)
				emitCounters(m)
				emitCounters(m) // gauges emit their peak first, then their current value
				Expect(s.running).To(BeNumerically(">", 0))
				Expect(sum("builds_started_total")).To(Equal(sum("builds_finished_total") + float64(s.running)))
				Expect(sum("builds_finished")).To(Equal(sum("builds_finished_total")))
				Expect(sum("builds_running")).To(BeEquivalentTo(s.running))
				Expect(sum("tasks_waiting")).To(BeEquivalentTo(len(s.queue)))
				Expect(recorded.counts["build started"] - recorded.counts["build finished"]).To(Equal(s.running))

				atWork := 0
				for _, w := range s.workers {
					atWork += len(w.builds)
				}
				Expect(atWork + len(s.queue)).To(BeNumerically("<=", s.running))
			}
			for _, status := range []string{"succeeded", "failed", "aborted", "errored"} {
				Expect(sum("builds_"+status+"_total")).To(BeNumerically(">", 0), status)
			}
		})

		It("shows running workers, and others only until the staleness limit", func() {
			var appeared, removed int
			shown := map[string]bool{}
			lastSeen := map[string]time.Duration{}
			recorded.watch = func(e metric.Event) {
				if e.Name == "worker containers" {
					lastSeen[e.Attributes["worker"]] = s.Now
				}
			}
			for range 12 {
				s.Advance(s.Now + 20*time.Minute)
				page.CollectGarbage()

				now, recent := map[string]bool{}, map[string]bool{}
				for _, series := range family("workers_tasks") {
					for _, label := range series.GetLabel() {
						if label.GetName() == "worker" {
							now[label.GetValue()] = true
						}
					}
				}
				for _, w := range s.workers {
					if s.Now-lastSeen[w.name] <= s.staleAfter {
						recent[w.name] = true
					}
					if w.sendsHeartbeats() {
						Expect(now).To(HaveKey(w.name))
					}
				}
				Expect(now).To(Equal(recent))
				for name := range shown {
					if !now[name] {
						removed++
					}
				}
				for name := range now {
					if !shown[name] {
						appeared++
					}
				}
				shown = now
			}
			Expect(removed).To(BeNumerically(">", 1))
			Expect(appeared).To(BeNumerically(">", len(s.workers)))
		})

		It("emits every event of the catalog, and only the intended unknown and rejected events", func() {
			s.Advance(90 * time.Minute)
			emitCounters(m)
			for _, rule := range catalog.Rules(catalog.Inherited) {
				Expect(recorded.counts).To(HaveKey(rule.Event))
			}
			unknown := slices.DeleteFunc(slices.Collect(maps.Keys(recorded.counts)), page.Engine().Knows)
			Expect(unknown).To(ConsistOf("deploy finished"))
			Expect(sum("signalbox_events_unknown_total")).To(BeEquivalentTo(s.tally[deploys]))
			Expect(sum("signalbox_events_rejected_total")).To(BeEquivalentTo(s.tally[invalidEvents]))
			Expect(s.tally[invalidEvents]).To(BeNumerically(">", 5))
		})

		It("counts the events that it emits", func() {
			s.Advance(10 * time.Minute)
			emitted := 0
			for _, count := range recorded.counts {
				emitted += count
			}
			Expect(s.tally.total()).To(BeEquivalentTo(emitted))
			Expect(s.tally[buildsFinished]).To(BeEquivalentTo(recorded.counts["build finished"]))
			Expect(s.tally[workerStates]).To(BeEquivalentTo(recorded.counts["worker state"]))
		})
	})

	It("is busier during the day, when builds wait only while no worker can run them", func() {
		s := newTestSimulation(metric.NewMonitor(), 1)
		during := func(hours int) (finished uint64, longest int) {
			before := s.tally[buildsFinished]
			for range hours * 60 {
				s.Advance(s.Now + time.Minute)
				longest = max(longest, len(s.queue))
				for _, b := range s.queue {
					Expect(s.workerFor(b.job)).To(BeNil(), "a worker can run a queued build")
				}
			}
			return s.tally[buildsFinished] - before, longest
		}
		day, longest := during(8) // from 10 to 18
		Expect(longest).To(And(BeNumerically(">", 3), BeNumerically("<", 60)))
		during(4)
		night, _ := during(8) // from 22 to 6
		Expect(day).To(BeNumerically(">", 3*night/2))
	})
})
