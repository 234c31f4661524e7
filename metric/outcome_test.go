package metric_test

import (
	"fmt"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// reporter is a ReportingEmitter that counts each event as an update of one metric. In
// a dry run, it records nothing, but counts the events of the run.
type reporter struct{ typedRecorder }

func (r *reporter) EmitReporting(logger lager.Logger, event metric.Event, outcome *metric.Outcome) {
	r.report(outcome, func() { r.Emit(logger, event) })
}

func (r *reporter) Prepare(t metric.EventType) metric.TypedEvent {
	return reportingEvent{r.typedRecorder.Prepare(t), r}
}

func (r *reporter) report(outcome *metric.Outcome, emit func()) {
	outcome.Known = true
	if outcome.DryRun == nil {
		outcome.Updated++
		emit()
		return
	}
	checked := outcome.DryRun.State(r, func() any { return new(int) }).(*int)
	*checked++
	outcome.Updated += *checked
}

type reportingEvent struct {
	metric.TypedEvent
	reporter *reporter
}

func (e reportingEvent) EmitValuesReporting(logger lager.Logger, value float64, values []string, outcome *metric.Outcome) {
	e.reporter.report(outcome, func() { e.EmitValues(logger, value, values) })
}

var _ = Describe("Emitting with an outcome", func() {
	for _, node := range []attributes{nil, {"zone": "b"}} {
		It(fmt.Sprintf("collects what emitters report; a dry run reaches no other emitter; with node attributes %v", node), func() {
			logger, _ := newLogger()
			reporting, typed, concurrent, queued := &reporter{}, &typedRecorder{}, &concurrentRecorder{}, &recorder{}
			monitor := started(logger, node, reporting, typed, concurrent, queued)
			prepared := monitor.Prepare(metric.EventType{Name: "deploy", Attributes: []string{"stage"}})
			emit := func(outcome *metric.Outcome) (updated [2]int) {
				monitor.EmitReporting(logger, metric.Event{Name: "deploy", Attributes: attributes{"stage": "live"}}, outcome)
				updated[0] = outcome.Updated
				outcome.Reset()
				prepared.EmitReporting(logger, metric.Event{}, []string{"live"}, outcome)
				updated[1] = outcome.Updated
				Expect(outcome.Known).To(BeTrue())
				return updated
			}

			Expect(emit(&metric.Outcome{DryRun: new(metric.DryRun)})).To(Equal([2]int{1, 2}))
			Expect(emit(new(metric.Outcome))).To(Equal([2]int{1, 1}))
			Eventually(queued.Names).Should(Equal([]string{"deploy", "deploy"}))
			Expect(concurrent.Names()).To(Equal([]string{"deploy", "deploy"}))
			for _, r := range []*typedRecorder{typed, &reporting.typedRecorder} {
				Expect(r.Names()).To(Equal([]string{"deploy"}))
				Expect(r.typed.Names()).To(Equal([]string{"deploy"}))
			}
		})
	}

	It("reports nothing before the Monitor is initialized", func() {
		var outcome metric.Outcome
		metric.NewMonitor().EmitReporting(nil, metric.Event{Name: "deploy"}, &outcome)
		Expect(outcome).To(Equal(metric.Outcome{}))
	})
})
