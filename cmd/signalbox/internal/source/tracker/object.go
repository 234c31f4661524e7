package tracker

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
)

// An object is the state of an attempt of a run or job, or that of another object. Times
// are Unix times in nanoseconds; 0 means unknown.
type object struct {
	key        key
	system     *system
	list       *list // nil while Apply or Tick moves the object
	prev, next *object

	// The groups that count the object; nil unless the object is active.
	active, waiting *group

	run *run        // for runs, else nil
	job *waitingJob // for jobs that wait for a worker, else nil

	kind  Kind
	state State // 0 for a run that is only known from its jobs

	startSeen    bool // a change to Started was applied since the last reopening
	startCounted bool // "started" was returned since the last reopening
	queueDone    bool // there will be no more queue time
	delayed      bool // was blocked, so Change.Queued is not when the waiting began
	reopened     bool
	expired      bool

	changed int64 // when the last change was applied, or when the object expired
	since   int64 // when a worker entered its state
	queued  int64 // when the waiting for a worker began
	blocked int64
	started int64
	ended   int64 // the last end, also after a reopening
}

// A run is the part of the state that only runs have.
type run struct {
	untilJob   bool  // Change.QueuedUntilJob
	firstStart int64 // the first known start of a job, or blockedStart

	attributes *runAttributes // nil for a run that is only known from its jobs
}

// blockedStart means that the first job that started had been blocked before. The time
// until then is not queue time.
const blockedStart = -1

// The runAttributes are those that the jobs and the queue time of a run need. Many runs
// share them.
type runAttributes struct {
	owner, repository, pipeline, branch, refKind, trigger, retry string

	key  key // in Tracker.runAttributes
	runs int // how many runs have these attributes
}

// A waitingJob describes a job that waits for a worker, so that the one that has waited
// the longest can be found.
type waitingJob struct{ id, name, repository, pipeline, url string }

// describe keeps the description of a job while it waits.
func (u *update) describe(o *object, c *Change) {
	u.tracker.forgetJob(o)
	if o.kind == Job && o.state == Queued && !o.expired {
		a, clone := &c.Attributes, strings.Clone // the texts may be parts of a large payload
		o.job = &waitingJob{clone(c.ID), clone(a.Job), clone(a.Repository), clone(a.Pipeline), clone(a.URL)}
		u.tracker.bytes += o.job.size()
	}
}

// forgetJob releases the description of a job, if it has any.
func (t *Tracker) forgetJob(o *object) {
	t.bytes -= o.job.size()
	o.job = nil
}

// remember keeps the attributes of a run.
func (t *Tracker) remember(r *run, a *Attributes) {
	k := keyOf(0, a.Owner, a.Repository, a.Pipeline, a.Branch, a.RefKind, a.Trigger, a.Retry)
	if r.attributes != nil && r.attributes.key == k {
		return
	}
	t.forgetAttributes(r)
	shared := t.runAttributes[k]
	if shared == nil {
		clone := strings.Clone // the texts may be parts of a large payload
		shared = &runAttributes{
			clone(a.Owner), clone(a.Repository), clone(a.Pipeline), clone(a.Branch), clone(a.RefKind), clone(a.Trigger), clone(a.Retry), k, 0,
		}
		t.runAttributes[k] = shared
		t.bytes += shared.size()
		t.mostAttributes = max(t.mostAttributes, len(t.runAttributes))
	}
	shared.runs++
	r.attributes = shared
}

// forgetAttributes releases the attributes of a run, if it has any.
func (t *Tracker) forgetAttributes(r *run) {
	if r == nil || r.attributes == nil {
		return
	}
	r.attributes.runs--
	if r.attributes.runs == 0 {
		delete(t.runAttributes, r.attributes.key)
		t.bytes -= r.attributes.size()
	}
	r.attributes = nil
}

// phase returns the index of the object's state in phases.
func (o *object) phase() int {
	switch {
	case !o.list.active:
		return phaseEnded
	case o.state == Lost:
		return phaseOffline
	}
	return int(o.state) - 1
}

// reopensWith reports whether a change to an ended object shows that it has started
// again, or has done so and ended again.
func (o *object) reopensWith(c *Change) bool {
	switch {
	case !c.Reopens || o.state != Ended || c.isBefore(o.ended):
		return false
	case c.State == Ended:
		return o.ended != 0 && !c.Ended.IsZero()
	case o.ended != 0 && !c.Time.IsZero():
		return true
	}
	return c.State == Started && o.startSeen
}

// reopen prepares the object for being started again. It has not been queued again: CI
// systems report the first queue time again.
func (o *object) reopen() {
	o.state, o.reopened, o.queueDone = Queued, true, true
	o.startSeen, o.startCounted, o.started = false, false, 0
}

// A key identifies an object, a commit, a group or attributes. It is a part of a
// cryptographic hash, so that different ones have different keys, whatever the payload
// says.
type key [16]byte

func keyOf(kind Kind, parts ...string) key {
	var array [256]byte
	b := append(array[:0], byte(kind))
	for _, p := range parts {
		b = appendPart(b, p)
	}
	return hash(b)
}

func hash(b []byte) key {
	sum := sha256.Sum256(b)
	return key(sum[:len(key{})])
}

// appendPart appends text so that different sequences of texts give different bytes.
func appendPart(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// nanoseconds returns t as a Unix time, or 0 for the zero Time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// A list is a list of objects in the order in which they were added.
type list struct {
	front, back *object
	active      bool // the objects are active
}

func (l *list) add(o *object) {
	o.list, o.prev, o.next = l, l.back, nil
	if l.back == nil {
		l.front = o
	} else {
		l.back.next = o
	}
	l.back = o
}

func (l *list) remove(o *object) {
	if o.prev == nil {
		l.front = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		l.back = o.prev
	} else {
		o.next.prev = o.prev
	}
	o.list, o.prev, o.next = nil, nil, nil
}
