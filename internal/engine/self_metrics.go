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

// selfMetrics contains the metrics about Signalbox itself, which have the prefix
// signalbox_. Values that change with each event are counted here, where counting is
// cheap, and copied to the store before each scrape.
type selfMetrics struct {
	store *series.Store

	received       *traffic.Tallies
	unknown        atomic.Uint64
	rejected       [reasons]atomic.Uint64 // number of rejected events, by reason
	rejectedEvents atomic.Uint64          // number of events rejected for any reason

	invalidNames, malformed, unknownNames loglimit.Limiter

	names    traffic.UnknownNames
	examples [reasons]traffic.LatestExample

	stats atomic.Pointer[func() []metric.EmitterStats]

	// refreshing is held while the values are copied. Otherwise, a concurrent refresh
	// could set a counter back to an older value.
	refreshing sync.Mutex

	eventsReceived, eventsUnknown, eventsRejected    *series.Family
	eventsDropped, queueLength, queueCapacity        *series.Family
	seriesHeld, seriesLimit, seriesRefused           *series.Family
	seriesCollected, workersCollected, sweepDuration *series.Family
	buildInfo                                        *series.Family
	mappingReloaded, mappingReloadTime               *series.Family
}

// DurationBuckets are the buckets, in seconds, for durations from a millisecond to
// several seconds.
var DurationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newSelfMetrics(store *series.Store, maxSeries int, received *traffic.Tallies) (*selfMetrics, error) {
	self := &selfMetrics{store: store, received: received}
	for _, f := range []struct {
		family **series.Family
		o      series.FamilyOptions
	}{
		{&self.eventsReceived, series.FamilyOptions{Name: "signalbox_events_received_total", Type: series.Counter,
			Help: "Number of events received."}},
		{&self.eventsUnknown, series.FamilyOptions{Name: "signalbox_events_unknown_total", Type: series.Counter,
			Help: "Number of events with an unknown name."}},
		{&self.eventsRejected, series.FamilyOptions{Name: "signalbox_events_rejected_total", Type: series.Counter,
			Help: "Number of events that were malformed or rejected for at least one metric, by reason.", Labels: []string{"reason"}}},
		{&self.eventsDropped, series.FamilyOptions{Name: "signalbox_emitter_events_dropped_total", Type: series.Counter,
			Help: "Number of events dropped because the queue of the emitter was full or the emitter panicked, by emitter.", Labels: []string{"emitter"}}},
		{&self.queueLength, series.FamilyOptions{Name: "signalbox_emitter_queue_length", Type: series.Gauge,
			Help: "Number of events in the queue of an emitter, by emitter.", Labels: []string{"emitter"}}},
		{&self.queueCapacity, series.FamilyOptions{Name: "signalbox_emitter_queue_capacity", Type: series.Gauge,
			Help: "Maximum number of events in the queue of an emitter, by emitter; 0 if the emitter has no queue.", Labels: []string{"emitter"}}},
		{&self.seriesHeld, series.FamilyOptions{Name: "signalbox_series", Type: series.Gauge,
			Help: "Number of series, by metric.", Labels: []string{"metric"}}},
		{&self.seriesLimit, series.FamilyOptions{Name: "signalbox_series_limit", Type: series.Gauge,
			Help: "Maximum number of series per metric."}},
		{&self.seriesRefused, series.FamilyOptions{Name: "signalbox_series_refused_total", Type: series.Counter,
			Help: "Number of updates for new label sets when the metric had reached its series limit or there was no memory for another series, by metric.", Labels: []string{"metric"}}},
		{&self.seriesCollected, series.FamilyOptions{Name: "signalbox_series_collected_total", Type: series.Counter,
			Help: "Number of series removed because they were idle or their worker was stale."}},
		{&self.workersCollected, series.FamilyOptions{Name: "signalbox_workers_collected_total", Type: series.Counter,
			Help: "Number of workers removed because they were stale."}},
		{&self.sweepDuration, series.FamilyOptions{Name: "signalbox_sweep_duration_seconds", Type: series.Histogram,
			Help: "Time taken by a sweep for stale and idle series, in seconds.", Bounds: DurationBuckets}},
		{&self.mappingReloaded, series.FamilyOptions{Name: "signalbox_mapping_last_reload_successful", Type: series.Gauge,
			Help: "Whether the last attempt to load the mapping file was successful; 1 without a mapping file."}},
		{&self.mappingReloadTime, series.FamilyOptions{Name: "signalbox_mapping_last_reload_success_timestamp_seconds", Type: series.Gauge,
			Help: "Time when the active mapping was loaded, in seconds since the Unix epoch."}},
		{&self.buildInfo, series.FamilyOptions{Name: "signalbox_build_info", Type: series.Gauge,
			Help:   "A metric with a constant value of 1, labeled with information about the build.",
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

// set sets a series to a value that is maintained elsewhere.
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

// forget removes the metrics about the given families, which no longer exist.
func (m *selfMetrics) forget(families []*series.Family) {
	m.refreshing.Lock()
	defer m.refreshing.Unlock()
	for _, f := range families {
		m.seriesHeld.Drop(f.Name())
		m.seriesRefused.Drop(f.Name())
	}
}

// swept counts the series and workers that a sweep removed, and records its duration.
func (m *selfMetrics) swept(s series.Swept, took time.Duration) {
	m.add(m.seriesCollected, s.Series)
	m.add(m.workersCollected, s.Owners)
	m.sweepDuration.Update(series.Observe, &series.Values{}, "", took.Seconds(), 0)
}

func (m *selfMetrics) add(f *series.Family, n int) {
	f.Update(series.Add, &series.Values{}, "", float64(n), 0)
}
