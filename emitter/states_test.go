package emitter_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/metric"
)

const jobStatus = `
rules:
  - event: job status
    metric: job_status
    type: gauge
    operation: state
    help: Status of jobs.
    states: {label: status, values: [pending, running, success, failed]}
    labels:
      - {name: job, attribute: job, required: non-empty}
      - {name: status, attribute: status, replace: [{match: created, with: pending}]}
  - event: job started
    metric: job_status
    type: gauge
    operation: state
    help: Status of jobs.
    states: {label: status, values: [failed, pending, running, success]}
    labels:
      - {name: job, attribute: job, required: non-empty}
      - {name: status, attribute: status, replace: [{match: '', with: running}]}
`

// states returns the states that are 1 on the emitter's page, by the other labels, and
// expects that there is a series for every state.
func states(p *emitter.Prometheus, metric string, all ...string) map[string]string {
	GinkgoHelper()
	current, series := map[string]string{}, map[string][]string{}
	for sample, value := range samplesOf(p) {
		labels, ok := strings.CutPrefix(sample, "concourse_"+metric+"{")
		if !ok {
			continue
		}
		before, rest, _ := strings.Cut(labels, `status="`)
		state, after, _ := strings.Cut(rest, `"`)
		of := before + strings.TrimSuffix(after, "}")
		series[of] = append(series[of], state)
		if value == "1" {
			current[of] += state
		}
	}
	for _, got := range series {
		Expect(got).To(ConsistOf(all))
	}
	Expect(slices.Collect(maps.Keys(current))).To(ConsistOf(slices.Collect(maps.Keys(series))))
	return current
}

