package straightforward

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// An Aggregator stores metrics that agents push, in a map whose key is a string of the
// name and the labels. It is a prometheus.Collector.
type Aggregator struct {
	ttl time.Duration

	mu     sync.Mutex // protects the following fields
	series map[string]*agentSeries
	descs  map[string]*prometheus.Desc // by metric name and label names
}

type agentSeries struct {
	desc      *prometheus.Desc
	valueType prometheus.ValueType
	values    []string
	value     float64
	expires   time.Time
}

// NewAggregator returns an Aggregator that removes series that were not pushed again
// within the TTL.
func NewAggregator(ttl time.Duration) *Aggregator {
	return &Aggregator{ttl: ttl, series: map[string]*agentSeries{}, descs: map[string]*prometheus.Desc{}}
}

// Update stores the metrics that an agent pushes.
func (a *Aggregator) Update(base aggregator.Labels, metrics []aggregator.Metric) {
	expires := time.Now().Add(a.ttl)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range metrics {
		labels := append([]aggregator.Label{
			{Name: "username", Value: base.Username},
			{Name: "workspace_name", Value: base.WorkspaceName},
			{Name: "agent_name", Value: base.AgentName},
			{Name: "template_name", Value: base.TemplateName},
		}, m.Labels...)
		slices.SortFunc(labels, func(x, y aggregator.Label) int { return strings.Compare(x.Name, y.Name) })
		key := key(m.Name, labels)
		s := a.series[key]
		if s == nil {
			s = a.newSeries(m, labels)
			a.series[key] = s
		}
		s.value, s.expires = m.Value, expires
	}
}

func key(name string, labels []aggregator.Label) string {
	var b strings.Builder
	b.Grow(256)
	b.WriteString(name)
	for _, l := range labels {
		b.WriteByte('\xff')
		b.WriteString(l.Name)
		b.WriteByte('\xff')
		b.WriteString(l.Value)
	}
	return b.String()
}

func (a *Aggregator) newSeries(m aggregator.Metric, labels []aggregator.Label) *agentSeries {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.Name, l.Value
	}
	key := m.Name + "\xff" + strings.Join(names, "\xff")
	desc := a.descs[key]
	if desc == nil {
		desc = prometheus.NewDesc(m.Name, "Pushed by agents.", names, nil)
		a.descs[key] = desc
	}
	valueType := prometheus.GaugeValue
	if m.Type == aggregator.Counter {
		valueType = prometheus.CounterValue
	}
	return &agentSeries{desc: desc, valueType: valueType, values: values}
}

// Describe implements prometheus.Collector. It sends nothing, because the pushed
// metrics are not known in advance.
func (a *Aggregator) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. It removes expired series.
func (a *Aggregator) Collect(metrics chan<- prometheus.Metric) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, s := range a.series {
		if now.After(s.expires) {
			delete(a.series, key)
			continue
		}
		metrics <- prometheus.MustNewConstMetric(s.desc, s.valueType, s.value, s.values...)
	}
}
