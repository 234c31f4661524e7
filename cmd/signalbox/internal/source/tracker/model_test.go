package tracker_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/metric"
)

var modelRuns = flag.Int("model-runs", 300, "Number of random sequences in TestModel.")

// TestModel applies the changes of random lives of runs, jobs and other objects in random
// order, with repeats and losses, and compares the tracker with a simple model after
// every step.
func TestModel(t *testing.T) {
	for seed := range *modelRuns {
		if !testModel(t, uint64(seed)) {
			t.Fatalf("seed %d", seed)
		}
	}
}

func testModel(t *testing.T, seed uint64) bool {
	random := rand.New(rand.NewPCG(seed, 1))
	var changes []tracker.Change
	for n := range 1 + random.IntN(12) {
		for _, c := range life(random, fmt.Sprint(n)) {
			if random.IntN(8) == 0 {
				continue // lost
			}
			changes = append(changes, c)
			for random.IntN(4) == 0 {
				changes = append(changes, c)
			}
		}
	}
	// Some deliveries are late: by little or by much.
	delay := []int{0, 3, len(changes) + 1}[random.IntN(3)]
	order := make([]float64, len(changes))
	for i := range order {
		order[i] = float64(i) + float64(delay)*random.Float64()
	}
	indexes := random.Perm(len(changes))
	slices.SortStableFunc(indexes, func(i, j int) int { return int(math.Copysign(1, order[i]-order[j])) })

	tr, m, page := tracker.New(tracker.Options{}), newModel(), newPage()
	now := start.Add(20 * time.Hour)
	for step, i := range indexes {
		now = now.Add(time.Duration(random.IntN(5)) * time.Second)
		events, outcome := tr.Apply(changes[i], now)
		page.take(events)
		if accepted := m.apply(changes[i], now); accepted != (outcome == tracker.Accepted) || !accepted && len(events) > 0 {
			t.Errorf("step %d: got outcome %v and %v, model accepts: %v\n%+v", step, outcome, events, accepted, changes[i])
			return false
		}
		ticked := random.IntN(5) == 0
		if ticked {
			page.take(tr.Tick(now))
		}
		if !page.equals(t, m, now, ticked) {
			t.Errorf("step %d: %+v", step, changes[i])
			return false
		}
	}

	// Everything expires, and is forgotten.
	for _, w := range m.workers {
		w.State, w.Time = tracker.Offline, now
		if events, outcome := tr.Apply(w, now); outcome == tracker.Accepted {
			page.take(events)
		}
	}
	clear(m.workers) // ten minutes later
	active := uint64(0)
	for _, o := range m.objects {
		if o.state != 0 && o.state != ended && o.Kind != tracker.Incident {
			active++
			o.state = 0
		}
	}
	now = now.Add(24*time.Hour + 1)
	page.take(tr.Tick(now))
	expired := uint64(0)
	for _, c := range tr.Stats().Expired {
		expired += c.Count
	}
	if expired != active {
		t.Errorf("got %d expired objects, expected %d", expired, active)
		return false
	}
	if !page.equals(t, m, now, true) || tr.Groups() != 0 {
		t.Errorf("after the expiry, with %d groups", tr.Groups())
		return false
	}
	tr.Tick(now.Add(30 * 24 * time.Hour)) // incidents expire
	tr.Tick(now.Add(45 * 24 * time.Hour))
	if !tr.Empty() {
		t.Error("got memory that is used at the end, expected none")
		return false
	}
	for _, c := range tr.Stats().Entries {
		if c.Count != 0 {
			t.Errorf("got %d objects, expected 0", c.Count)
			return false
		}
	}
	return true
}