var _ = Describe("The operation state", func() {
	var (
		now    time.Time
		config *emitter.PrometheusConfig
		logger *lagertest.TestLogger
		file   string
	)
	all := []string{"failed", "pending", "running", "success"}
	write := func(content string) {
		GinkgoHelper()
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
	}
	statusOf := func(job, status string) metric.Event {
		return event("job status", 0, attributes{"job": job, "status": status})
	}
	BeforeEach(func() {
		now = time.UnixMilli(1_700_000_000_000)
		logger = lagertest.NewTestLogger("emitter")
		file = filepath.Join(GinkgoT().TempDir(), "ci.yml")
		config = &emitter.PrometheusConfig{
			GCInterval: time.Hour, WorkerStaleAfter: time.Minute, Clock: func() time.Time { return now }, MappingFile: file, Logger: logger,
		}
		write(jobStatus)
	})

	It("sets the series of the event's state to 1 and the others to 0", func() {
		p := start(config, nil)
		Expect(states(p, "job_status")).To(BeEmpty())
		for _, status := range []string{"pending", "running", "success"} {
			p.Emit(logger, statusOf("unit", status))
			Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: status}))
		}
		p.Emit(logger, statusOf("lint", "created"))
		p.Emit(logger, event("job started", 5, attributes{"job": "unit"}))
		prepared := p.Prepare(metric.EventType{Name: "job started", Attributes: []string{"job"}})
		prepared.EmitValues(logger, 0, []string{"load"})
		samples := samplesOf(p)
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "running", `job="lint",`: "pending", `job="load",`: "running"}))
		Expect(samples).To(HaveKeyWithValue(`signalbox_series{metric="concourse_job_status"}`, "12"))
		Expect(samples).To(HaveKeyWithValue(rejectedFor("unknown_value"), "0"))
	})

	It("works for prepared events without replacements", func() {
		write(strings.ReplaceAll(jobStatus, ", replace: [{match: created, with: pending}]", ""))
		p := start(config, nil)
		prepared := p.Prepare(metric.EventType{Name: "job status", Attributes: []string{"other", "status", "job"}})
		prepared.EmitValues(logger, 0, []string{"x", "failed", "unit"})
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "failed"}))
		prepared.EmitValues(logger, 0, []string{"x", "faild", "unit"})
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "failed"}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("unknown_value"), "1"))
	})

	It("rejects unknown states with a suggestion, and keeps the current state", func() {
		p := start(config, nil)
		p.Emit(logger, statusOf("unit", "running"))
		for _, status := range []string{"sucess", "", "\xff", strings.Repeat("x", 20_000)} {
			now = now.Add(time.Minute)
			p.Emit(logger, statusOf("unit", status))
		}
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "running"}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("unknown_value"), "4"))
		Expect(logger.Logs()[0].Data["error"]).To(ContainSubstring(
			`attribute "status" gives the state "sucess", expected failed, pending, running or success: did you mean "success"?`))
	})

	It("counts all series toward the limit, and rejects an event for whose series there is no room", func() {
		config.MaxSeriesPerMetric = 7
		p := start(config, nil)
		p.Emit(logger, statusOf("unit", "running"))
		p.Emit(logger, statusOf("lint", "running"))
		p.Emit(logger, statusOf("unit", "failed"))
		samples := samplesOf(p)
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "failed"}))
		Expect(samples).To(HaveKeyWithValue(rejectedFor("series_limit"), "1"))
		Expect(samples).To(HaveKeyWithValue(`signalbox_series_refused_total{metric="concourse_job_status"}`, "1"))
	})

	It("applies the limit to all series in a dry run", func() {
		config.MaxSeriesPerMetric = 11
		p := start(config, nil)
		p.Emit(logger, statusOf("unit", "running"))
		dryRun := &metric.DryRun{}
		check := func(e metric.Event) metric.Outcome {
			outcome := metric.Outcome{Explain: true, DryRun: dryRun}
			p.EmitReporting(logger, e, &outcome)
			return outcome
		}
		Expect(check(statusOf("unit", "failed")).Rejected).To(Equal(0))
		Expect(check(statusOf("lint", "failed")).Rejected).To(Equal(0))
		Expect(check(statusOf("lint", "running")).Rejected).To(Equal(0))
		Expect(check(statusOf("load", "running")).Rejected).To(Equal(1), "8 of 11 series are taken")
		Expect(check(statusOf("unit", "runing")).Explanation).To(Equal(metric.Explanation{
			Metric: "concourse_job_status",
			Reason: `attribute "status" gives the state "runing", expected failed, pending, running or success`,
			Hint:   `did you mean "running"?`,
		}))
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "running"}))
	})

	It("works with a list of the attribute's values", func() {
		write(strings.Replace(jobStatus, "    help:", "    values: {status: [created, running, failed]}\n    help:", 1))
		p := start(config, nil)
		p.Emit(logger, statusOf("unit", "created"))
		p.Emit(logger, statusOf("unit", "success"))
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "pending"}))
		Expect(logger.Logs()[0].Data["error"]).To(ContainSubstring(`attribute "status" is "success", expected created, running or failed`))
	})

	DescribeTable("removes all series of a worker together", func(ownership rule.Ownership, idleTTL time.Duration, heartbeats bool) {
		config.MappingFile, config.Rules = "", []rule.Rule{{
			Event: "worker status", Metric: "worker_status", Type: rule.Gauge, Operation: rule.State, Worker: ownership, IdleTTL: idleTTL,
			Labels: []rule.Label{{Name: "worker", Attribute: "worker"}, {Name: "status", Attribute: "status"}},
			States: &rule.States{Label: "status", Values: []string{"up", "down"}},
		}}
		p := start(config, nil)
		p.Emit(logger, event("worker status", 0, attributes{"worker": "w", "status": "down"}))
		now = now.Add(40 * time.Second)
		Expect(p.CollectGarbage().Series).To(Equal(0))
		p.Emit(logger, event("worker status", 0, attributes{"worker": "w", "status": "up"}))
		now = now.Add(30 * time.Second)
		if heartbeats { // the event at 40 seconds keeps the series
			Expect(p.CollectGarbage().Series).To(Equal(0))
			Expect(states(p, "worker_status", "up", "down")).To(HaveLen(1))
			now = now.Add(30 * time.Second)
		}
		Expect(p.CollectGarbage().Series).To(BeNumerically(">=", 2))
		samples := samplesOf(p)
		Expect(samples).NotTo(HaveKey(ContainSubstring("worker_status{")))
		Expect(samples).To(HaveKeyWithValue(`signalbox_series{metric="concourse_worker_status"}`, "0"))
	},
		Entry("whose series it owns", rule.Owned, time.Duration(0), false),
		Entry("with heartbeats", rule.Heartbeat, time.Duration(0), true),
		Entry("with an idle TTL", rule.Ownership(""), time.Minute, true),
	)

	It("keeps states over a reload unless the states change", func() {
		p := start(config, nil)
		p.Emit(logger, statusOf("unit", "failed"))
		write(strings.ReplaceAll(strings.ReplaceAll(jobStatus, "[pending, running, success, failed]", "[success, failed, running, pending]"), "created", "new"))
		Expect(p.Reload()).To(Succeed())
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "failed"}))
		p.Emit(logger, statusOf("unit", "new"))
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{`job="unit",`: "pending"}))

		write(strings.ReplaceAll(jobStatus, "pending, running", "canceled, pending, running"))
		Expect(p.Reload()).To(Succeed())
		Expect(states(p, "job_status")).To(BeEmpty())
		p.Emit(logger, statusOf("unit", "canceled"))
		Expect(states(p, "job_status", append(all, "canceled")...)).To(Equal(map[string]string{`job="unit",`: "canceled"}))
	})

	It("shows the latest state after labels are dropped", func() {
		write(jobStatus + "metrics: [{metric: job_status, drop_labels: [job]}]")
		p := start(config, nil)
		Expect(states(p, "job_status")).To(BeEmpty())
		p.Emit(logger, statusOf("unit", "failed"))
		p.Emit(logger, statusOf("lint", "success"))
		Expect(states(p, "job_status", all...)).To(Equal(map[string]string{"": "success"}))
	})

	It("rejects attributes of the node with the name of the label", func() {
		config.BindIP, config.BindPort = "127.0.0.1", "0"
		write(strings.NewReplacer("label: status", "label: phase", "name: status", "name: phase").Replace(jobStatus))
		_, err := config.NewEmitter(map[string]string{"phase": "x"})
		Expect(err).To(MatchError(ContainSubstring(`attribute "phase" becomes the label "phase", which is already used by metric job_status`)))
	})
})

func TestEmitDoesNotAllocateForStates(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: []rule.Rule{{
		Event: "e", Metric: "m", Type: rule.Gauge, Operation: rule.State, States: &rule.States{Label: "s", Values: []string{"x", "y"}},
		Labels: []rule.Label{{Name: "a", Attribute: "a"}, {Name: "s", Attribute: "s", Replace: []rule.Replacement{{Match: "z", With: "x"}}}},
	}}}
	p := startFor(t, config, nil)
	logger := lager.NewLogger("test")
	x, y := event("e", 1, attributes{"a": "1", "s": "z"}), event("e", 1, attributes{"a": "1", "s": "y"})
	emit := func() {
		p.Emit(logger, x)
		p.Emit(logger, y)
	}
	emit()
	if n := testing.AllocsPerRun(100, emit); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
