// Package aggregator holds the metrics that other programs push: agents, which send all
// of their metrics at regular intervals, and jobs, which push once before they exit.
//
// A series of an agent expires when its TTL has passed since the last update. The
// metrics of jobs are held in groups, as in the Prometheus Pushgateway. A group exists
// until it is deleted or, if it has a TTL, until the TTL has passed since the last
// push. Both kinds of metrics can be aggregated by label.
//
// An Aggregator is a prometheus.Collector, which an existing registry can collect.
// emitter.Prometheus serves it on its own page at a fraction of the cost; see
// emitter.PrometheusConfig.
package aggregator