// life returns the changes of a run and its jobs, or of another object.
func life(random *rand.Rand, id string) []tracker.Change {
	seconds := func(n int) time.Duration { return time.Duration(random.IntN(n)) * time.Second }
	began := start.Add(seconds(3600))
	attributes := tracker.Attributes{Repository: fmt.Sprint("octo-org/", random.IntN(2)), Commit: id}
	switch random.IntN(6) {
	case 4:
		var changes []tracker.Change
		for range 1 + random.IntN(6) {
			began = began.Add(seconds(3))
			s := tracker.Available + tracker.State(random.IntN(4))
			changes = append(changes, tracker.Change{System: "buildkite", Kind: tracker.Worker, ID: id, State: s, Time: began, Attributes: attributes})
		}
		return changes
	case 5:
		c := tracker.Change{System: "cdevents", Kind: tracker.Incident, ID: id, Attributes: attributes}
		changes := states(c, began, 0, seconds(36_000))[1:]
		changes[1].Result = ""
		return changes
	case 0:
		c := tracker.Change{System: "github", Kind: tracker.Deployment, ID: id, Attributes: attributes}
		return end(random, states(c, began, seconds(60), seconds(600)))
	case 1:
		return pipeline(random, id, began)
	}
	var all []tracker.Change
	for attempt := range 1 + random.IntN(2) {
		attributes.Retry = fmt.Sprint(attempt > 0)
		r := tracker.Change{
			System: "github", Kind: tracker.Run, ID: id, Attempt: fmt.Sprint(attempt + 1), QueuedUntilJob: true, Attributes: attributes,
			CommitTime: began.Add(-time.Minute),
		}
		began = began.Add(time.Hour)
		changes := states(r, began, 0, time.Hour)
		jobs := random.IntN(4)
		for j := range jobs {
			c := tracker.Change{
				System: "github", Kind: tracker.Job, ID: fmt.Sprintf("%s-%d-%d", id, attempt, j), Attempt: r.Attempt, RunID: id, Attributes: attributes,
			}
			c.Attributes.RunnerClass = []string{"linux", "windows"}[random.IntN(2)]
			queue := seconds(600)
			if random.IntN(8) == 0 {
				queue = -seconds(2) // rounded
			}
			job := states(c, began.Add(5*time.Second), queue, seconds(600))
			if random.IntN(6) == 0 {
				job = blockedFirst(job, seconds(600))
			}
			changes = append(changes, end(random, job)...)
		}
		if jobs == 0 {
			changes[2].NeverStarted, changes[2].Result = true, tracker.ResultSkip
			changes = slices.Delete(changes, 1, 2)
		}
		all = append(all, changes...)
	}
	return all
}

// states returns the changes of an object that succeeds.
func states(c tracker.Change, began time.Time, queue, run time.Duration) []tracker.Change {
	c.Queued, c.Started, c.Ended = began, began.Add(queue), began.Add(queue+run)
	var changes []tracker.Change
	for _, s := range []tracker.State{queued, started, ended} {
		c.State = s
		c.Time = map[tracker.State]time.Time{queued: c.Queued, started: c.Started, ended: c.Ended}[s]
		if s == ended {
			c.Result = tracker.ResultSuccess
		}
		changes = append(changes, c)
	}
	return changes
}

// end returns the changes of an object with a random end.
func end(random *rand.Rand, changes []tracker.Change) []tracker.Change {
	last := &changes[len(changes)-1]
	started := slices.IndexFunc(changes, func(c tracker.Change) bool { return c.State == started })
	switch random.IntN(8) {
	case 0: // never ends
		return changes[:len(changes)-1]
	case 1: // skipped
		last.Result, last.NeverStarted = tracker.ResultSkip, true
		return []tracker.Change{*last}
	case 2: // cancelled in the queue
		last.Result, last.NeverStarted, last.Started = tracker.ResultCancellation, true, time.Time{}
		return slices.Delete(changes, started, started+1)
	case 3:
		last.Result = tracker.ResultFailure
	}
	return changes
}

// blockedFirst makes the job wait for an approval when it has been queued.
func blockedFirst(changes []tracker.Change, wait time.Duration) []tracker.Change {
	block, release := changes[0], changes[0]
	block.State, block.Time = blocked, block.Time.Add(time.Second)
	release.Time = block.Time.Add(wait)
	for i := range changes[1:] {
		changes[1+i].Started = changes[1+i].Started.Add(wait + time.Second)
		changes[1+i].Ended = changes[1+i].Ended.Add(wait + time.Second)
	}
	return slices.Insert(changes, 1, block, release)
}

