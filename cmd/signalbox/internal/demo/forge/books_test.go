package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The books are what metrics must show after the deliveries that have arrived, by the
// name of the sample. They follow these rules:
//
//   - The first report about an object that arrives with a state counts; a delivery
//     without news is a duplicate, and one about an earlier state is stale.
//   - A report includes what the states before it would have reported. If the start of a
//     job is lost, its end has the time of the start too.
//   - Only the start of a deployment has the time of the start. If it does not arrive
//     before the end, the deployment has no duration.
//   - A run on GitHub waits until its first job starts. Its queue time is known when a
//     report about the run and one about a started job have arrived.
//   - A pipeline of GitLab runs again after its end if a job is retried. Each end that is
//     later than those that arrived before is another one.
//   - What does not end because its end was lost is active until it has not changed for
//     activeLimit.
//   - The lead time of a deployment is known if a report about a run of its commit
//     arrived before its end.
type books struct {
	samples map[string]float64

	entries   map[entryKey]*entry
	seen      map[string]bool // IDs of deliveries
	counted   map[string]bool // ends, as endOf returns them
	delivered map[string]bool // ends, likewise
	commits   map[string]time.Time
	deployed  map[string]time.Time // latest end, by sample
}

// activeLimit is how long an object is active without a change.
const activeLimit = 20 * time.Minute

type entryKey struct {
	system      string
	kind        kind
	id, attempt int
}

// An entry is what is known about an object.
type entry struct {
	report // the last one that was accepted

	known        bool // there was a report about it, not only about its jobs
	active       bool
	changed      time.Time
	waits        time.Time // since when it waits
	startCounted bool
	startedAt    time.Time
	queueDone    bool
	reopened     bool
	lastEnd      time.Time
	firstStart   time.Time // of the jobs of a run
}

func newBooks() *books {
	return &books{
		samples: map[string]float64{}, entries: map[entryKey]*entry{}, seen: map[string]bool{}, counted: map[string]bool{},
		delivered: map[string]bool{}, commits: map[string]time.Time{}, deployed: map[string]time.Time{},
	}
}

// results are the results in metrics for those of the simulation.
var results = map[string]string{
	success: "success", failure: "failure", cancelled: "cancellation", skipped: "skip", timedOut: "timeout", broken: "error",
}

// sample returns the name of a sample. labels are names and values.
func sample(family string, labels ...string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	return family + "{" + strings.Join(pairs, ",") + "}"
}

func (b *books) inc(family string, labels ...string) { b.samples[sample(family, labels...)]++ }

func (b *books) observe(seconds float64, family string, labels ...string) {
	b.inc(family+"_count", labels...)
	b.samples[sample(family+"_sum", labels...)] += seconds
}

// endOf identifies an end of an object.
func endOf(r *report) string {
	return fmt.Sprint(r.system, r.kind, r.id, r.attempt, r.ended)
}

// entry returns the entry of an object, which it creates if necessary.
func (b *books) entry(system string, k kind, id, attempt int) *entry {
	key := entryKey{system, k, id, attempt}
	if b.entries[key] == nil {
		b.entries[key] = &entry{}
	}
	return b.entries[key]
}

// arrive enters a delivery.
func (b *books) arrive(d *Delivery) {
	outcome := b.outcome(d)
	b.inc("signalbox_source_deliveries_total", "outcome", outcome, "source", d.System)
	if r := &d.report; outcome == "accepted" && r.state == ended {
		b.observe(d.Arrives.Sub(r.ended).Seconds(), "signalbox_source_delivery_delay_seconds", "source", d.System)
	}
}

func (b *books) outcome(d *Delivery) string {
	if d.Forged {
		return "unauthorized"
	}
	r := &d.report
	if r.state == ended {
		b.delivered[endOf(r)] = true
	}
	if b.seen[d.id] {
		return "duplicate"
	}
	b.seen[d.id] = true
	e := b.entry(r.system, r.kind, r.id, r.attempt)
	at := r.changed // when it happened
	if r.state == ended {
		at = r.ended
	}
	switch {
	case !e.known:
	case r.system == GitLab && r.kind == runs && e.state == ended && at.After(e.lastEnd):
		e.state, e.reopened, e.queueDone, e.startCounted = queued, true, true, false
	case e.state == r.state:
		return "duplicate"
	case e.state > r.state, e.reopened && !at.After(e.lastEnd):
		return "stale"
	}
	b.accept(e, r, d.Arrives)
	return "accepted"
}

// accept enters a report that is news about an object.
func (b *books) accept(e *entry, r *report, now time.Time) {
	isFirst := !e.known
	e.report, e.known, e.active, e.changed = *r, true, r.state != ended, now
	if e.waits = r.queued; r.system == GitLab { // the time at which a job is queued is not reported
		e.waits = now
	}
	if !r.started.IsZero() {
		e.startedAt = r.started
	}
	ran := r.state >= started && !r.started.IsZero()
	if r.kind == runs && r.system == GitHub {
		ran = r.state >= started
	}
	if !r.committed.IsZero() {
		b.commits[r.repository+r.commit] = r.committed
	}
	if r.state == ended {
		e.lastEnd = r.ended
		b.counted[endOf(r)] = true
	}
	switch r.kind {
	case runs:
		b.acceptRun(e, isFirst, ran)
	case jobs:
		b.acceptJob(e, ran)
	case deployments:
		b.acceptDeployment(e)
	}
}

