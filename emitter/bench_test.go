package emitter_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// These benchmarks measure the cost of an event. Run them several times, since the
// speed of machines varies:
//
//	go test -run '^$' -bench . -cpu 1,2 -count 5 ./emitter
//
// The benchmarks create the events in advance, because a scheduler's events exist by
// the time they reach an emitter. They alternate between workers and jobs, so that no
// series is always in the CPU's cache. scripts/benchmark compares Signalbox with other
// libraries.

const benchWorkers = 1000

func newBenchEmitter(b *testing.B) *emitter.Prometheus {
	b.Helper()
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", MaxSeriesPerMetric: 2_000_000}
	return startFor(b, config, nil)
}

func workerEvents(n int) []metric.Event {
	events := make([]metric.Event, n)
	for i := range events {
		events[i] = metric.Event{Name: "worker containers", Value: float64(i), Attributes: map[string]string{
			"worker": fmt.Sprintf("concourse-worker-%d", i), "platform": "linux", "team_name": "main", "tags": "",
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

// each calls work for one event after the other, in as many goroutines as -cpu
// requests. Each goroutine starts at a different event.
func each(b *testing.B, events []metric.Event, work func(*metric.Event)) {
	var goroutines atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(goroutines.Add(1)) * 500
		for pb.Next() {
			if i++; i >= len(events) {
				i = 0
			}
			work(&events[i])
		}
	})
}

func BenchmarkWorkerContainers(b *testing.B) {
	logger := lager.NewLogger("bench")
	events := workerEvents(benchWorkers)

	b.Run("emit", func(b *testing.B) {
		p := newBenchEmitter(b)
		each(b, events, func(e *metric.Event) { p.Emit(logger, *e) })
	})
	b.Run("typed call", func(b *testing.B) {
		m := metric.NewMonitor()
		m.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
		if err := m.Initialize(logger, "host", nil, 0); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { m.Close(context.Background()) })
		each(b, events, func(e *metric.Event) {
			metric.WorkerUsage{
				Resource:   metric.WorkerContainers,
				WorkerName: e.Attributes["worker"],
				Platform:   "linux",
				TeamName:   "main",
				Count:      int(e.Value),
			}.EmitTo(logger, m)
		})
	})
	// The cost that every emitter has before it can do anything else.
	b.Run("only reading the attributes", func(b *testing.B) {
		var length atomic.Int64
		each(b, events, func(e *metric.Event) {
			a := e.Attributes
			if len(a["platform"])+len(a["tags"])+len(a["team_name"])+len(a["worker"]) == 0 {
				length.Add(1) // never happens, but the compiler does not know that
			}
		})
	})
}

// BenchmarkBursts reports the time of an update in the fastest hundredth of 2,000 bursts
// of 1,000 updates, which excludes most disturbances.
func BenchmarkBursts(b *testing.B) {
	logger := lager.NewLogger("bench")
	p := newBenchEmitter(b)
	eventType := metric.EventType{Name: "worker containers", Attributes: []string{"worker", "platform", "team_name", "tags"}}
	prepared := p.Prepare(eventType)
	vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "containers"}, eventType.Attributes)
	events := workerEvents(benchWorkers)
	values := make([][]string, benchWorkers)
	bound := make([]metric.BoundEvent, benchWorkers)
	for i := range values {
		values[i] = []string{events[i].Attributes["worker"], "linux", "main", ""}
		bound[i] = prepared.(metric.BindableEvent).Bind(values[i])
	}
	for _, update := range []struct {
		name string
		of   func(i int)
	}{
		{"Emit", func(i int) { p.Emit(logger, events[i]) }},
		{"EmitValues", func(i int) { prepared.EmitValues(logger, float64(i), values[i]) }},
		{"Bind", func(i int) { bound[i].Emit(logger, float64(i)) }},
		{"client_golang", func(i int) { vector.WithLabelValues(values[i]...).Set(float64(i)) }},
	} {
		b.Run(update.name, func(b *testing.B) {
			bursts := make([]time.Duration, 2000)
			for b.Loop() {
				for k := range bursts {
					begin := time.Now()
					for i := range benchWorkers {
						update.of(i)
					}
					bursts[k] = time.Since(begin)
				}
			}
			slices.Sort(bursts)
			b.ReportMetric(float64(bursts[len(bursts)/100])/benchWorkers, "ns/update")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkBuildFinished(b *testing.B) {
	logger := lager.NewLogger("bench")
	events := buildEvents(benchWorkers)
	b.Run("emit", func(b *testing.B) {
		p := newBenchEmitter(b)
		each(b, events, func(e *metric.Event) { p.Emit(logger, *e) })
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
