// Package aggregator holds the metrics that other programs push: agents, which send
// all of their metrics at regular intervals, and jobs, which push once before they
// exit.
//
// A series of an agent lives until its TTL has passed since the last update. The
// metrics of jobs are held in groups, by the rules of the Prometheus Pushgateway, and
// live until they are deleted or, if they have a TTL, until that has passed since the
// last push. Both can be aggregated by label.
//
// An Aggregator is a prometheus.Collector, for a registry that exists already.
// emitter.Prometheus serves it on its own page at a fraction of the cost; see
// emitter.PrometheusConfig.
package aggregator
