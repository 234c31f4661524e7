// Package emitter contains the Prometheus emitter, which turns the events of a
// metric.Monitor into metrics and serves them on a page for Prometheus to scrape.
//
//	monitor := metric.NewMonitor()
//	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "9391"})
//	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
//		return err
//	}
//	defer monitor.Close(context.Background())
//
//	metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)
//
// http://127.0.0.1:9391/metrics then contains the sample
//
//	concourse_locks_held{type="Batch"} 1
//
// Importing the package registers [Default] with metric.Metrics. A program that uses
// metric.Metrics therefore needs no RegisterEmitter: it sets the fields of Default, or
// lets metric.Metrics.WireEmitters add them to its flags.
//
// Rules decide which metrics an event updates. There are built-in rules for the events
// of package metric. To add rules for other events, use [PrometheusConfig].Rules or a
// mapping file.
//
// The emitter removes the series of workers without recent heartbeats. A program that
// serves metrics on its own server uses [Prometheus.Handler].
//
// On Linux, importing the package also replaces the process collector in
// client_golang's default registry with a faster one. It has the same metrics, and a
// program can unregister it in the same way.
package emitter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/process"
	"github.com/signalbox-ci/signalbox/metric"
)

// Default is the configuration of the Prometheus emitter of metric.Metrics. Parsing the
// program's flags sets its fields. Fields without a flag may be set until
// metric.Metrics.Initialize is called.
var Default = &PrometheusConfig{}

func init() {
	metric.Metrics.RegisterEmitter(Default)
	process.Replace(prometheus.DefaultRegisterer)
}
