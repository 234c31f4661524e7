package membudget

import "github.com/prometheus/client_golang/prometheus"

var (
	sizeDesc = prometheus.NewDesc("signalbox_memory_budget_bytes",
		"Memory that may be in use, by use: request bodies (buffer), parsing them (parse), series, groups and event IDs (held).", []string{"use"}, nil)
	usedDesc = prometheus.NewDesc("signalbox_memory_used_bytes",
		"Estimate of the memory in use, by use.", []string{"use"}, nil)
	rejectedDesc = prometheus.NewDesc("signalbox_memory_rejected_total",
		"Number of times that a budget had no room for a request or a series, by use.", []string{"use"}, nil)
)

// Describe implements prometheus.Collector.
func (b *Budgets) Describe(descs chan<- *prometheus.Desc) {
	descs <- sizeDesc
	descs <- usedDesc
	descs <- rejectedDesc
}

// Collect implements prometheus.Collector.
func (b *Budgets) Collect(metrics chan<- prometheus.Metric) {
	for _, use := range [][]*Budget{{b.Buffer}, {b.Parse.budget}, {b.Held, b.IDs}} {
		var size, used int64
		var rejected uint64
		for _, budget := range use {
			size += budget.size
			used += budget.Used()
			rejected += budget.rejected.Load()
		}
		metrics <- prometheus.MustNewConstMetric(sizeDesc, prometheus.GaugeValue, float64(size), use[0].use)
		metrics <- prometheus.MustNewConstMetric(usedDesc, prometheus.GaugeValue, float64(used), use[0].use)
		metrics <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(rejected), use[0].use)
	}
}