// pipeline returns the changes of a pipeline of GitLab that can end several times.
func pipeline(random *rand.Rand, id string, began time.Time) []tracker.Change {
	c := tracker.Change{System: "gitlab", Kind: tracker.Run, ID: id, Reopens: true, Queued: began, Attributes: tracker.Attributes{Repository: "g/p", Retry: "false"}}
	unknown := random.IntN(3) == 0 // no times of changes
	var changes []tracker.Change
	for n := range 1 + random.IntN(3) {
		for i, s := range []tracker.State{queued, started, ended} {
			c.State = s
			c.Time = began.Add(time.Duration(n)*time.Hour + time.Duration(i+1)*time.Minute)
			c.QueueTime, c.RunTime, c.Ended, c.Result = nil, nil, time.Time{}, ""
			if s >= started {
				c.QueueTime = measured(12)
			}
			if s == ended {
				c.Ended, c.RunTime, c.Result = c.Time, measured(float64(100*n)), tracker.ResultSuccess
			}
			if unknown {
				c.Time = time.Time{}
			}
			if s != queued || random.IntN(2) == 0 {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

// A modelObject is what the model knows of an object.
type modelObject struct {
	tracker.Change // the first one
	state          tracker.State
	since          time.Time // pending since; zero if the release is unknown
	changed        time.Time // when the last change was delivered
	blocked        time.Time
	wasBlocked     bool
	queueTime      bool // was observed
	started        bool // was counted since the last end
	startDelivered bool // since the last reopening
	end            time.Time
	again          bool
}

// A model computes what a page shows, from changes in the order of their delivery.
type model struct {
	objects map[string]*modelObject
	workers map[string]tracker.Change // the current state of each
	starts  map[string]time.Time      // the first known start of a job, by run
	totals  map[string]float64
	last    map[string]float64 // last deployment by repository
	commits map[string]time.Time
}

func newModel() *model {
	return &model{map[string]*modelObject{}, map[string]tracker.Change{}, map[string]time.Time{}, map[string]float64{}, map[string]float64{}, map[string]time.Time{}}
}

func (m *model) total(name string, c tracker.Change, retry, result string, value float64) {
	k := totalKey(name, c.System, c.Attributes.Repository, retry, result)
	m.totals[k+" count"]++
	m.totals[k+" sum"] += value
}

func totalKey(name, system, repository, retry, result string) string {
	return fmt.Sprintf("%s{%s %s retry=%s %s}", name, system, repository, retry, result)
}

// apply returns whether the change has an effect.
func (m *model) apply(c tracker.Change, now time.Time) bool {
	if c.Kind == tracker.Worker {
		w, known := m.workers[c.ID]
		if known && (c.Time.Before(w.Time) || c.State == w.State) {
			return false
		}
		if c.State == tracker.Lost {
			m.total("ci worker lost", c, "", "", 1)
		}
		m.workers[c.ID] = c
		return true
	}
	k := fmt.Sprint(c.System, c.Kind, c.ID, "/", c.Attempt)
	o := m.objects[k]
	if o == nil {
		o = &modelObject{Change: c}
		m.objects[k] = o
	}
	hasQueue := c.Kind == tracker.Run || c.Kind == tracker.Job
	word := map[tracker.Kind]string{tracker.Run: "ci run ", tracker.Job: "ci job ", tracker.Deployment: "ci deployment ", tracker.Incident: "ci incident "}[c.Kind]
	startedEvent, finishedEvent, timeEvent := word+"started", word+"finished", strings.TrimSuffix(word, " ")+" run time"
	switch c.Kind {
	case tracker.Run:
		timeEvent = "ci run time"
	case tracker.Incident:
		startedEvent, finishedEvent, timeEvent = "ci incident opened", "ci incident resolved", "ci incident time to restore"
	}
	retry := c.Attributes.Retry

	switch {
	case o.state == ended && c.Reopens: // does it start again?
		if c.State == ended && !c.Ended.After(o.end) ||
			c.State != ended && !c.Time.IsZero() && !c.Time.After(o.end) ||
			c.State != ended && c.Time.IsZero() && (c.State != started || !o.startDelivered) {
			return false
		}
		o.state, o.again, o.started, o.startDelivered = 0, true, false, false
	case o.again && c.State != ended && !c.Time.IsZero() && !c.Time.After(o.end), o.again && c.State == ended && !c.Ended.After(o.end):
		return false
	case o.state == blocked && c.State == queued:
		if c.Time.Before(o.blocked) {
			return false
		}
	case c.State <= o.state, c.State == blocked && o.wasBlocked && !c.Time.After(o.blocked):
		return false
	}
	if o.again {
		retry = "true"
	}
	if o.state == 0 && !o.again && hasQueue {
		m.total(word+"queued", c, retry, "", 1)
	}
	if !c.CommitTime.IsZero() {
		m.commits[c.Attributes.Repository+c.Attributes.Commit] = c.CommitTime
	}
	ran := c.State >= started && !c.NeverStarted
	if ran && !o.started && c.Kind != tracker.Deployment {
		m.total(startedEvent, c, retry, "", 1)
	}
	o.started = o.started || ran
	o.startDelivered = o.startDelivered || c.State == started

	// Times.
	switch {
	case c.State == blocked:
		o.since, o.blocked, o.wasBlocked = time.Time{}, c.Time, true
	case o.state == blocked && c.State == queued:
		if c.Time.After(o.blocked) {
			o.since = c.Time
		}
	case !o.wasBlocked:
		o.since = c.Queued
	}
	if ran && !o.queueTime && !o.again && hasQueue && !c.QueuedUntilJob {
		switch {
		case c.QueueTime != nil:
			m.total(word+"queue time", c, retry, "", c.QueueTime.Seconds())
			o.queueTime = true
		case !o.since.IsZero():
			m.total(word+"queue time", c, retry, "", max(0, c.Started.Sub(o.since).Seconds()))
			o.queueTime = true
		}
	}
	o.state, o.changed = c.State, now
	if c.State == ended {
		m.total(finishedEvent, c, retry, c.Result, 1)
		runTime := c.Ended.Sub(c.Started)
		if c.RunTime != nil {
			runTime = *c.RunTime
		}
		if ran {
			m.total(timeEvent, c, retry, c.Result, runTime.Seconds())
		}
		o.end = c.Ended
		if c.Kind == tracker.Deployment && c.Result == tracker.ResultSuccess {
			repository := c.Attributes.Repository
			m.last[repository] = max(m.last[repository], float64(c.Ended.Unix()))
			if committed, ok := m.commits[repository+c.Attributes.Commit]; ok {
				m.total("ci change lead time", c, retry, c.Result, c.Ended.Sub(committed).Seconds())
			}
		}
	}

	// The run's queue time, when the run and the start of a job are known.
	run := c.ID + "/" + c.Attempt
	if c.Kind == tracker.Job && ran {
		run = c.RunID + "/" + c.Attempt
		switch first, ok := m.starts[run]; {
		case o.wasBlocked && !ok:
			m.starts[run] = time.Time{} // the run has no queue time
		case !o.wasBlocked && (!ok || c.Started.Before(first)):
			m.starts[run] = c.Started
		}
	}
	first, known := m.starts[run]
	if r := m.objects[fmt.Sprint(c.System, tracker.Run, run)]; r != nil && known && !first.IsZero() && r.QueuedUntilJob && !r.queueTime {
		r.queueTime = true
		m.total("ci run queue time", r.Change, r.Attributes.Retry, "", max(0, first.Sub(r.Queued).Seconds()))
	}
	return true
}

// gauges returns the values that are not 0.
func (m *model) gauges(now time.Time, ticked bool) map[string]float64 {
	gauges := map[string]float64{}
	for _, w := range m.workers {
		state := map[tracker.State]string{tracker.Available: "available", tracker.Busy: "busy", tracker.Offline: "offline", tracker.Lost: "offline"}[w.State]
		gauges[fmt.Sprintf("ci workers{%s  %s}", w.System, state)]++
	}
	for _, o := range m.objects {
		if o.state == 0 || o.state == ended || o.Kind > tracker.Job {
			continue
		}
		name := map[tracker.Kind]string{tracker.Run: "ci runs active", tracker.Job: "ci jobs active"}[o.Kind]
		state := map[tracker.State]string{queued: "pending", blocked: "blocked", started: "executing"}[o.state]
		gauges[fmt.Sprintf("%s{%s %s %s}", name, o.System, o.Attributes.RunnerClass, state)]++
		if ticked && o.Kind == tracker.Job && o.state == queued {
			k := fmt.Sprintf("ci oldest job waiting{%s %s }", o.System, o.Attributes.RunnerClass)
			since := o.since
			if since.IsZero() {
				since = o.changed
			}
			gauges[k] = max(gauges[k], now.Sub(since).Seconds())
		}
	}
	return gauges
}

// A page is what a metrics page shows after events.
type page struct{ totals, gauges, last map[string]float64 }

func newPage() *page {
	return &page{map[string]float64{}, map[string]float64{}, map[string]float64{}}
}

func (p *page) take(events []metric.Event) {
	for _, e := range events {
		a := e.Attributes
		switch e.Name {
		case "ci runs active", "ci jobs active", "ci oldest job waiting", "ci workers":
			k := fmt.Sprintf("%s{%s %s %s}", e.Name, a["system"], a["runner_class"], a["state"])
			p.gauges[k] = e.Value
		case "ci last deployment":
			p.last[a["repository"]] = e.Value
		default:
			k := totalKey(e.Name, a["system"], a["repository"], a["retry"], a["result"])
			p.totals[k+" count"]++
			p.totals[k+" sum"] += e.Value
		}
	}
}

func (p *page) equals(t *testing.T, m *model, now time.Time, ticked bool) bool {
	got := maps.Clone(p.gauges)
	maps.DeleteFunc(got, func(name string, value float64) bool {
		return value == 0 || !ticked && name[:9] == "ci oldest"
	})
	ok := true
	for _, c := range []struct{ got, want map[string]float64 }{
		{p.totals, m.totals}, {p.last, m.last}, {got, m.gauges(now, ticked)},
	} {
		names := maps.Clone(c.got)
		maps.Copy(names, c.want)
		for name := range names {
			if got, want := c.got[name], c.want[name]; math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: got %g, expected %g", name, got, want)
				ok = false
			}
		}
	}
	return ok
}
