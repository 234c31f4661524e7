package membudget

import "github.com/prometheus/client_golang/prometheus"

var (
	sizeDesc = prometheus.NewDesc("signalbox_memory_budget_bytes",
		"Memory that may be in use, by use: request bodies (buffer), parsing them (parse), series and groups (held).", []string{"use"}, nil)
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
	for _, budget := range []*Budget{b.Buffer, &b.Parse.Budget, b.Held} {
		metrics <- prometheus.MustNewConstMetric(sizeDesc, prometheus.GaugeValue, float64(budget.size), budget.use)
		metrics <- prometheus.MustNewConstMetric(usedDesc, prometheus.GaugeValue, float64(budget.Used()), budget.use)
		metrics <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(budget.rejected.Load()), budget.use)
	}
}
