package idempotency

import "github.com/prometheus/client_golang/prometheus"

var (
	entriesDesc = prometheus.NewDesc("signalbox_idempotency_entries",
		"Number of event IDs and answers to requests that are kept to recognize repeats.", nil, nil)
	entriesLimitDesc = prometheus.NewDesc("signalbox_idempotency_entries_limit",
		"Maximum number of event IDs and answers to requests that are kept to recognize repeats.", nil, nil)
	bytesDesc = prometheus.NewDesc("signalbox_idempotency_bytes",
		"Approximate memory for event IDs and answers to requests, in bytes.", nil, nil)
	bytesLimitDesc = prometheus.NewDesc("signalbox_idempotency_limit_bytes",
		"Maximum memory for event IDs and answers to requests, in bytes.", nil, nil)
	evictedDesc = prometheus.NewDesc("signalbox_idempotency_evicted_total",
		"Number of event IDs and answers to requests that were removed before an hour because of a limit.", nil, nil)
	duplicatesDesc = prometheus.NewDesc("signalbox_events_duplicate_total",
		"Number of events dropped because an event with the same ID was received before.", nil, nil)
	requestsDesc = prometheus.NewDesc("signalbox_idempotent_requests_repeated_total",
		"Number of requests whose Idempotency-Key was used before, by outcome: replayed (got the stored answer), concurrent (rejected, because the first request was still being handled), or different (rejected, because the requests differ).",
		[]string{"outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (t *Table) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{entriesDesc, entriesLimitDesc, bytesDesc, bytesLimitDesc, evictedDesc, duplicatesDesc, requestsDesc} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (t *Table) Collect(metrics chan<- prometheus.Metric) {
	t.mu.Lock()
	t.expireLocked()
	entries, bytes, counts := len(t.entries), t.bytes, t.counts
	t.mu.Unlock()

	gauge := func(d *prometheus.Desc, v float64) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(entriesDesc, float64(entries))
	gauge(entriesLimitDesc, float64(t.maxEntries))
	gauge(bytesDesc, float64(bytes))
	gauge(bytesLimitDesc, float64(t.memory.Size()))
	counter(evictedDesc, counts.evicted)
	counter(duplicatesDesc, counts.duplicates)
	counter(requestsDesc, counts.replayed, "replayed")
	counter(requestsDesc, counts.concurrent, "concurrent")
	counter(requestsDesc, counts.differs, "different")
}
