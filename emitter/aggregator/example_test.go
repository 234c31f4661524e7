package aggregator_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// Agents of the same template are shown as one, in a registry that exists already.
func ExampleNew() {
	registry := prometheus.NewRegistry()
	pushed, err := aggregator.New(aggregator.Options{
		Registerer:       registry,
		AgentTTL:         2 * time.Minute,
		AgentAggregateBy: []string{"template_name"},
	})
	if err != nil {
		panic(err)
	}
	defer pushed.Run(context.Background())()
	registry.MustRegister(pushed)

	for _, name := range []string{"a", "b"} {
		err := pushed.Agents.Update(context.Background(), aggregator.Labels{AgentName: name, TemplateName: "go"}, []aggregator.Metric{
			{Name: "builds_total", Type: aggregator.Counter, Value: 21, Labels: []aggregator.Label{{Name: "status", Value: "ok"}}},
			{Name: "load-1m", Type: aggregator.Gauge, Value: 1},
		})
		fmt.Println(err)
	}

	families, _ := registry.Gather()
	for _, f := range families {
		if f.GetName() == "builds_total" {
			f.Help = nil
			expfmt.MetricFamilyToText(os.Stdout, f)
		}
	}
	// Output:
	// "load-1m" is not a metric name
	// "load-1m" is not a metric name
	// # TYPE builds_total counter
	// builds_total{status="ok",template_name="go"} 42
}
