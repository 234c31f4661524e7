package webhook

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// delayBuckets are the bounds of the histogram of delays, in seconds. CI systems deliver
// within seconds, except when they have a backlog.
var delayBuckets = []float64{.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400}

func newDelays(name string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:        "signalbox_source_delivery_delay_seconds",
		Help:        "Time from the end of a run, job or deployment to its delivery, by the clock of the CI system.",
		ConstLabels: prometheus.Labels{"source": name},
		Buckets:     delayBuckets,
	})
}

var (
	deliveriesDesc = prometheus.NewDesc("signalbox_source_deliveries_total",
		"Number of webhook deliveries, by source and outcome.", []string{"source", "outcome"}, nil)
	lastDesc = prometheus.NewDesc("signalbox_source_last_delivery_timestamp_seconds",
		"Time of the latest authentic delivery, in seconds since the Unix epoch; 0 if there was none.", []string{"source"}, nil)
	anomaliesDesc = prometheus.NewDesc("signalbox_source_time_anomalies_total",
		"Number of times and durations in deliveries that cannot be right, by kind.", []string{"source", "kind"}, nil)
	entriesDesc = prometheus.NewDesc("signalbox_source_state_entries",
		"Number of runs, jobs, workers and other objects that are remembered, by state.", []string{"source", "state"}, nil)
	expiredDesc = prometheus.NewDesc("signalbox_source_state_expired_total",
		"Number of runs, jobs and other objects that did not change for too long and are no longer counted as active, by state.", []string{"source", "state"}, nil)
	evictedDesc = prometheus.NewDesc("signalbox_source_state_evicted_total",
		"Number of runs, jobs, workers and other objects forgotten because there were too many, by state.", []string{"source", "state"}, nil)
)

// Describe implements prometheus.Collector.
func (r *Receiver) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{deliveriesDesc, lastDesc, anomaliesDesc, entriesDesc, expiredDesc, evictedDesc} {
		descs <- d
	}
	for _, in := range r.inputs {
		in.tally.delays.Describe(descs)
	}
}

// Collect implements prometheus.Collector.
func (r *Receiver) Collect(metrics chan<- prometheus.Metric) {
	for _, in := range r.inputs {
		name := in.Name()
		for o := Outcome(1); o < outcomes; o++ {
			metrics <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.CounterValue, float64(in.tally.counts[o].Load()), name, o.String())
		}
		metrics <- prometheus.MustNewConstMetric(lastDesc, prometheus.GaugeValue, float64(in.tally.last.Load())/1e9, name)
		in.tally.delays.Collect(metrics)
	}
	r.collectStats(metrics)
}

// collectStats collects the metrics about the tracker.
func (r *Receiver) collectStats(metrics chan<- prometheus.Metric) {
	r.mu.Lock()
	stats := r.tracker.Stats()
	r.mu.Unlock()
	collect := func(desc *prometheus.Desc, typ prometheus.ValueType, counts []tracker.Count) {
		for _, c := range counts {
			metrics <- prometheus.MustNewConstMetric(desc, typ, float64(c.Count), c.System, c.Name)
		}
	}
	collect(anomaliesDesc, prometheus.CounterValue, stats.Anomalies)
	collect(entriesDesc, prometheus.GaugeValue, stats.Entries)
	collect(expiredDesc, prometheus.CounterValue, stats.Expired)
	collect(evictedDesc, prometheus.CounterValue, stats.Evicted)
}
