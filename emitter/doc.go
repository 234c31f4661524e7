// Package emitter contains the emitters to which a metric.Monitor can pass events.
// Importing it registers them with metric.Metrics.
//
// Each emitter is one file with its flags, its factory and the emitter itself. The
// Prometheus emitter keeps series, which events update according to rules, and serves
// them on a page.
package emitter

import "github.com/signalbox-ci/signalbox/metric"

// Default is the configuration of the Prometheus emitter of metric.Metrics. Parsing the
// flags sets it; fields without a flag may be set until metric.Metrics.Initialize.
var Default = &PrometheusConfig{}

func init() { metric.Metrics.RegisterEmitter(Default) }
