package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/buildinfo"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// selfMetrics are the metrics about Signalbox itself, with the prefix signalbox_. What
// is counted for each event is counted here, where counting is cheap, and copied to the
// store before each scrape.
type selfMetrics struct {
	store *series.Store

	received *traffic.Tallies
	unknown  atomic.Uint64
	rejected [reasons]atomic.Uint64
	refused  atomic.Uint64 // events that were rejected for any reason

	badNames, malformed, unknownNames loglimit.Limiter

	names    traffic.UnknownNames
	examples [reasons]traffic.LatestExample

	stats atomic.Pointer[func() []metric.EmitterStats]

	refreshing sync.Mutex // so that an older reading does not decrease a counter

	eventsReceived, eventsUnknown, eventsRejected    *series.Family
	eventsDropped, queueLength, queueCapacity        *series.Family
	seriesHeld, seriesLimit, seriesRefused           *series.Family
	seriesCollected, workersCollected, sweepDuration *series.Family
	buildInfo                                        *series.Family
	mappingReloaded, mappingReloadTime               *series.Family
}

// DurationBuckets are for work that takes from a millisecond to several seconds.
var DurationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newSelfMetrics(store *series.Store, maxSeries int, received *traffic.Tallies) (*selfMetrics, error) {
	self := &selfMetrics{store: store, received: received}
	for _, f := range []struct {
		family **series.Family
		o      series.FamilyOptions
	}{
		{&self.eventsReceived, series.FamilyOptions{Name: "signalbox_events_received_total", Type: series.Counter,
			Help: "Events received."}},
		{&self.eventsUnknown, series.FamilyOptions{Name: "signalbox_events_unknown_total", Type: series.Counter,
			Help: "Events whose name no rule knows."}},
		{&self.eventsRejected, series.FamilyOptions{Name: "signalbox_events_rejected_total", Type: series.Counter,
			Help: "Events that were rejected for at least one metric, by reason.", Labels: []string{"reason"}}},
		{&self.eventsDropped, series.FamilyOptions{Name: "signalbox_emitter_events_dropped_total", Type: series.Counter,
			Help: "Events that found the queue of an emitter full, by emitter.", Labels: []string{"emitter"}}},
		{&self.queueLength, series.FamilyOptions{Name: "signalbox_emitter_queue_length", Type: series.Gauge,
			Help: "Events that wait for an emitter, by emitter.", Labels: []string{"emitter"}}},
		{&self.queueCapacity, series.FamilyOptions{Name: "signalbox_emitter_queue_capacity", Type: series.Gauge,
			Help: "Events that can wait for an emitter; 0 if it takes them without a queue.", Labels: []string{"emitter"}}},
		{&self.seriesHeld, series.FamilyOptions{Name: "signalbox_series", Type: series.Gauge,
			Help: "Series, by metric.", Labels: []string{"metric"}}},
		{&self.seriesLimit, series.FamilyOptions{Name: "signalbox_series_limit", Type: series.Gauge,
			Help: "Series that one metric may have."}},
		{&self.seriesRefused, series.FamilyOptions{Name: "signalbox_series_refused_total", Type: series.Counter,
			Help: "Updates for new label sets of a metric that had as many series as it may.", Labels: []string{"metric"}}},
		{&self.seriesCollected, series.FamilyOptions{Name: "signalbox_series_collected_total", Type: series.Counter,
			Help: "Series dropped because they or their worker were not heard of for too long."}},
		{&self.workersCollected, series.FamilyOptions{Name: "signalbox_workers_collected_total", Type: series.Counter,
			Help: "Workers dropped because they were not heard of for too long."}},
		{&self.sweepDuration, series.FamilyOptions{Name: "signalbox_sweep_duration_seconds", Type: series.Histogram,
			Help: "Time taken to look for series to drop.", Bounds: DurationBuckets}},
		{&self.mappingReloaded, series.FamilyOptions{Name: "signalbox_mapping_last_reload_successful", Type: series.Gauge,
			Help: "Whether the mapping file could be taken over when it was last read; 1 if there is none."}},
		{&self.mappingReloadTime, series.FamilyOptions{Name: "signalbox_mapping_last_reload_success_timestamp_seconds", Type: series.Gauge,
			Help: "When the mapping in force was taken over, in seconds since the epoch."}},
		{&self.buildInfo, series.FamilyOptions{Name: "signalbox_build_info", Type: series.Gauge,
			Help:   "Always 1; the labels say what was built.",
			Labels: []string{"branch", "goarch", "goos", "goversion", "revision", "tags", "version"}}},
	} {
		f.o.Internal = true
		family, err := store.AddFamily(f.o)
		if err != nil {
			return nil, err
		}
		*f.family = family
	}
	build := buildinfo.Read()
	self.set(self.buildInfo, 1, "", runtime.GOARCH, runtime.GOOS, runtime.Version(), build.Revision, build.Tags, build.Version)
	self.set(self.seriesLimit, float64(maxSeries))
	return self, nil
}

// set sets a series to a value that was counted elsewhere.
func (m *selfMetrics) set(f *series.Family, v float64, labels ...string) {
	f.Update(series.Set, series.Plain(labels...), "", v, m.store.Clock().Now())
}

// refresh copies the current values to the store.
func (m *selfMetrics) refresh() {
	m.refreshing.Lock()
	defer m.refreshing.Unlock()

	m.set(m.eventsReceived, float64(m.received.Total()))
	m.set(m.eventsUnknown, float64(m.unknown.Load()))
	for why := accepted + 1; why < reasons; why++ {
		m.set(m.eventsRejected, float64(m.rejected[why].Load()), reasonLabels[why])
	}
	if stats := m.stats.Load(); stats != nil {
		for _, s := range (*stats)() {
			m.set(m.eventsDropped, float64(s.Dropped), s.Emitter)
			m.set(m.queueLength, float64(s.QueueLength), s.Emitter)
			m.set(m.queueCapacity, float64(s.QueueCapacity), s.Emitter)
		}
	}
	for _, f := range m.store.Families() {
		if !f.Internal() {
			m.set(m.seriesHeld, float64(f.Len()), f.Name())
			m.set(m.seriesRefused, float64(f.Refused()), f.Name())
		}
	}
}

// forget removes the metrics about families that have been removed.
func (m *selfMetrics) forget(families []*series.Family) {
	m.refreshing.Lock()
	defer m.refreshing.Unlock()
	for _, f := range families {
		m.seriesHeld.Drop(f.Name())
		m.seriesRefused.Drop(f.Name())
	}
}

// swept counts what a sweep removed, and records its duration.
func (m *selfMetrics) swept(s series.Swept, took time.Duration) {
	m.add(m.seriesCollected, s.Series)
	m.add(m.workersCollected, s.Owners)
	m.sweepDuration.Update(series.Observe, &series.Values{}, "", took.Seconds(), 0)
}

func (m *selfMetrics) add(f *series.Family, n int) {
	f.Update(series.Add, &series.Values{}, "", float64(n), 0)
}
