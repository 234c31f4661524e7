package tracker

import (
	"cmp"
	"iter"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// Options configure a Tracker. The zero values are the defaults.
type Options struct {
	// MaxObjects is the maximum number of objects, at least 2. The default is 100,000.
	// A new object removes the one that ended or expired first or, if there is none, the
	// one that has not changed for the longest time. So does an object that needs more
	// memory for its texts than is left of MaxObjects times ObjectBytes.
	MaxObjects int

	// QueuedLimit and RunningLimit are how long a run, job or deployment can stay queued
	// or blocked, and started, without a change. Afterwards it has expired: it is no
	// longer counted as active. It is remembered for 14 days, or for Memory if that is
	// longer. The defaults are 24 hours. Incidents expire after 30 days. Workers that
	// are offline are no longer counted after 10 minutes; others do not expire.
	QueuedLimit, RunningLimit time.Duration

	// Memory is how long the tracker remembers objects that have ended. Changes to
	// unknown objects that are older than this are stale. The default is 24 hours.
	Memory time.Duration

	// LabelInputs returns the names of those attributes of an event that rules use,
	// each with the function that turns its value into that of a label; nil means that
	// the values are the same. Apply calls it with "ci runs active", "ci jobs active",
	// "ci workers" and "ci oldest job waiting", and groups active objects by the values
	// of labels. The results can change: Tick then groups the objects anew. Attributes
	// that were not used when an object changed last are unknown. A nil LabelInputs
	// means system, runner_class, which only jobs have, queue, which only workers have,
	// and state.
	LabelInputs func(event string) iter.Seq2[string, func(value string) string]

	// Systems are the CI systems whose statistics exist, as 0, before their first
	// change. Other systems are added with their first change.
	Systems []string
}

// The defaults of Options.
const (
	defaultMaxObjects = 100_000
	defaultLimit      = 24 * time.Hour
)

// A Tracker keeps the state of runs, jobs and what else Change describes. It is not safe
// for concurrent use. Create it with New.
type Tracker struct {
	options Options
	objects map[key]*object

	// active contains the objects that are queued, blocked or started, in the order of
	// their last change. inactive contains those that have ended, and runs that are only
	// known from their jobs, and expired those that have expired, in the order in which
	// they did.
	active, inactive, expired list

	groups  map[key]*group
	waiting []*group // those whose waiting time was not 0 at the last tick
	ticks   uint64

	commits     times // by repository and hash
	deployments times // the last successful ones by repository and environment

	systems map[string]*system

	runAttributes map[key]*runAttributes

	// bytes is the sum of the sizes of objects, groups and attributes of runs. The
	// others are the highest numbers of them so far: maps do not shrink.
	bytes, mostObjects, mostGroups, mostAttributes int
}

// New returns a tracker without objects.
func New(o Options) *Tracker {
	o.MaxObjects = max(2, cmp.Or(o.MaxObjects, defaultMaxObjects))
	o.QueuedLimit = cmp.Or(o.QueuedLimit, defaultLimit)
	o.RunningLimit = cmp.Or(o.RunningLimit, defaultLimit)
	o.Memory = cmp.Or(o.Memory, defaultLimit)
	if o.LabelInputs == nil {
		o.LabelInputs = defaultLabelInputs
	}
	limit := min(maxTimes, o.MaxObjects/2)
	t := &Tracker{
		options:     o,
		objects:     make(map[key]*object),
		active:      list{active: true},
		groups:      make(map[key]*group),
		commits:     times{known: make(map[key]knownTime), limit: limit},
		deployments: times{known: make(map[key]knownTime), limit: limit},
		systems:     make(map[string]*system),

		runAttributes: make(map[key]*runAttributes),
	}
	for _, name := range o.Systems {
		t.system(name)
	}
	return t
}

// Apply applies a change that was delivered at the time now. It returns the events to
// emit, in order. The caller must not change their attributes.
func (t *Tracker) Apply(c Change, now time.Time) ([]metric.Event, Outcome) {
	if !c.complete() {
		return nil, Ignored
	}
	u := &update{tracker: t, now: now, c: &c, system: t.system(c.System)}
	u.sanitize()

	objectKey := keyOf(c.Kind, c.System, c.Instance, c.ID, c.Attempt)
	u.o = t.objects[objectKey]
	var runKey key
	if c.Kind == Job && c.RunID != "" {
		runKey = keyOf(Run, c.System, c.Instance, c.RunID, c.Attempt)
		u.r = t.objects[runKey]
	}
	if outcome := u.check(); outcome != Accepted {
		return nil, outcome
	}

	// The object is in no list, or not yet in the table, so that inserting its run does
	// not evict it.
	if u.o != nil {
		t.leave(u.o)
	}
	if u.r == nil && c.startsJob() {
		u.r = u.insert(runKey, Run)
		t.enter(u.r)
	}
	if u.o == nil {
		u.o = u.insert(objectKey, c.Kind)
	}
	u.advance()
	t.enter(u.o)
	u.regroup()
	u.makeRoom()
	u.system.count(u.anomalies)
	return u.events, Accepted
}

// check returns what to do with the change. If it is accepted and reopens the object,
// check reopens it.
func (u *update) check() Outcome {
	o, c := u.o, u.c
	if o != nil && c.Kind == Worker {
		return u.checkWorker()
	}
	if o == nil || o.state == 0 {
		latest := c.Latest()
		switch {
		case !latest.IsZero() && u.now.Sub(latest) > u.tracker.options.Memory:
			return Stale
		case u.inherited():
			return Ignored
		}
		return Accepted
	}
	if o.reopensWith(c) {
		o.reopen()
		return Accepted
	}
	switch {
	case o.state == Blocked && c.State == Queued && (c.Time.IsZero() || nanoseconds(c.Time) >= o.blocked):
		return Accepted // no longer blocked
	case o.state == Queued && c.Dequeued && !o.expired:
		return Accepted
	case o.state == c.State, c.State == Blocked && o.delayed && !c.Time.IsZero() && nanoseconds(c.Time) <= o.blocked:
		return Duplicate
	case o.state > c.State, o.reopened && c.isBefore(o.ended):
		return Stale
	}
	return Accepted
}

// checkWorker returns what to do with a change to a known worker.
func (u *update) checkWorker() Outcome {
	switch t := u.c.Time; {
	case !t.IsZero() && nanoseconds(t) < u.o.since:
		return Stale
	case u.o.state == u.c.State:
		return Duplicate
	}
	return Accepted
}

// inherited reports whether a job of a run that was started again did not run again, so
// that it is reported with the times of the previous attempt.
func (u *update) inherited() bool {
	if u.r == nil || u.c.Attributes.Retry != "true" {
		return false
	}
	ran := cmp.Or(nanoseconds(u.c.Started), nanoseconds(u.c.Ended))
	return ran != 0 && ran < u.r.queued-int64(maxRounding)
}

// insert adds an object to the table, which the caller must enter into a list. If the
// table is full, insert removes another object.
func (u *update) insert(k key, kind Kind) *object {
	t := u.tracker
	for len(t.objects) >= t.options.MaxObjects {
		u.evict(t.oldest(nil))
	}
	o := &object{key: k, system: u.system, kind: kind, changed: u.now.UnixNano()}
	if kind == Run {
		o.run = &run{}
	}
	t.objects[k] = o
	t.bytes += o.size()
	t.mostObjects = max(t.mostObjects, len(t.objects))
	return o
}

// enter adds an object to the list that it belongs to.
func (t *Tracker) enter(o *object) {
	l := &t.active
	switch {
	case o.expired && o.kind != Worker:
		l = &t.expired
	case o.state == 0, o.state == Ended, o.expired:
		l = &t.inactive
	}
	l.add(o)
	o.system.entries[o.phase()]++
}

// oldest returns the object to remove first, or nil if there is no other than the
// exception, which is the last one in its list.
func (t *Tracker) oldest(except *object) *object {
	front := func(l *list) *object {
		if l.front == except {
			return nil
		}
		return l.front
	}
	ended, expired := front(&t.inactive), front(&t.expired)
	switch {
	case ended == nil && expired == nil:
		return front(&t.active)
	case ended == nil, expired != nil && expired.changed < ended.changed:
		return expired
	}
	return ended
}

// evict removes an object although it is not too old.
func (u *update) evict(o *object) {
	o.system.evicted[o.phase()]++
	u.ungroup(o)
	u.tracker.remove(o)
}

// remove removes an object, which is in no group, from the table.
func (t *Tracker) remove(o *object) {
	t.leave(o)
	delete(t.objects, o.key)
	t.bytes -= o.size()
	t.forgetJob(o)
	t.forgetAttributes(o.run)
}

// leave removes an object from its list.
func (t *Tracker) leave(o *object) {
	o.system.entries[o.phase()]--
	o.list.remove(o)
}