func (b *books) acceptRun(e *entry, isFirst, ran bool) {
	pipeline := []string{"pipeline", e.workflow, "repository", e.repository, "system", e.system}
	if isFirst {
		b.inc("ci_runs_queued_total", pipeline...)
	}
	if ran && !e.startCounted {
		e.startCounted = true
		b.inc("ci_runs_started_total", pipeline...)
	}
	if e.system == GitHub {
		b.observeRunQueueTime(e)
	} else if ran && !e.queueDone {
		e.queueDone = true
		b.observe(e.waited, "ci_run_queue_duration_seconds", pipeline...)
	}
	if e.state != ended {
		return
	}
	refKind, result := "default", results[e.result]
	if e.trigger == pullRequest {
		refKind = "pull_request"
	}
	b.inc("ci_runs_finished_total", "pipeline", e.workflow, "ref_kind", refKind, "repository", e.repository, "result", result, "system", e.system)
	if result == "failure" {
		b.inc("ci_run_errors_total", append([]string{"error_type", "_OTHER"}, pipeline...)...)
	}
	if ran {
		seconds := e.ran
		if e.system == GitHub { // has no time in the queue
			seconds = e.ended.Sub(e.queued).Seconds()
		}
		b.observe(seconds, "ci_run_duration_seconds", "pipeline", e.workflow, "repository", e.repository, "result", result, "system", e.system)
	}
}

// observeRunQueueTime enters how long a run on GitHub waited until a job started, if
// both are known.
func (b *books) observeRunQueueTime(e *entry) {
	if e.known && !e.queueDone && !e.firstStart.IsZero() {
		e.queueDone = true
		b.observe(e.firstStart.Sub(e.queued).Seconds(), "ci_run_queue_duration_seconds", "pipeline", e.workflow, "repository", e.repository, "system", e.system)
	}
}

func (b *books) acceptJob(e *entry, ran bool) {
	if ran && !e.queueDone {
		e.queueDone = true
		waited := e.waited
		if e.system == GitHub {
			waited = e.started.Sub(e.queued).Seconds()
		}
		b.observe(waited, "ci_job_queue_duration_seconds", "runner_class", e.class(), "system", e.system)
	}
	if e.state == ended {
		result := results[e.result]
		b.inc("ci_jobs_finished_total", "pipeline", e.workflow, "repository", e.repository, "result", result, "retry", fmt.Sprint(e.retry), "runner_class", e.class(), "system", e.system)
		if ran {
			seconds := e.ran
			if e.system == GitHub {
				seconds = e.ended.Sub(e.started).Seconds()
			}
			b.observe(seconds, "ci_job_duration_seconds", "repository", e.repository, "result", result, "runner_class", e.class(), "system", e.system)
		}
	}
	if r := b.entry(e.system, runs, e.run, e.attempt); ran && e.system == GitHub && !r.queueDone {
		if r.firstStart.IsZero() || e.started.Before(r.firstStart) {
			r.firstStart = e.started
		}
		b.observeRunQueueTime(r)
	}
}

func (b *books) acceptDeployment(e *entry) {
	if e.state != ended {
		return
	}
	tier, place := e.environment, []string{"environment", e.environment, "repository", e.repository, "system", e.system}
	if e.system == GitHub && tier != "production" { // the only tier that GitHub knows
		tier = ""
	}
	result := results[e.result]
	b.inc("ci_deployments_total", "environment", e.environment, "repository", e.repository, "result", result, "system", e.system, "tier", tier)
	if !e.startedAt.IsZero() {
		b.observe(e.ended.Sub(e.startedAt).Seconds(), "ci_deployment_duration_seconds", place...)
	}
	if result != "success" {
		return
	}
	if last := sample("ci_last_deployment_timestamp_seconds", place...); e.ended.After(b.deployed[last]) {
		b.deployed[last] = e.ended
		b.samples[last] = float64(e.ended.Unix())
	}
	if committed := b.commits[e.repository+e.commit]; !committed.IsZero() {
		b.observe(e.ended.Sub(committed).Seconds(), "ci_change_lead_time_seconds", place...)
	}
}

// class returns the class of the runner of a job: the sorted labels, without
// "self-hosted" if there are others.
func (e *entry) class() string {
	labels := slices.Sorted(slices.Values(e.labels))
	if len(labels) > 1 {
		labels = slices.DeleteFunc(labels, func(label string) bool { return label == "self-hosted" })
	}
	return strings.Join(labels, ",")
}

// stateNames are the values of the label "state".
var stateNames = [...]string{queued: "pending", started: "executing"}

// tick enters what has expired.
func (b *books) tick(now time.Time) {
	for _, e := range b.entries {
		if e.active && now.Sub(e.changed) > activeLimit {
			e.active = false
			b.inc("signalbox_source_state_expired_total", "source", e.system, "state", stateNames[e.state])
		}
	}
}

// page returns all samples at the time of a tick, with those about active objects.
func (b *books) page(now time.Time) map[string]float64 {
	page := map[string]float64{}
	for name, value := range b.samples {
		page[name] = value
	}
	for _, e := range b.entries {
		switch {
		case !e.active:
		case e.kind == runs:
			page[sample("ci_runs_active", "state", stateNames[e.state], "system", e.system)]++
		case e.kind == jobs:
			page[sample("ci_jobs_active", "runner_class", e.class(), "state", stateNames[e.state], "system", e.system)]++
			if e.state == queued {
				oldest := sample("ci_oldest_job_waiting_seconds", "runner_class", e.class(), "system", e.system)
				page[oldest] = max(page[oldest], now.Sub(e.waits).Seconds())
			}
		}
	}
	return page
}
