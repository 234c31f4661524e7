package aggregator_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// A fleet contains agents, each with 50 metrics that have two labels in addition to the
// base labels.
type fleet struct {
	labels  []aggregator.Labels
	metrics [][]aggregator.Metric
}

func newFleet(agents int) *fleet {
	f := &fleet{}
	for a := range agents {
		f.labels = append(f.labels, aggregator.Labels{
			Username: fmt.Sprintf("user-%d", a%97), WorkspaceName: fmt.Sprintf("workspace-%d", a),
			AgentName: "main", TemplateName: fmt.Sprintf("template-%d", a%7),
		})
		var metrics []aggregator.Metric
		for m := range 50 {
			metrics = append(metrics, aggregator.Metric{
				Name: fmt.Sprintf("agent_metric_%d_total", m), Type: aggregator.Counter, Value: float64(m),
				Labels: []aggregator.Label{{Name: "path", Value: fmt.Sprintf("/api/v%d", m)}, {Name: "code", Value: strconv.Itoa(200 + m%5)}},
			})
		}
		f.metrics = append(f.metrics, metrics)
	}
	return f
}

func newAggregator(tb testing.TB, aggregateBy []string) *aggregator.Aggregator {
	tb.Helper()
	a, err := aggregator.New(aggregator.Options{AgentTTL: time.Hour, AgentAggregateBy: aggregateBy})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// BenchmarkUpdate measures updates of 50 metrics with two labels each, among 100,000
// series. The agents take turns, so the series of an agent are not in the CPU caches
// when it updates them. The pushed metrics are in the caches, as if they had just been
// decoded. Their strings are equal to the stored ones, but at other addresses.
func BenchmarkUpdate(b *testing.B) {
	for _, bench := range []struct {
		name        string
		aggregateBy []string
		reordered   bool // whether the order of the labels differs from the first push
	}{{"plain", nil, false}, {"aggregated", []string{"template_name"}, false}, {"reordered", nil, true}} {
		b.Run(bench.name, func(b *testing.B) {
			const agents = 2000
			a := newAggregator(b, bench.aggregateBy)
			first, pushed := newFleet(agents), newFleet(1).metrics[0]
			for i := range agents {
				if err := a.Agents.Update(context.Background(), first.labels[i], first.metrics[i]); err != nil {
					b.Fatal(err)
				}
			}
			if bench.reordered {
				for m := range pushed {
					slices.Reverse(pushed[m].Labels)
				}
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				at := n % agents
				for m := range pushed {
					pushed[m].Value++
				}
				if err := a.Agents.Update(context.Background(), first.labels[at], pushed); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/50, "ns/metric")
		})
	}
}

// BenchmarkPush measures pushes of 20 samples to one of several existing groups.
func BenchmarkPush(b *testing.B) {
	for _, groups := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			a := newAggregator(b, nil)
			push := func(group int, v float64) {
				var families []*dto.MetricFamily
				for f := range 20 {
					families = append(families, &dto.MetricFamily{
						Name: proto.String(fmt.Sprintf("metric_%d", f)), Type: dto.MetricType_GAUGE.Enum(),
						Metric: []*dto.Metric{{
							Label: []*dto.LabelPair{{Name: proto.String("suite"), Value: proto.String("unit")}},
							Gauge: &dto.Gauge{Value: proto.Float64(v)},
						}},
					})
				}
				err := a.Groups.Push(context.Background(), aggregator.Push{
					Grouping: []aggregator.Label{{Name: "job", Value: "test"}, {Name: "instance", Value: strconv.Itoa(group)}},
					Families: families, Replace: true,
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			for g := range groups {
				push(g, 0)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				push(n%groups, float64(n))
				n++
			}
		})
	}
}

// BenchmarkRegistry measures a scrape of 100,000 series of agents through a registry.
// The metrics page of emitter.Prometheus does not need one.
func BenchmarkRegistry(b *testing.B) {
	a := newAggregator(b, nil)
	f := newFleet(2000)
	for i := range f.labels {
		if err := a.Agents.Update(context.Background(), f.labels[i], f.metrics[i]); err != nil {
			b.Fatal(err)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(a)
	b.ReportAllocs()
	for b.Loop() {
		families, err := registry.Gather()
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range families {
			if _, err := expfmt.MetricFamilyToText(io.Discard, f); err != nil {
				b.Fatal(err)
			}
		}
	}
}
