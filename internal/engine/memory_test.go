package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

// TestRejectionsNameTheMemory emits events for new series until the memory is used up,
// and checks that a dry run of the same events has the same outcomes, with
// texts that do not say that an event was counted.
func TestRejectionsNameTheMemory(t *testing.T) {
	const (
		counted   = "series and groups take up the memory that is available for them (--memory-limit): the event was counted in the series with label value __overflow__"
		discarded = "series and groups take up the memory that is available for them (--memory-limit)"
	)
	for event, expected := range map[string]metric.Outcome{
		"lock held":         {Explain: true, Known: true, Rejected: 1, Explanation: metric.Explanation{Metric: "concourse_locks_held", Reason: discarded}},
		"error log":         {Explain: true, Known: true, Updated: 1, Rejected: 1, Explanation: metric.Explanation{Metric: "concourse_error_logs", Reason: counted}},
		"worker containers": {Explain: true, Known: true, Rejected: 1, Explanation: metric.Explanation{Metric: "concourse_workers_containers", Reason: discarded}},
	} {
		memory := membudget.Divide(20_000).Held
		e, err := New(Options{Source: mapping.Source{Rules: catalog.Rules(catalog.Inherited), Namespace: "concourse"}, Memory: memory, WorkerStaleAfter: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		emit := func(i int, dryRun *metric.DryRun) metric.Outcome {
			o := metric.Outcome{Explain: true, DryRun: dryRun}
			value := fmt.Sprint("value ", i)
			e.EmitReporting(lager.NewLogger("test"), metric.Event{Name: event, Value: 1, Attributes: map[string]string{
				"type": value, "message": value, "worker": value, "platform": "linux", "team_name": "main",
			}}, &o)
			o.DryRun = nil
			return o
		}
		outcomes := func(dryRun *metric.DryRun) (accepted int) {
			expected := expected
			if dryRun != nil {
				expected.Explanation.Reason = strings.Replace(expected.Explanation.Reason, "was counted", "would be counted", 1)
			}
			for ; accepted < 1000; accepted++ {
				if o := emit(accepted, dryRun); o.Rejected > 0 {
					if o != expected {
						t.Errorf("%s: got outcome %+v, expected %+v", event, o, expected)
					}
					break
				}
			}
			return accepted
		}
		predicted := outcomes(new(metric.DryRun))
		if accepted := outcomes(nil); accepted == 0 || accepted == 1000 || accepted != predicted {
			t.Errorf("%s: accepted %d events, and %d in a dry run", event, accepted, predicted)
		}
		for _, r := range e.Rejections() {
			if r.Reason != "memory_limit" || r.Count != 2 {
				t.Errorf("%s: counted %d rejections with the reason %s", event, r.Count, r.Reason)
			}
		}
	}
}

// TestRejectedHeartbeatsAreNotCounted checks that an event is refused if its worker has
// no room, although its metric is a counter, which has an overflow series.
func TestRejectedHeartbeatsAreNotCounted(t *testing.T) {
	rules := append(catalog.Rules(catalog.Inherited), rule.Rule{
		Event: "worker restarted", Metric: "workers_restarts_total", Help: "Restarts.", Type: rule.Counter, Operation: rule.Inc,
		Labels: []rule.Label{{Name: "worker", Attribute: "worker", Required: rule.Present}}, Worker: rule.Heartbeat,
	})
	e, err := New(Options{Source: mapping.Source{Rules: rules, Namespace: "concourse"}, MaxSeries: 1, WorkerStaleAfter: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for i, updated := range []int{1, 0} {
		var o metric.Outcome
		event := "worker containers"
		if i > 0 {
			event = "worker restarted"
		}
		e.EmitReporting(lager.NewLogger("test"), metric.Event{Name: event, Value: 1, Attributes: map[string]string{
			"worker": fmt.Sprint("worker ", i), "platform": "linux", "team_name": "main"}}, &o)
		if o.Updated != updated || o.Refused() != (updated == 0) || strings.Contains(o.Explanation.Reason, "__overflow__") {
			t.Errorf("%s: got outcome %+v", event, o)
		}
	}
}

// TestDryRunsDoNotSayThatEventsWereCounted emits an event for a new series of a counter
// that has reached its limit.
func TestDryRunsDoNotSayThatEventsWereCounted(t *testing.T) {
	e, err := New(Options{Source: mapping.Source{Rules: catalog.Rules(catalog.Inherited), Namespace: "concourse"}, MaxSeries: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dryRun *metric.DryRun
		verb   string
	}{{new(metric.DryRun), "would be counted"}, {nil, "was counted"}} {
		var o metric.Outcome
		for team := range 4 {
			o = metric.Outcome{Explain: true, DryRun: c.dryRun}
			e.EmitReporting(lager.NewLogger("test"), metric.Event{Name: "build finished", Value: 1, Attributes: map[string]string{
				"team_name": fmt.Sprint(team), "pipeline": "p", "job": "j", "build_status": "succeeded"}}, &o)
		}
		expected := "the metric has reached its limit of 2 series: the event " + c.verb + " in the series with label value __overflow__"
		if o.Explanation.Reason != expected {
			t.Errorf("got reason %q, expected %q", o.Explanation.Reason, expected)
		}
	}
}
