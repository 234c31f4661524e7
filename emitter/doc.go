// Package emitter contains the emitters to which a metric.Monitor can pass events.
// Importing it registers them with metric.Metrics.
//
// The Prometheus emitter (prometheus_config.go has its flags and factory, prometheus.go
// the emitter) keeps series, which events update by rules, and serves them on a page.
// Garbage collection removes stale ones (garbage.go).
package emitter

import "github.com/signalbox-ci/signalbox/metric"

// Default is the configuration of the Prometheus emitter of metric.Metrics. Parsing the
// flags sets it; fields without a flag may be set until metric.Metrics.Initialize.
var Default = &PrometheusConfig{}

func init() { metric.Metrics.RegisterEmitter(Default) }
