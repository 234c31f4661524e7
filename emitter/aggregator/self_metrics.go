package aggregator

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// selfMetrics are the metrics about an Aggregator itself.
type selfMetrics struct {
	collectors []prometheus.Collector

	updates         prometheus.Histogram
	sweeps          prometheus.Histogram
	updatesRejected [updateReasons]prometheus.Counter
	metricsRejected [reasons]prometheus.Counter

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
	memoryLimit
	malformed
	reasons // number of reasons, including 0
)

// An updateReason is the reason why an update of an agent was rejected as a whole.
type updateReason uint8

const (
	canceled updateReason = iota
	baseLabels
	updateReasons // number of reasons
)

var updateReasonLabels = [updateReasons]string{"canceled", "base_labels"}

var reasonLabels = [reasons]string{"", "invalid_name", "invalid_label", "invalid_type", "negative", "not_finite", "clash", "series_limit", "memory_limit", "malformed"}

var refusalLabels = [...]string{Invalid: "invalid", Inconsistent: "inconsistent", LimitReached: "limit", NotStored: "not_stored"}

// newSelfMetrics returns the metrics without registering them.
func newSelfMetrics(a *Aggregator, durations DurationNames) *selfMetrics {
	m := &selfMetrics{}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.collectors = append(m.collectors, c)
		return c
	}
	gauge := func(name, help string, value func() float64) {
		m.collectors = append(m.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	histogram := func(name, help string, firstBound float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(firstBound, 4, 10)})
		m.collectors = append(m.collectors, h)
		return h
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		m.collectors = append(m.collectors, v)
		return v
	}

	gauge("signalbox_agents", "Number of agents, including expired ones that have not been removed yet.", func() float64 {
		a.Agents.mu.RLock()
		defer a.Agents.mu.RUnlock()
		return float64(len(a.Agents.byHash))
	})
	gauge("signalbox_agent_series", "Number of series of agents, including sums, and expired series that have not been removed yet.", func() float64 { return float64(a.Agents.seriesCount.Load()) })
	gauge("signalbox_agent_series_limit", "Maximum number of series of agents, including sums.", func() float64 { return float64(a.Agents.maxSeries) })
	m.updates = histogram(durations.Update, "Time taken to apply an update of an agent.", 1e-6)
	updatesRejected := vector("signalbox_agent_updates_rejected_total", "Number of updates of agents that were decoded, but rejected as a whole, by reason.", "reason")
	for why := range updateReasons {
		m.updatesRejected[why] = updatesRejected.WithLabelValues(updateReasonLabels[why])
	}
	metricsRejected := vector("signalbox_agent_metrics_rejected_total", "Number of metrics of agents that were rejected, by reason.", "reason")
	for why := invalidName; why < reasons; why++ {
		m.metricsRejected[why] = metricsRejected.WithLabelValues(reasonLabels[why])
	}
	m.sweeps = histogram(durations.Sweep, "Time taken to sweep expired agents and groups.", 1e-5)

	gauge("signalbox_push_families_omitted", "Number of pushed metrics that the metrics page omits, because a reload has added rules that update them.", func() float64 { return float64(a.omitted()) })
	gauge("signalbox_push_groups", "Number of groups of pushed metrics.", func() float64 { return float64(a.Groups.groupCount.Load()) })
	gauge("signalbox_push_groups_limit", "Maximum number of groups of pushed metrics.", func() float64 { return float64(a.Groups.max) })
	gauge("signalbox_push_series", "Number of series in groups of pushed metrics, without sums.", func() float64 { return float64(a.Groups.seriesCount.Load()) })
	gauge("signalbox_push_sums", "Number of sums of series of aggregated groups. They count toward the limit of series.", func() float64 { return float64(a.Groups.sumCount.Load()) })
	gauge("signalbox_push_series_limit", "Maximum number of series in groups of pushed metrics, including sums.", func() float64 { return float64(a.Groups.maxSeries) })
	m.pushes = counter("signalbox_pushes_total", "Number of pushes to groups that were decoded, including rejected ones.")
	pushesRejected := vector("signalbox_pushes_rejected_total", "Number of pushes to groups that were rejected or not stored, by reason.", "reason")
	for r := Invalid; r <= NotStored; r++ {
		m.pushesRejected[r] = pushesRejected.WithLabelValues(refusalLabels[r])
	}
	m.groupsExpired = counter("signalbox_push_groups_expired_total", "Number of groups of pushed metrics that expired.")
	if a.Groups.path != "" {
		m.flushes = histogram("signalbox_push_storage_flush_duration_seconds", "Time taken by a write to disk, which may contain many pushes.", 1e-5)
		m.flushFailures = counter("signalbox_push_storage_flush_failures_total", "Number of writes of pushes to disk that failed.")
		m.restoreFailures = counter("signalbox_push_storage_restore_failures_total", "Number of groups and sums on disk that could not be restored. They remain on disk.")
		m.storageDamaged = prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_push_storage_damaged",
			Help: "Whether the file with the pushed groups was found damaged and moved aside since the start (1) or not (0)."})
		m.collectors = append(m.collectors, m.storageDamaged)
	}
	return m
}

// checkNames returns an error if two of the metrics have the same name, or if one has the
// name of a sample of another. A registry accepts the latter, but then gathering fails.
func (m *selfMetrics) checkNames() error {
	types := map[string]series.Type{}
	for _, c := range m.collectors {
		descs := make(chan *prometheus.Desc, 1)
		c.Describe(descs)
		name, typ := nameIn(<-descs), series.Gauge
		if _, ok := c.(prometheus.Histogram); ok {
			typ = series.Histogram
		}
		if _, ok := types[name]; ok {
			return fmt.Errorf("DurationNames: two metrics would have the name %s", name)
		}
		types[name] = typ
	}
	for name, typ := range types {
		if err := series.CheckSampleNames(name, typ, true, func(name string) (series.Type, bool) {
			typ, ok := types[name]
			return typ, ok
		}); err != nil {
			return fmt.Errorf("DurationNames: %w", err)
		}
	}
	return nil
}

// register registers all of the metrics, or none of them if it returns an error. It
// does nothing if the registerer is nil.
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
