package metric_test

import (
	"testing"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

func BenchmarkTypedCall(b *testing.B) {
	logger := lager.NewLogger("ci")
	usage := metric.WorkerUsage{Resource: metric.WorkerContainers, WorkerName: "w", Platform: "linux", TeamName: "t", Tags: []string{"plain", "bulky"}, Count: 3}
	plain := concurrentFunc(func(lager.Logger, metric.Event) {})
	for _, bench := range []struct {
		name     string
		node     attributes
		emitters []metric.Emitter
	}{
		{"no emitter", nil, nil},
		{"typed emitter", nil, []metric.Emitter{noop{}}},
		{"typed emitter, 2 node attributes", attributes{"zone": "b", "rack": "1"}, []metric.Emitter{noop{}}},
		{"plain concurrent emitter", nil, []metric.Emitter{plain}},
		{"queued emitter", nil, []metric.Emitter{queuedNoop{}}},
	} {
		monitor := monitorOf(b, bench.node, bench.emitters...)
		b.Run(bench.name+"/containers", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				usage.EmitTo(logger, monitor)
			}
		})
		b.Run(bench.name+"/lock", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)
			}
		})
		b.Run(bench.name+"/http", func(b *testing.B) {
			event := metric.HTTPResponseTime{Route: "GetInfo", Path: "/api/v1/info", Method: "GET", StatusCode: 200}
			b.ReportAllocs()
			for b.Loop() {
				event.EmitTo(logger, monitor)
			}
		})
		b.Run(bench.name+"/build", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				metric.BuildFinished{Build: jobBuild}.EmitTo(logger, monitor)
			}
		})
		b.Run(bench.name+"/containers, parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					usage.EmitTo(logger, monitor)
				}
			})
		})
	}
}

func BenchmarkEmit(b *testing.B) {
	logger := lager.NewLogger("ci")
	event := metric.Event{Name: "worker containers", Attributes: attributes{"worker": "w", "platform": "linux", "team_name": "t", "tags": "a/b"}}
	for name, node := range map[string]attributes{"no node attributes": nil, "2 node attributes": {"zone": "b", "rack": "1"}} {
		monitor := monitorOf(b, node, noop{})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				monitor.Emit(logger, event)
			}
		})
	}
}

func BenchmarkInstruments(b *testing.B) {
	var counter metric.Counter
	var gauge metric.Gauge
	var family metric.GaugeFamily[metric.StepsWaitingLabels]
	b.Run("Counter.Inc", func(b *testing.B) {
		for b.Loop() {
			counter.Inc()
		}
	})
	b.Run("Gauge.Inc", func(b *testing.B) {
		for b.Loop() {
			gauge.Inc()
		}
	})
	b.Run("GaugeFamily.With", func(b *testing.B) {
		for b.Loop() {
			family.With(stepLabels).Inc()
		}
	})
}
