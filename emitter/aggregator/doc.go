// Package aggregator receives the metrics that agents and jobs push, and serves them to
// Prometheus:
//
//	pushed, err := aggregator.New(aggregator.Options{
//		AgentTTL: 2 * time.Minute,
//		GroupTTL: 24 * time.Hour,
//	})
//	if err != nil {
//		return err
//	}
//	stop := pushed.Run(ctx) // removes expired metrics
//	defer stop()
//	registry.MustRegister(pushed)
//
//	// An agent pushes all of its metrics at regular intervals.
//	agent := aggregator.Labels{Username: "alice"}
//	err = pushed.Agents.Update(ctx, agent, []aggregator.Metric{
//		{Name: "builds_total", Type: aggregator.Counter, Value: 21},
//	})
//
//	// A job pushes once, before it exits.
//	err = pushed.Groups.Push(ctx, aggregator.Push{
//		Grouping: []aggregator.Label{{Name: "job", Value: "nightly"}},
//		Families: families, // []*dto.MetricFamily
//		Replace:  true,
//	})
//
// # Lifetime
//
// A series of an agent expires when its TTL has passed since the agent last updated it.
// The metrics of jobs are stored in groups, as in the Prometheus Pushgateway. A group
// exists until it is deleted. If it has a TTL, it also expires when the TTL has passed
// since the last push. Groups can be stored in a file, so that they survive restarts;
// see Options.StoragePath.
//
// # Aggregation
//
// The series of several agents or groups can be aggregated into one, by label; see
// Options.AgentAggregateBy and Options.GroupAggregateBy.
//
// # Serving
//
// An Aggregator is a prometheus.Collector, so it can be registered in an existing
// registry. Alternatively, emitter.Prometheus can include the metrics in its own
// metrics page, which costs a fraction of what a registry costs; see the field Pushed
// of emitter.PrometheusConfig.
package aggregator
