package metric_test

import (
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

func TestTypedCallsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector is on; not counting allocations")
	}
	nodes := map[string]attributes{"no node attributes": nil, "node attributes": {"zone": "b", "rack": "1"}}
	emitters := map[string][]metric.Emitter{
		"typed":                {noop{}},
		"concurrent":           {concurrentFunc(func(lager.Logger, metric.Event) {})},
		"typed and concurrent": {noop{}, concurrentFunc(func(lager.Logger, metric.Event) {})},
		"none":                 nil,
	}
	logger := lager.NewLogger("ci")
	for nodeName, node := range nodes {
		for name, emitters := range emitters {
			monitor := monitorOf(t, node, emitters...)
			for _, c := range typedCalls {
				allocations := testing.AllocsPerRun(100, func() { c.call.EmitTo(logger, monitor) })
				if allocations != 0 && !raceEnabled {
					t.Errorf("%s, %s: %T: %v allocations, want 0", name, nodeName, c.call, allocations)
				}
			}
		}
	}
}

// With an emitter, this call would allocate, because its tags are too long to be
// interned.
func TestIdleMonitorDoesNotAllocate(t *testing.T) {
	monitor, logger := metric.NewMonitor(), lager.NewLogger("ci")
	tags := []string{strings.Repeat("x", 1000), "y"}
	if n := testing.AllocsPerRun(100, func() {
		metric.WorkerUsage{Tags: tags}.EmitTo(logger, monitor)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestEmitDoesNotAllocate(t *testing.T) {
	logger := lager.NewLogger("ci")
	event := metric.Event{Name: "deploy finished", Attributes: attributes{"a": "1", "b": "2"}}
	for _, node := range []attributes{nil, {"zone": "b"}} {
		for _, emitter := range []metric.Emitter{noop{}, concurrentFunc(func(lager.Logger, metric.Event) {})} {
			monitor := monitorOf(t, node, emitter)
			allocations := testing.AllocsPerRun(100, func() { monitor.Emit(logger, event) })
			if allocations != 0 && !raceEnabled {
				t.Errorf("%T, node %v: %v allocations, want 0", emitter, node, allocations)
			}
		}
	}
}

func TestInstrumentsDoNotAllocate(t *testing.T) {
	var requests metric.CounterFamily[string]
	var steps metric.GaugeFamily[metric.StepsWaitingLabels]
	if n := testing.AllocsPerRun(100, func() {
		requests.With("ListAllJobs").Inc()
		steps.With(stepLabels).Inc()
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
