package builds

import (
	"hash/maphash"
	"time"

	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
)

// states are the states of runs and jobs that have not ended. The first element is not
// a state: the index of a state is greater than 0.
var states = []string{"", "pending", "executing", "blocked"}

// groups are groups of active runs or jobs, by the hash of their attributes. Which
// attributes identify a group depends on the sender and on the rules.
type groups[G interface{ setAt() time.Time }] struct {
	byHash map[uint64]G
	max    int
	swept  time.Time // when sweep was last called
}

func newGroups[G interface{ setAt() time.Time }](max int) groups[G] {
	return groups[G]{byHash: make(map[uint64]G), max: max}
}

// hasRoom reports whether a group can be added. If not, it calls sweep first, but at most
// once a minute.
func (g *groups[G]) hasRoom(now time.Time) bool {
	if len(g.byHash) >= g.max && now.Sub(g.swept) >= time.Minute {
		g.sweep(now)
	}
	return len(g.byHash) < g.max
}

// sweep removes the groups that have not been set for catalog.InactiveAfter, when the
// series of the metrics expire too.
func (g *groups[G]) sweep(now time.Time) {
	g.swept = now
	for hash, group := range g.byHash {
		if now.Sub(group.setAt()) >= catalog.InactiveAfter {
			delete(g.byHash, hash)
		}
	}
}

// maxActiveGroups is the maximum number of groups of a gauge.
const maxActiveGroups = 10_000

// A gauge sums the latest values of groups of active runs, or of jobs.
type gauge struct{ groups[activeGroup] }

// An activeGroup is the latest value that was set for a group, and when.
type activeGroup struct {
	state int // index of states
	value float64
	at    time.Time
}

func (c activeGroup) setAt() time.Time { return c.at }

// set sets the value of a group. A value of 0 removes it.
func (g *gauge) set(hash uint64, state int, value float64, now time.Time) {
	if value == 0 {
		delete(g.byHash, hash)
		return
	}
	if _, ok := g.byHash[hash]; ok || g.hasRoom(now) {
		g.byHash[hash] = activeGroup{state, value, now}
	}
}

// sums returns the sums of the values by state.
func (g *gauge) sums(now time.Time) (sums [4]float64) {
	g.sweep(now)
	for _, c := range g.byHash {
		sums[c.state] += c.value
	}
	return sums
}

// The indexes of the texts of a waiting job, which follow those of its pipeline.
const (
	textJob = textPipeline + 1 + iota
	textJobRunnerClass
	textJobURL
)

// maxWaiting is the maximum number of groups of waiting jobs.
const maxWaiting = 1000

// A waitingJob is the job that has waited for the longest time in its group.
type waitingJob struct {
	seconds float64   // how long it has waited
	time    time.Time // of the event; several values with the same time are of one report
	at      time.Time // when the value was set
	texts   texts
}

func (j *waitingJob) setAt() time.Time { return j.at }

// waitingJobs contains the job that has waited for the longest time in each group.
type waitingJobs struct{ groups[*waitingJob] }

func (w *waitingJobs) set(hash uint64, e *engine.TappedEvent) {
	job := w.byHash[hash]
	switch {
	case e.Value == 0:
		delete(w.byHash, hash)
		return
	case job == nil && !w.hasRoom(e.Now):
		return
	case job == nil:
		job = &waitingJob{}
		w.byHash[hash] = job
	case !e.Time.IsZero() && e.Time.Equal(job.time) && e.Value < job.seconds:
		return
	}
	job.seconds, job.time, job.at = e.Value, e.Time, e.Now
	job.texts = appendPipeline(job.texts[:0], e).append(e.Attribute("job"), e.Attribute("runner_class")).appendURL(e.Attribute("url"))
}

// longest returns the job that has waited for the longest time, or nil.
func (w *waitingJobs) longest(now time.Time) (longest *waitingJob) {
	w.sweep(now)
	for _, job := range w.byHash {
		if longest == nil || job.seconds > longest.seconds {
			longest = job
		}
	}
	return longest
}

// hashAttributes returns a hash of the attributes of an event, which does not depend on
// their order. It omits empty ones and, if ofJob is set, those that describe a job or its
// run.
func hashAttributes(seed maphash.Seed, e *engine.TappedEvent, ofJob bool) (sum uint64) {
	var h maphash.Hash
	h.SetSeed(seed)
	for name, value := range e.Attributes {
		if value == "" || ofJob && describesJob(name) {
			continue
		}
		h.Reset()
		h.WriteString(name)
		h.WriteByte(0)
		h.WriteString(value)
		sum += h.Sum64()
	}
	return sum
}

// describesJob reports whether an attribute of a waiting job is about the job or its
// run, and not about the runners that it waits for.
func describesJob(attribute string) bool {
	switch attribute {
	case "owner", "repository", "pipeline", "branch", "ref_kind", "trigger", "retry", "commit", "url", "run_id", "attempt",
		"job_id", "job", "runner_group", "worker":
		return true
	}
	return false
}
