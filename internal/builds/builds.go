// Package builds keeps what the status page shows about runs and jobs of CI systems:
// what is active, results and times of pipelines over the last hour and day, queue
// times of classes of runners, and the latest runs. It observes the events through taps
// of the engine, so it does not matter which source emits them.
package builds

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// The limits of what is kept. The memory for pipelines and classes of runners is also at
// most a sixteenth of the memory budget. Groups of gauges, waiting jobs and the latest
// runs need up to about 5 MiB more, which is not counted.
const (
	maxPipelines     = 10_000
	maxRunnerClasses = 1000
	maxBytes         = 32 << 20
)

// Options configure Builds. The zero values are the defaults.
type Options struct {
	// Memory counts the memory that is used; nil means that it is not counted.
	Memory *membudget.Budget
}

// Builds observes the events about runs and jobs. It is safe for concurrent use.
type Builds struct {
	seed maphash.Seed

	mu            sync.Mutex // protects the following fields; never held for long
	pipelines     table
	runnerClasses table
	runs, jobs    gauge
	waiting       waitingJobs
	latest        latestRuns
	texts         texts // buffer for the texts of the current event
}

// New returns Builds that have observed nothing.
func New(o Options) *Builds {
	limit := min(maxBytes, o.Memory.Size()/16)
	seed := maphash.MakeSeed()
	newTable := func(entries int, bytes int64) table {
		return table{maxEntries: entries, maxBytes: bytes, memory: o.Memory, byName: make(map[string]*entry)}
	}
	return &Builds{
		seed:          seed,
		pipelines:     newTable(maxPipelines, limit/8*7),
		runnerClasses: newTable(maxRunnerClasses, limit/8),
		runs:          gauge{newGroups[activeGroup](maxActiveGroups)},
		jobs:          gauge{newGroups[activeGroup](maxActiveGroups)},
		waiting:       waitingJobs{newGroups[*waitingJob](maxWaiting)},
		latest:        latestRuns{seed: seed},
	}
}

// results are the results of runs. The key of a result is its index.
var results = []string{"success", "failure", "error", "timeout", "cancellation", "other"}

const (
	success key = iota
	failure
	failedToRun // the result "error"
	timeout
)

// resultOf returns the key of a result. It returns false if the result is unknown or
// "skip": a skipped run did not run.
func resultOf(result string) (key, bool) {
	i := slices.Index(results, result)
	return key(i), i >= 0
}

// Taps returns the taps for the events that b observes, by name.
func (b *Builds) Taps() map[string]engine.Tap {
	return map[string]engine.Tap{
		"ci run finished":       b.runFinished,
		"ci run time":           b.runTime,
		"ci run queue time":     b.runQueueTime,
		"ci runs active":        func(e engine.TappedEvent) { b.setGauge(&b.runs, &e, e.Attribute("state")) },
		"ci jobs active":        func(e engine.TappedEvent) { b.setGauge(&b.jobs, &e, e.Attribute("state")) },
		"ci job queue time":     func(e engine.TappedEvent) { b.jobQueueTime(&e, e.Attribute("system"), e.Attribute("runner_class")) },
		"ci oldest job waiting": b.oldestJobWaiting,

		// Concourse, with the same correspondence as in the rules of the catalog: the team
		// is the repository, and steps are the jobs.
		"build finished":         b.buildFinished,
		"builds running":         func(e engine.TappedEvent) { b.setGauge(&b.runs, &e, "executing") },
		"steps waiting":          func(e engine.TappedEvent) { b.setGauge(&b.jobs, &e, "pending") },
		"steps waiting duration": func(e engine.TappedEvent) { b.jobQueueTime(&e, concourse, e.Attribute("workerTags")) },
	}
}

// concourse is the system of Concourse's own events.
const concourse = "concourse"

// appendPipeline appends the texts of the pipeline that an event is about.
func appendPipeline(t texts, e *engine.TappedEvent) texts {
	return t.append(e.Attribute("system"), e.Attribute("instance"), e.Attribute("repository"), e.Attribute("pipeline"))
}

func (b *Builds) runFinished(e engine.TappedEvent) { b.reportRun(&e, -1) }

