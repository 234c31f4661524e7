package builds

import (
	"hash/maphash"
	"time"

	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
)

// States of runs and jobs that have not ended. The first is none of them.
var states = []string{"", "pending", "executing", "blocked"}

// maxGroups is the maximum number of groups of a gauge.
const maxGroups = 10_000

// sweepInterval is the minimum time between two attempts to make room for another group.
// Each of them looks at all groups.
const sweepInterval = time.Minute

// A gauge sums the latest values of groups of active runs, or of jobs. Which attributes
// make a group depends on the sender and on the rules.
type gauge struct {
	groups map[uint64]group // by the hash of their attributes
	swept  time.Time        // when the groups that were not set recently were removed
}

// A group has the latest value that was set.
type group struct {
	state int // index of states
	value float64
	at    time.Time
}

// set sets the value of a group. A value of 0 removes it.
func (g *gauge) set(hash uint64, state int, value float64, now time.Time) {
	if value == 0 {
		delete(g.groups, hash)
		return
	}
	if _, ok := g.groups[hash]; !ok && len(g.groups) >= maxGroups {
		if now.Sub(g.swept) < sweepInterval {
			return
		}
		if g.sweep(now); len(g.groups) >= maxGroups {
			return
		}
	}
	g.groups[hash] = group{state, value, now}
}

// sweep removes the groups that were not set for as long as the series of the metrics
// stay without being set.
func (g *gauge) sweep(now time.Time) {
	g.swept = now
	for hash, group := range g.groups {
		if now.Sub(group.at) >= catalog.InactiveAfter {
			delete(g.groups, hash)
		}
	}
}

// sums returns the sums of the values by state.
func (g *gauge) sums(now time.Time) (sums [4]float64) {
	g.sweep(now)
	for _, group := range g.groups {
		sums[group.state] += group.value
	}
	return sums
}

// The texts of a waiting job, after those of its pipeline.
const (
	textJob = textPipeline + 1 + iota
	textJobRunnerClass
	textJobURL
)

// maxWaiting is the maximum number of groups of waiting jobs.
const maxWaiting = 1000

// A waitingJob is the one that has waited for the longest time in its group.
type waitingJob struct {
	seconds float64
	time    time.Time // of the event; several values with the same time are of one report
	at      time.Time // when the value was set
	texts   texts
}

// A waitingJobs has a job for each group that has waiting jobs.
type waitingJobs struct {
	groups map[uint64]*waitingJob // as in gauge
	swept  time.Time              // as in gauge
}

func (w *waitingJobs) set(hash uint64, e *engine.TappedEvent) {
	job := w.groups[hash]
	switch {
	case e.Value == 0:
		delete(w.groups, hash)
		return
	case job == nil && len(w.groups) >= maxWaiting:
		if e.Now.Sub(w.swept) < sweepInterval {
			return
		}
		if w.sweep(e.Now); len(w.groups) >= maxWaiting {
			return
		}
		fallthrough
	case job == nil:
		job = &waitingJob{}
		w.groups[hash] = job
	case !e.Time.IsZero() && e.Time.Equal(job.time) && e.Value < job.seconds:
		return
	}
	job.seconds, job.time, job.at = e.Value, e.Time, e.Now
	job.texts = appendPipeline(job.texts[:0], e).append(e.Attribute("job"), e.Attribute("runner_class")).appendURL(e.Attribute("url"))
}

func (w *waitingJobs) sweep(now time.Time) {
	w.swept = now
	for hash, job := range w.groups {
		if now.Sub(job.at) >= catalog.InactiveAfter {
			delete(w.groups, hash)
		}
	}
}

// longest returns the job that has waited for the longest time, or nil.
func (w *waitingJobs) longest(now time.Time) (longest *waitingJob) {
	w.sweep(now)
	for _, job := range w.groups {
		if longest == nil || job.seconds > longest.seconds {
			longest = job
		}
	}
	return longest
}

// hashAttributes hashes the attributes of an event, whatever their order, except for
// those that identify a job.
func hashAttributes(seed maphash.Seed, e *engine.TappedEvent, ofJob bool) (sum uint64) {
	var h maphash.Hash
	h.SetSeed(seed)
	for name, value := range e.Attributes {
		if ofJob {
			switch name {
			case "job", "job_id", "repository", "pipeline", "url":
				continue
			}
		}
		h.Reset()
		h.WriteString(name)
		h.WriteByte(0)
		h.WriteString(value)
		sum += h.Sum64()
	}
	return sum
}
