package tracker

import (
	"cmp"
	"maps"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// An update is a call of Apply or Tick.
type update struct {
	tracker *Tracker
	now     time.Time
	events  []metric.Event

	// Of Apply.
	c         *Change
	system    *system
	o         *object // the object that the change is about
	r         *object // the run of a job; nil if unknown
	anomalies [anomalyKinds]uint64

	attributes, endAttributes map[string]string // of c; nil until needed
}

// eventNames are the names of the events about each kind of object. There are no events
// with empty names.
var eventNames = [...]struct{ queued, started, finished, queueTime, runTime, active string }{
	Run:        {"ci run queued", "ci run started", "ci run finished", "ci run queue time", "ci run time", "ci runs active"},
	Job:        {"ci job queued", "ci job started", "ci job finished", "ci job queue time", "ci job run time", "ci jobs active"},
	Deployment: {finished: "ci deployment finished", runTime: "ci deployment run time"},
	Incident:   {started: "ci incident opened", finished: "ci incident resolved", runTime: "ci incident time to restore"},
	TestCase:   {},
	Worker:     {active: "ci workers"},
}

const (
	lastDeployment = "ci last deployment"
	leadTime       = "ci change lead time"
	testsFinished  = "ci tests finished"
	workerLost     = "ci worker lost"
)

// advance brings the object to the state of the change, and emits the events about all
// states between.
func (u *update) advance() {
	o, c := u.o, u.c
	if c.Kind == Worker {
		u.advanceWorker()
		return
	}
	first := o.state == 0
	u.addTimes()
	o.state, o.changed, o.expired = c.State, u.now.UnixNano(), false
	if o.reopened {
		c.Attributes.Retry = "true"
	}
	if o.run != nil {
		o.run.untilJob = c.QueuedUntilJob
		u.tracker.remember(o.run, &c.Attributes)
	} else if u.r != nil && u.r.run.attributes != nil {
		c.Attributes.complete(u.r.run.attributes)
	}
	u.describe(o, c)
	if commit, ok := c.commit(); ok && !c.CommitTime.IsZero() {
		u.tracker.commits.set(commit, nanoseconds(c.CommitTime), u.now)
	}

	if first {
		u.emit(eventNames[c.Kind].queued, 1, o.queued)
	}
	if c.State >= Started && !c.NeverStarted && !o.startCounted {
		o.startCounted = true
		u.emit(eventNames[c.Kind].started, 1, o.started)
	}
	o.startSeen = o.startSeen || c.State == Started
	u.observeQueueTime()
	if c.State == Ended {
		u.emitEnd(eventNames[c.Kind].finished, 1)
		u.observeRunTime()
		u.observeDeployment()
		u.countTests()
	}
	u.tellRun()
}

// advanceWorker brings a worker to the state of the change.
func (u *update) advanceWorker() {
	o, c := u.o, u.c
	if c.State == Lost {
		u.emit(workerLost, 1, nanoseconds(c.Time))
	}
	o.state, o.changed, o.expired = c.State, u.now.UnixNano(), false
	o.since = cmp.Or(nanoseconds(c.Time), o.changed)
	o.system.hasWorkers = true
}

// countTests emits the results of the tests that the object ran.
func (u *update) countTests() {
	for _, t := range u.c.Tests {
		if t.Count == 0 {
			continue
		}
		attributes := maps.Clone(u.startAttributes())
		attributes["outcome"] = t.Outcome
		if t.Suite != "" {
			attributes["suite"] = t.Suite
		}
		u.add(testsFinished, float64(t.Count), nanoseconds(u.c.Ended), attributes)
	}
}

// addTimes adds the times of the change to what is known of the object.
func (u *update) addTimes() {
	o, c := u.o, u.c
	switch {
	case c.State == Blocked:
		o.delayed, o.queued, o.blocked = true, 0, nanoseconds(c.Time)
	case o.state == Blocked && c.State == Queued:
		if t := nanoseconds(c.Time); t > o.blocked {
			o.queued = t
		} else if t == 0 && c.Kind == Job {
			o.queued = u.now.UnixNano()
		}
	case o.state == 0 && c.State >= Started && !c.Queued.IsZero() && c.Started.Sub(c.Queued) > max(defaultLimit, u.tracker.options.QueuedLimit):
		// It was blocked for so long that it was forgotten: nothing waits that long for a
		// worker, unless the CI system says so in QueueTime.
		o.delayed = true
	case !o.delayed && !c.Queued.IsZero():
		o.queued = nanoseconds(c.Queued)
	case o.state == 0 && c.State == Queued && c.Kind == Job:
		o.queued = u.now.UnixNano()
	}
	if c.State < Started {
		return
	}
	if t := nanoseconds(c.Started); t > o.ended { // not the start before a reopening
		o.started = t
	}
	if c.State == Ended && !c.Ended.IsZero() {
		o.ended = nanoseconds(c.Ended)
	}
}

// observeQueueTime emits the time that the object was queued, once it is known.
func (u *update) observeQueueTime() {
	o, c := u.o, u.c
	switch {
	case o.queueDone || eventNames[c.Kind].queueTime == "":
	case c.QueuedUntilJob && c.Kind == Run:
		o.queueDone = c.NeverStarted
		u.observeRunQueueTime(o, u.startAttributes)
	case c.State < Started:
	case c.QueueTime != nil:
		u.observeQueueTimeOf(o, int64(*c.QueueTime), o.started, u.startAttributes)
	case o.queued != 0 && o.started != 0:
		u.observeQueueTimeOf(o, o.started-o.queued, o.started, u.startAttributes)
	}
}

// tellRun tells a job's run that the job has started.
func (u *update) tellRun() {
	if u.r == nil || !u.c.startsJob() || u.r.queueDone {
		return
	}
	switch r := u.r.run; {
	case u.o.delayed:
		r.firstStart = cmp.Or(r.firstStart, blockedStart)
	case r.firstStart == 0 || u.o.started < r.firstStart:
		r.firstStart = u.o.started
	}
	if u.r.run.untilJob {
		u.observeRunQueueTime(u.r, u.runAttributes)
	}
}

// observeRunQueueTime emits the queue time of a run that was queued until its first job
// started, if the time of both is known.
func (u *update) observeRunQueueTime(r *object, attributes func() map[string]string) {
	if r.queued != 0 && r.run.firstStart > 0 {
		u.observeQueueTimeOf(r, r.run.firstStart-r.queued, r.run.firstStart, attributes)
	}
}

func (u *update) observeQueueTimeOf(o *object, d, at int64, attributes func() map[string]string) {
	o.queueDone = true
	if s, ok := u.seconds(d, NegativeQueue); ok && !u.c.NeverStarted {
		u.add(eventNames[o.kind].queueTime, s, at, attributes())
	}
}

// observeRunTime emits the time from the start to the end of an object.
func (u *update) observeRunTime() {
	o, c := u.o, u.c
	var d int64
	switch {
	case c.RunTime != nil:
		d = int64(*c.RunTime)
	case o.started != 0 && !c.Ended.IsZero():
		d = nanoseconds(c.Ended) - o.started
	default:
		return
	}
	if s, ok := u.seconds(d, NegativeDuration); ok && !c.NeverStarted {
		u.emitEnd(eventNames[c.Kind].runTime, s)
	}
}

// observeDeployment emits the time of a successful deployment, unless a later one is
// known, and the time since the commit. If the clock of the CI system is ahead, the time
// is that of the delivery, so that it does not hide later deployments.
func (u *update) observeDeployment() {
	c, t := u.c, u.tracker
	if c.Kind != Deployment || c.Result != ResultSuccess || c.Ended.IsZero() {
		return
	}
	ended := nanoseconds(c.Ended)
	place := keyOf(Deployment, c.System, c.Instance, c.Attributes.Repository, c.Attributes.Environment)
	if last := min(ended, u.now.UnixNano()); last > t.deployments.get(place) {
		t.deployments.set(place, last, u.now)
		u.emitEnd(lastDeployment, float64(last)/1e9)
	}
	commit, _ := c.commit()
	if committed := t.commits.get(commit); committed != 0 {
		if s, ok := u.seconds(ended-committed, NegativeDuration); ok {
			u.emitEnd(leadTime, s)
		}
	}
}

// commit returns the key of the commit of the change, or false if it is unknown.
func (c *Change) commit() (key, bool) {
	a := &c.Attributes
	return keyOf(0, c.System, c.Instance, a.Repository, a.Commit), a.Repository != "" && a.Commit != ""
}

// maxRounding is by how much the difference of two times can be too low because both
// are rounded to seconds, by different programs.
const maxRounding = 2 * time.Second

// seconds returns a duration in seconds. If it is negative, seconds counts an anomaly,
// and returns 0 if rounding explains it, else false.
func (u *update) seconds(d int64, a Anomaly) (float64, bool) {
	if d >= 0 {
		return time.Duration(d).Seconds(), true
	}
	u.anomalies[a]++
	return 0, d >= -int64(maxRounding)
}

// emit adds an event about the beginning of the object. at is when it happened, or 0 if
// that is unknown.
func (u *update) emit(name string, value float64, at int64) {
	if name != "" {
		u.add(name, value, at, u.startAttributes())
	}
}

// emitEnd adds an event about the end of the object.
func (u *update) emitEnd(name string, value float64) {
	if name == "" {
		return
	}
	if u.endAttributes == nil {
		u.endAttributes = u.c.attributes(true)
	}
	u.add(name, value, nanoseconds(u.c.Ended), u.endAttributes)
}

func (u *update) add(name string, value float64, at int64, attributes map[string]string) {
	when := u.now
	if at != 0 {
		when = time.Unix(0, at).UTC()
	}
	u.events = append(u.events, metric.Event{Name: name, Value: value, Attributes: attributes, Time: when})
}

func (u *update) startAttributes() map[string]string {
	if u.attributes == nil {
		u.attributes = u.c.attributes(false)
	}
	return u.attributes
}

// runAttributes returns the attributes of a job's run.
func (u *update) runAttributes() map[string]string {
	a := u.r.run.attributes
	c := Change{System: u.c.System, Instance: u.c.Instance, Kind: Run, ID: u.c.RunID, Attempt: u.c.Attempt, Attributes: Attributes{
		Owner: a.owner, Repository: a.repository, Pipeline: a.pipeline, Branch: a.branch, RefKind: a.refKind, Trigger: a.trigger, Retry: a.retry,
	}}
	return c.attributes(false)
}