func (b *Builds) runTime(e engine.TappedEvent) {
	if isTime(e.Value) {
		b.reportRun(&e, e.Value)
	}
}

// reportRun records that a run has finished or, if seconds is not negative, its
// duration. They are separate events, because the duration can be unknown.
func (b *Builds) reportRun(e *engine.TappedEvent, seconds float64) {
	r := runReport{ended: whenOf(e), seconds: seconds}
	ok := false
	if r.result, ok = resultOf(e.Attribute("result")); !ok || e.Attribute("system") == "" {
		return
	}
	id := e.Attribute("run_id")
	k := resultKeys + r.result
	if seconds >= 0 {
		k = durationKeys + bucketOf(seconds)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.texts = appendPipeline(b.texts[:0], e).append(id, e.Attribute("attempt")).appendURL(e.Attribute("url"))
	b.pipelines.count(b.texts.first(textRunID), slotOf(r.ended), slotOf(e.Now), k)
	if seconds < 0 || id != "" {
		b.texts = b.latest.set(b.texts, &r)
	}
}

func (b *Builds) runQueueTime(e engine.TappedEvent) {
	if !isTime(e.Value) || e.Attribute("system") == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.texts = appendPipeline(b.texts[:0], &e)
	b.pipelines.count(b.texts, slotOf(whenOf(&e)), slotOf(e.Now), queueKeys+bucketOf(e.Value))
}

func (b *Builds) jobQueueTime(e *engine.TappedEvent, system, runnerClass string) {
	if !isTime(e.Value) || system == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.texts = b.texts[:0].append(system, e.Attribute("instance"), runnerClass)
	b.runnerClasses.count(b.texts, slotOf(whenOf(e)), slotOf(e.Now), queueKeys+bucketOf(e.Value))
}

func (b *Builds) setGauge(g *gauge, e *engine.TappedEvent, state string) {
	i := slices.Index(states, state)
	if i <= 0 || !isTime(e.Value) {
		return
	}
	hash := hashAttributes(b.seed, e, false)
	b.mu.Lock()
	defer b.mu.Unlock()
	g.set(hash, i, e.Value, e.Now)
}

func (b *Builds) oldestJobWaiting(e engine.TappedEvent) {
	if !isTime(e.Value) {
		return
	}
	hash := hashAttributes(b.seed, &e, true)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.set(hash, &e)
}

// buildFinished records a build of Concourse. A build that never started has the
// duration 0, which is not counted.
func (b *Builds) buildFinished(e engine.TappedEvent) {
	r := runReport{ended: whenOf(&e), seconds: -1}
	ok := false
	if r.result, ok = resultOf(catalog.ResultOfBuild(e.Attribute("build_status"))); !ok {
		return
	}
	if isTime(e.Value) && e.Value > 0 {
		r.seconds = e.Value / 1000
	}
	at, now := slotOf(r.ended), slotOf(e.Now)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.texts = b.texts[:0].append(concourse, "", e.Attribute("team_name"), e.Attribute("pipeline"), e.Attribute("build_id"), "").appendURL("")
	pipeline := b.texts.first(textRunID)
	if r.seconds >= 0 {
		b.pipelines.count(pipeline, at, now, resultKeys+r.result, durationKeys+bucketOf(r.seconds))
	} else {
		b.pipelines.count(pipeline, at, now, resultKeys+r.result)
	}
	b.texts = b.latest.set(b.texts, &r)
}

// maxValue is the highest plausible value: about 300 years, if it is a time in seconds.
const maxValue = 1e10

// isTime reports whether a value can be a time in seconds, or a number of runs or jobs.
func isTime(v float64) bool { return v >= 0 && v <= maxValue }

// whenOf returns when the event happened, or the current time if that is unknown or in
// the future.
func whenOf(e *engine.TappedEvent) time.Time {
	if e.Time.IsZero() || e.Time.After(e.Now) {
		return e.Now
	}
	return e.Time
}

func slotOf(t time.Time) slot {
	return slot(min(max(0, t.Unix()/slotSeconds), 1<<24-slotsPerDay))
}
