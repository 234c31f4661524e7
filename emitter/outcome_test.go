package emitter_test

import (
	"math"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("The outcome of an event", func() {
	var (
		config *emitter.PrometheusConfig
		logger lager.Logger
	)
	BeforeEach(func() {
		config = &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"}
		logger = lagertest.NewTestLogger("test")
	})

	// outcomes returns the outcome of an event that is emitted with a map of
	// attributes, and with an event type.
	outcomes := func(p *emitter.Prometheus, e metric.Event, dryRun *metric.DryRun) (o [2]metric.Outcome) {
		t := metric.EventType{Name: e.Name}
		var values []string
		for name, value := range e.Attributes {
			t.Attributes, values = append(t.Attributes, name), append(values, value)
		}
		for i := range o {
			o[i].Explain, o[i].ExplainUnknown, o[i].DryRun = true, true, dryRun
		}
		p.EmitReporting(logger, e, &o[0])
		p.Prepare(t).(metric.ReportingEvent).EmitValuesReporting(logger, e.Value, values, &o[1])
		for i := range o {
			o[i].Explain, o[i].ExplainUnknown, o[i].DryRun = false, false, nil
		}
		return o
	}

	DescribeTable("tells what became of it, in a dry run too",
		func(e metric.Event, refused bool, expected metric.Outcome) {
			for _, dryRun := range []*metric.DryRun{nil, new(metric.DryRun)} {
				p := start(config, nil)
				before := samplesOf(p)
				got := outcomes(p, e, dryRun)
				Expect(got[0]).To(Equal(expected))
				Expect(got[1]).To(Equal(expected))
				Expect(got[0].Refused()).To(Equal(refused))
				if dryRun == nil {
					continue
				}
				after := samplesOf(p)
				for sample, value := range before {
					if sample != rejectedFor("missing_attribute") && sample != rejectedFor("unknown_value") && sample != rejectedFor("not_finite") {
						Expect(after).To(HaveKeyWithValue(sample, value))
					}
				}
				Expect(after).To(HaveLen(len(before)))
			}
		},
		Entry("an update", event("builds started", 1, nil), false, metric.Outcome{Known: true, Updated: 1}),
		Entry("updates of several metrics", event("build finished", 1000, attributes{"build_status": "failed", "team_name": "main"}), false,
			metric.Outcome{Known: true, Updated: 4}),
		Entry("a silent event", event("mallocs", 1, nil), false, metric.Outcome{Known: true}),
		Entry("an unknown event", event("deploy finished", 1, nil), false,
			metric.Outcome{Unknown: true, Explanation: metric.Explanation{Reason: "no rule knows the event"}}),
		Entry("a misspelled event", event("Build finishd", 1, nil), false,
			metric.Outcome{Unknown: true, Explanation: metric.Explanation{Reason: "no rule knows the event", Hint: `did you mean "build finished"?`}}),
		Entry("a rejection for all metrics", event("worker tasks", 1, attributes{"worker": "w"}), true, metric.Outcome{Known: true, Rejected: 1,
			Explanation: metric.Explanation{Metric: "concourse_workers_tasks", Reason: `the event has no attribute "platform"`}}),
		Entry("a misspelled attribute", event("worker tasks", 1, attributes{"worker": "w", "Platform": "linux"}), true, metric.Outcome{Known: true, Rejected: 1,
			Explanation: metric.Explanation{Metric: "concourse_workers_tasks", Reason: `the event has no attribute "platform"`,
				Hint: `did you mean "platform" instead of "Platform"?`}}),
		Entry("an abbreviated attribute", event("worker tasks", 1, attributes{"name": "w", "worker_platform": "linux", "worker": ""}), true, metric.Outcome{Known: true, Rejected: 1,
			Explanation: metric.Explanation{Metric: "concourse_workers_tasks", Reason: `the event has no attribute "platform"`,
				Hint: `did you mean "platform" instead of "worker_platform"?`}}),
		Entry("a rejection for some metrics", event("build finished", 1, attributes{"build_status": "success", "team_name": "main"}), false,
			metric.Outcome{Known: true, Updated: 1, Rejected: 6, Explanation: metric.Explanation{Metric: "concourse_builds_finished",
				Reason: `attribute "build_status" is "success", expected succeeded, failed, errored or aborted`, Hint: `did you mean "succeeded"?`}}),
		Entry("a value that is not finite", event("builds running", math.NaN(), nil), true, metric.Outcome{Known: true, Rejected: 1,
			Explanation: metric.Explanation{Metric: "concourse_builds_running", Reason: "got value NaN, expected a finite number"}}),
	)

	It("is that an event over the limit of series is refused, unless an overflow series counts it", func() {
		config.MaxSeriesPerMetric = 2
		for _, dryRun := range []*metric.DryRun{nil, new(metric.DryRun)} {
			p := start(config, nil)
			var o metric.Outcome
			o.DryRun = dryRun
			emit := func(e metric.Event) metric.Outcome {
				o.Reset()
				p.EmitReporting(logger, e, &o)
				return metric.Outcome{Updated: o.Updated, Rejected: o.Rejected}
			}
			for _, value := range []string{"a", "b", "a"} {
				Expect(emit(event("lock held", 1, attributes{"type": value}))).To(Equal(metric.Outcome{Updated: 1}))
				Expect(emit(event("error log", 1, attributes{"message": value}))).To(Equal(metric.Outcome{Updated: 1}))
			}
			Expect(emit(event("lock held", 1, attributes{"type": "c"}))).To(Equal(metric.Outcome{Rejected: 1}))
			Expect(emit(event("error log", 1, attributes{"message": "c"}))).To(Equal(metric.Outcome{Updated: 1, Rejected: 1}))
			for _, value := range []string{"a", "b", "a"} {
				worker := attributes{"worker": value, "platform": "linux"}
				Expect(emit(event("worker tasks", 1, worker))).To(Equal(metric.Outcome{Updated: 1}))
			}
			Expect(emit(event("worker containers", 1, attributes{"worker": "c", "platform": "linux", "team_name": ""}))).
				To(Equal(metric.Outcome{Rejected: 1}), "the metric with the times of heartbeats is full")
		}
	})
})

func TestEmitReportingDoesNotAllocate(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"}
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(config)
	logger := lager.NewLogger("test")
	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
		t.Fatal(err)
	}
	defer monitor.Close(t.Context()) //nolint:errcheck // the test is over
	events := append(workerEvents(10), buildEvents(10)...)
	prepared := monitor.Prepare(metric.EventType{Name: "worker tasks", Attributes: []string{"worker", "platform"}})
	outcome := &metric.Outcome{Explain: true, ExplainUnknown: true}
	values := []string{"w", "linux"}
	emit := func() {
		for _, e := range events {
			outcome.Reset()
			monitor.EmitReporting(logger, e, outcome)
			if outcome.Updated == 0 || outcome.Rejected > 0 {
				t.Fatalf("%s: got %+v", e.Name, outcome)
			}
		}
		outcome.Reset()
		prepared.EmitReporting(logger, metric.Event{Value: 1}, values, outcome)
		if outcome.Updated != 1 {
			t.Fatalf("got %+v", outcome)
		}
	}
	emit()
	if n := testing.AllocsPerRun(100, emit); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
