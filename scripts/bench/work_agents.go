package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/bench/straightforward"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// In these contests, agents push the same metrics repeatedly, and the metrics are
// scraped. The data of a push is as if it had just been decoded: its strings are equal
// to those in the store, but do not share memory with them.

const (
	agents       = 2000
	agentMetrics = 50

	formattedKeysName = "map of formatted keys"
	constMetricsName  = "client_golang, promhttp, const metrics"
)

// An agentStore is what agents push to.
type agentStore struct {
	update func(aggregator.Labels, []aggregator.Metric) error
	page   func() (http.Handler, error)
}

func agentContests() []contest {
	live := thousands(agents * agentMetrics)
	return []contest{
		{
			name: "agents' updates",
			contenders: []contender{
				{signalboxName, updateAgents(signalboxAgents)},
				{formattedKeysName, updateAgents(straightforwardAgents)},
			},
			compare: func(m *measurement) []comparison {
				return []comparison{{
					work:    fmt.Sprintf("update of the %d metrics of an agent, %s series in total: time per metric, allocations per update", agentMetrics, live),
					unit:    nanoseconds,
					results: m.results(func(t turn) float64 { return t.nanoseconds() / agentMetrics }),
					goals:   []goal{{value: 200}},
				}}
			},
		},
		{
			name: "scrape of agents' metrics",
			contenders: []contender{
				{signalboxName, scrapeAgents(signalboxAgents)},
				{constMetricsName, scrapeAgents(straightforwardAgents)},
			},
			scrape: true,
			rounds: 5,
			compare: func(m *measurement) []comparison {
				return []comparison{{
					work: fmt.Sprintf("scrape, %s pushed gauges, text", live), unit: nanoseconds,
					results: m.results(turn.nanoseconds),
					goals:   []goal{{value: 15e6}},
				}}
			},
		},
	}
}

func signalboxAgents() (*agentStore, error) {
	a, err := aggregator.New(aggregator.Options{AgentTTL: time.Hour})
	if err != nil {
		return nil, err
	}
	return &agentStore{
		update: func(labels aggregator.Labels, metrics []aggregator.Metric) error {
			return a.Agents.Update(context.Background(), labels, metrics)
		},
		page: func() (http.Handler, error) {
			p, err := newSignalbox(func(c *emitter.PrometheusConfig) { c.Pushed = a })
			if err != nil {
				return nil, err
			}
			return p.Handler(), nil
		},
	}, nil
}

func straightforwardAgents() (*agentStore, error) {
	a := straightforward.NewAggregator(time.Hour)
	return &agentStore{
		update: func(labels aggregator.Labels, metrics []aggregator.Metric) error {
			a.Update(labels, metrics)
			return nil
		},
		page: func() (http.Handler, error) {
			registry := prometheus.NewRegistry()
			if err := registry.Register(a); err != nil {
				return nil, err
			}
			return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
		},
	}, nil
}

func agentLabels(agent int) aggregator.Labels {
	return aggregator.Labels{
		Username: fmt.Sprintf("user-%d", agent%97), WorkspaceName: fmt.Sprintf("workspace-%d", agent),
		AgentName: "main", TemplateName: fmt.Sprintf("template-%d", agent%7),
	}
}

// pushedMetrics returns the metrics of an agent. Each has two labels in addition to
// those of the agent.
func pushedMetrics() []aggregator.Metric {
	metrics := make([]aggregator.Metric, agentMetrics)
	for i := range metrics {
		metrics[i] = aggregator.Metric{
			Name: fmt.Sprintf("agent_metric_%d", i), Type: aggregator.Gauge, Value: float64(i),
			Labels: []aggregator.Label{
				{Name: "path", Value: fmt.Sprintf("/api/v%d", i)},
				{Name: "code", Value: strconv.Itoa(200 + i%5)},
			},
		}
	}
	return metrics
}

// push returns the task of pushing the metrics of one agent after the other.
func (s *agentStore) push() *task {
	metrics := pushedMetrics()
	var labels []aggregator.Labels
	for i := range agents {
		labels = append(labels, agentLabels(i))
	}
	var failed error
	t := cycle(agents, func(i, _ int) {
		for m := range metrics {
			metrics[m].Value++
		}
		if err := s.update(labels[i], metrics); err != nil {
			failed = err
		}
	})
	run := t.run
	t.run = func(n int) error {
		run(n)
		return failed
	}
	return t
}

func updateAgents(start func() (*agentStore, error)) func() (*task, error) {
	return func() (*task, error) {
		s, err := start()
		if err != nil {
			return nil, err
		}
		// Create all series first, with strings that later pushes do not share.
		if err := s.push().run(agents); err != nil {
			return nil, err
		}
		return s.push(), nil
	}
}

func scrapeAgents(start func() (*agentStore, error)) func() (*task, error) {
	return func() (*task, error) {
		s, err := start()
		if err != nil {
			return nil, err
		}
		page, err := s.page()
		if err != nil {
			return nil, err
		}
		push := s.push()
		update := func() error { return push.run(agents) }
		if err := update(); err != nil {
			return nil, err
		}
		return scrape(page, text, update, "agent_metric_")
	}
}
