// Package aggregator keeps the metrics that others push: agents, which send all
// that they have every so often, and jobs, which push once before they end.
//
// What agents push lives until a while after its last update. What jobs push is
// kept in groups, by the rules of Prometheus' Pushgateway, and lives until it is
// deleted, or until a while after the last push if asked. Both can be aggregated
// by label. An Aggregator is a prometheus.Collector; emitter.Prometheus serves it
// on its own page, at a fraction of the cost.
//
//	aggregator.go  how it all is put together
//	agents.go      Update: what agents push
//	agent.go       how an agent's series are found again
//	jobs.go        Push: what jobs push
//	prepare.go     what a push says, before it is compared with what is there
//	validate.go    what is wrong with it on its own, if anything
//	sum.go         the sums of counters and histograms, which never go down
//	exact.go       adding without rounding
//	clash.go       which names are taken
//	record.go      groups and sums as they are stored on disk
package aggregator
