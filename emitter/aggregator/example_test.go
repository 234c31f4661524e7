package aggregator_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// printFamily prints a metric family of a registry in the text format.
func printFamily(registry *prometheus.Registry, name string) {
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			f.Help = nil
			expfmt.MetricFamilyToText(os.Stdout, f)
		}
	}
}

// An agent and a job push metrics, which a registry serves.
func Example() {
	ctx := context.Background()
	registry := prometheus.NewRegistry()
	job := prometheus.NewRegistry()
	tests := prometheus.NewCounter(prometheus.CounterOpts{Name: "tests_total"})
	job.MustRegister(tests)
	tests.Add(312)

	pushed, err := aggregator.New(aggregator.Options{
		AgentTTL: 2 * time.Minute,
		GroupTTL: 24 * time.Hour,
	})
	if err != nil {
		panic(err)
	}
	stop := pushed.Run(ctx) // removes expired metrics
	defer stop()
	registry.MustRegister(pushed)

	// An agent pushes all of its metrics at regular intervals.
	agent := aggregator.Labels{Username: "alice"}
	err = pushed.Agents.Update(ctx, agent, []aggregator.Metric{
		{Name: "builds_total", Type: aggregator.Counter, Value: 21},
	})
	if err != nil {
		panic(err)
	}

	// A job pushes once, before it exits.
	families, err := job.Gather()
	if err != nil {
		panic(err)
	}
	err = pushed.Groups.Push(ctx, aggregator.Push{
		Grouping: []aggregator.Label{{Name: "job", Value: "nightly"}},
		Families: families,
		Replace:  true,
	})
	if err != nil {
		panic(err)
	}

	printFamily(registry, "builds_total")
	printFamily(registry, "tests_total")
	// Output:
	// # TYPE builds_total counter
	// builds_total{username="alice"} 21
	// # TYPE tests_total counter
	// tests_total{instance="",job="nightly"} 312
}

// The aggregator of Coder's server, with the names that its dashboards use.
func ExampleOptions_coder() {
	registry := prometheus.NewRegistry()
	pushed, err := aggregator.New(aggregator.Options{
		Slog:             slog.Default(),
		Registerer:       registry,
		AgentTTL:         2 * time.Minute,
		AgentAggregateBy: []string{"template_name", "username"},
		DurationNames: aggregator.DurationNames{
			Update: "coderd_prometheusmetrics_metrics_aggregator_execution_update_seconds",
			Sweep:  "coderd_prometheusmetrics_metrics_aggregator_execution_cleanup_seconds",
		},
	})
	if err != nil {
		panic(err)
	}
	stop := pushed.Run(context.Background()) // removes expired metrics in the background
	defer stop()
	registry.MustRegister(pushed)

	agent := aggregator.Labels{Username: "alice", WorkspaceName: "blue", AgentName: "main", TemplateName: "go"}
	err = pushed.Agents.Update(context.Background(), agent, []aggregator.Metric{
		{Name: "coderd_agentstats_tx_bytes", Type: aggregator.Counter, Value: 21},
	})
	if err != nil {
		panic(err)
	}

	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "coderd_") {
			fmt.Printf("%s: %s\n", f.GetName(), f.GetHelp())
		}
	}
	// Output:
	// coderd_agentstats_tx_bytes: This metric was pushed by an agent.
	// coderd_prometheusmetrics_metrics_aggregator_execution_cleanup_seconds: Time taken to sweep expired agents and groups.
	// coderd_prometheusmetrics_metrics_aggregator_execution_update_seconds: Time taken to apply an update of an agent.
}

// The series of agents with the same template are aggregated into one.
func ExampleOptions_agentAggregateBy() {
	registry := prometheus.NewRegistry()
	pushed, err := aggregator.New(aggregator.Options{AgentAggregateBy: []string{"template_name"}})
	if err != nil {
		panic(err)
	}
	registry.MustRegister(pushed)

	for _, name := range []string{"a", "b"} {
		err := pushed.Agents.Update(context.Background(), aggregator.Labels{AgentName: name, TemplateName: "go"}, []aggregator.Metric{
			{Name: "builds_total", Type: aggregator.Counter, Value: 21, Labels: []aggregator.Label{{Name: "status", Value: "ok"}}},
		})
		if err != nil {
			panic(err)
		}
	}

	printFamily(registry, "builds_total")
	// Output:
	// # TYPE builds_total counter
	// builds_total{status="ok",template_name="go"} 42
}

// An update applies the valid metrics and reports the others.
func ExampleRejectedError() {
	pushed, err := aggregator.New(aggregator.Options{})
	if err != nil {
		panic(err)
	}
	err = pushed.Agents.Update(context.Background(), aggregator.Labels{AgentName: "a"}, []aggregator.Metric{
		{Name: "load_1m", Type: aggregator.Gauge, Value: 1},
		{Name: "load-5m", Type: aggregator.Gauge, Value: 1},
	})
	fmt.Println(err)
	// Output:
	// "load-5m" is not a metric name
}
