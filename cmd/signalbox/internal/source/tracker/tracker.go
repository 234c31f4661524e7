package tracker

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// Options configure a Tracker. The zero values are the defaults.
type Options struct {
	// MaxObjects is the maximum number of objects. The default is 100,000. A new object
	// removes the one that ended first or, if none has ended, the one that has not
	// changed for the longest time.
	MaxObjects int

	// QueuedLimit and RunningLimit are how long an object can stay queued or blocked,
	// and started, without a change. Afterwards it is no longer counted as active. The
	// defaults are 24 hours.
	QueuedLimit, RunningLimit time.Duration

	// Memory is how long the tracker remembers objects that have ended. Changes to
	// unknown objects that are older than this are stale. The default is 24 hours.
	Memory time.Duration

	// GaugeAttributes returns the names of the attributes that rules use of the events
	// "ci runs active", "ci jobs active" and "ci oldest job waiting". The tracker groups
	// active objects by them. Apply calls it. Nil means system and runner_class, which
	// only jobs have. State is always included for the first two.
	GaugeAttributes func(event string) []string
}

// A Tracker keeps the state of runs, jobs and deployments. It is not safe for concurrent
// use. Create it with New.
type Tracker struct{ options Options }

// New returns a tracker without objects.
func New(o Options) *Tracker { return &Tracker{o} }

// Apply applies a change that was delivered at the time now. It returns the events to
// emit, in order. The caller must not change their attributes.
func (t *Tracker) Apply(c Change, now time.Time) ([]metric.Event, Outcome) {
	return nil, Ignored
}

// Tick removes what is too old, and returns the current values of all gauges as events.
// The caller should call it every few seconds.
func (t *Tracker) Tick(now time.Time) []metric.Event {
	return nil
}

// Stats are statistics about a tracker. The counts are sorted by system.
type Stats struct {
	// Entries are the numbers of objects in the table by state: pending, blocked,
	// executing and ended. The last one includes expired objects.
	Entries []Count

	// Expired are the numbers of objects that reached QueuedLimit or RunningLimit, by
	// state. Evicted are the numbers of objects that were removed because of MaxObjects,
	// by state.
	Expired, Evicted []Count

	// Anomalies are the numbers of anomalies by kind, in accepted changes.
	Anomalies []Count
}

// A Count is a number of objects or anomalies.
type Count struct {
	System string
	Name   string // the state or the kind of anomaly
	Count  uint64
}

// Stats returns the current statistics.
func (t *Tracker) Stats() Stats { return Stats{} }
