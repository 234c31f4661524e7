package emitter_test

import (
	"fmt"
	"io"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// The benchmarks stand beside the same work done with a plain client_golang
// vector, to be run together:
//
//	go test -run '^$' -bench . -cpu 1,2 ./emitter
//
// The events are made beforehand, as a scheduler's would be by the time they
// reach an emitter; the workers take turns, so that no series is always hot.

const benchWorkers = 1000

func newBenchEmitter(b *testing.B) *emitter.Prometheus {
	b.Helper()
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", MaxSeriesPerMetric: 2_000_000}
	e, err := config.NewEmitter(nil)
	if err != nil {
		b.Fatal(err)
	}
	p := e.(*emitter.Prometheus)
	b.Cleanup(func() { p.Close() })
	return p
}

func workerEvents(n int) []metric.Event {
	events := make([]metric.Event, n)
	for i := range events {
		events[i] = metric.Event{Name: "worker containers", Value: float64(i), Attributes: map[string]string{
			"worker": fmt.Sprintf("worker-%d", i), "platform": "linux", "team_name": "main", "tags": "",
		}}
	}
	return events
}

func buildEvents(n int) []metric.Event {
	events := make([]metric.Event, n)
	for i := range events {
		events[i] = metric.Event{Name: "build finished", Value: float64(i) * 1000, Attributes: map[string]string{
			"build": "1", "build_id": fmt.Sprint(i), "build_status": "succeeded",
			"job": fmt.Sprintf("job-%d", i%100), "pipeline": "main", "team_name": "main",
		}}
	}
	return events
}

func BenchmarkEmit(b *testing.B) {
	logger := lager.NewLogger("bench")
	for name, events := range map[string][]metric.Event{
		"worker containers": workerEvents(benchWorkers),
		"build finished":    buildEvents(benchWorkers),
	} {
		b.Run(name, func(b *testing.B) {
			p := newBenchEmitter(b)
			for _, event := range events {
				p.Emit(logger, event)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					p.Emit(logger, events[i%len(events)])
				}
			})
		})
	}
}

func BenchmarkClientGolangVector(b *testing.B) {
	b.Run("worker containers", func(b *testing.B) {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "containers"}, []string{"platform", "tags", "team", "worker"})
		events := workerEvents(benchWorkers)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				a := events[i%len(events)].Attributes
				vec.WithLabelValues(a["platform"], a["tags"], a["team_name"], a["worker"]).Set(events[i%len(events)].Value)
			}
		})
	})
}

func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := newBenchEmitter(b)
			logger := lager.NewLogger("bench")
			for _, event := range workerEvents(n) {
				p.Emit(logger, event)
			}
			b.ReportAllocs()
			for b.Loop() {
				emitter.WritePage(p, io.Discard, expfmt.NewFormat(expfmt.TypeTextPlain))
			}
		})
	}
}
