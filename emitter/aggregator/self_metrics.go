package aggregator

import (
	"github.com/prometheus/client_golang/prometheus"
)

// selfMetrics are the metrics about an Aggregator itself.
type selfMetrics struct {
	collectors []prometheus.Collector

	updates  prometheus.Histogram
	sweeps   prometheus.Histogram
	refused  [updateReasons]prometheus.Counter
	rejected [reasons]prometheus.Counter

	pushes          prometheus.Counter
	pushesRejected  [NotStored + 1]prometheus.Counter
	flushes         prometheus.Histogram
	flushFailures   prometheus.Counter
	storageDamaged  prometheus.Gauge
	groupsExpired   prometheus.Counter
	restoreFailures prometheus.Counter
}

// A reason is the reason why a metric of an agent was rejected.
type reason uint8

const (
	_ reason = iota
	invalidName
	invalidLabel
	invalidType
	negative
	notFinite
	clashes
	limitReached
	malformed
	reasons
)

// An updateReason is the reason why an update of an agent was rejected as a whole.
type updateReason uint8

const (
	canceled updateReason = iota
	baseLabels
	updateReasons
)

var updateReasonLabels = [updateReasons]string{"canceled", "base_labels"}

var reasonLabels = [reasons]string{"", "invalid_name", "invalid_label", "invalid_type", "negative", "not_finite", "clash", "series_limit", "malformed"}

var refusalLabels = [...]string{Invalid: "invalid", Inconsistent: "inconsistent", LimitReached: "limit", NotStored: "not_stored"}

// newSelfMetrics returns the metrics without registering them.
func newSelfMetrics(a *Aggregator) *selfMetrics {
	m := &selfMetrics{}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.collectors = append(m.collectors, c)
		return c
	}
	gauge := func(name, help string, value func() float64) {
		m.collectors = append(m.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	histogram := func(name, help string, least float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(least, 4, 10)})
		m.collectors = append(m.collectors, h)
		return h
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		m.collectors = append(m.collectors, v)
		return v
	}

	gauge("signalbox_agents", "Agents whose series are remembered.", func() float64 {
		a.Agents.mu.RLock()
		defer a.Agents.mu.RUnlock()
		return float64(len(a.Agents.byHash))
	})
	gauge("signalbox_agent_series", "Series of agents that are remembered, and sums of them.", func() float64 { return float64(a.Agents.held.Load()) })
	gauge("signalbox_agent_series_limit", "Series that agents may have.", func() float64 { return float64(a.Agents.maxSeries) })
	m.updates = histogram("signalbox_agent_update_duration_seconds", "Time taken by an agent's update.", 1e-6)
	refused := vector("signalbox_agent_updates_rejected_total", "Updates of agents that could be read, but were rejected as a whole, by reason.", "reason")
	for why := range updateReasons {
		m.refused[why] = refused.WithLabelValues(updateReasonLabels[why])
	}
	rejected := vector("signalbox_agent_metrics_rejected_total", "Metrics of agents that were rejected, by reason.", "reason")
	for why := invalidName; why < reasons; why++ {
		m.rejected[why] = rejected.WithLabelValues(reasonLabels[why])
	}
	m.sweeps = histogram("signalbox_push_sweep_duration_seconds", "Time taken to forget what has expired of what was pushed.", 1e-5)

	gauge("signalbox_push_groups", "Groups of pushed metrics.", func() float64 { return float64(a.Groups.groupCount.Load()) })
	gauge("signalbox_push_groups_limit", "Groups of pushed metrics that there may be.", func() float64 { return float64(a.Groups.max) })
	gauge("signalbox_push_series", "Series in groups of pushed metrics.", func() float64 { return float64(a.Groups.seriesCount.Load()) })
	gauge("signalbox_push_sums", "Series that groups are summed to; they count toward the limit too.", func() float64 { return float64(a.Groups.sumCount.Load()) })
	gauge("signalbox_push_series_limit", "Series in groups of pushed metrics, and sums of them, that there may be.", func() float64 { return float64(a.Groups.maxSeries) })
	m.pushes = counter("signalbox_pushes_total", "Pushes to groups that could be read, rejected ones included.")
	pushesRejected := vector("signalbox_pushes_rejected_total", "Pushes to groups that were rejected, or not stored, by reason.", "reason")
	for r := Invalid; r <= NotStored; r++ {
		m.pushesRejected[r] = pushesRejected.WithLabelValues(refusalLabels[r])
	}
	m.groupsExpired = counter("signalbox_push_groups_expired_total", "Groups of pushed metrics that expired.")
	if a.Groups.path != "" {
		m.flushes = histogram("signalbox_push_storage_flush_duration_seconds", "Time taken to bring pushes to disk, many at a time.", 1e-5)
		m.flushFailures = counter("signalbox_push_storage_flush_failures_total", "Attempts to bring pushes to disk that failed.")
		m.restoreFailures = counter("signalbox_push_storage_restore_failures_total", "Groups and sums on disk that could not be restored; they stay there.")
		m.storageDamaged = prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_push_storage_damaged",
			Help: "1 if the file with the pushed groups was found damaged, and moved aside, since the start."})
		m.collectors = append(m.collectors, m.storageDamaged)
	}
	return m
}

// register registers all of the metrics, or none if there is an error. It does nothing
// if the registerer is nil.
func (m *selfMetrics) register(with prometheus.Registerer) error {
	if with == nil {
		return nil
	}
	for i, c := range m.collectors {
		if err := with.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister(with)
			return err
		}
	}
	return nil
}

func (m *selfMetrics) unregister(from prometheus.Registerer) {
	if from == nil {
		return
	}
	for _, c := range m.collectors {
		from.Unregister(c)
	}
}
