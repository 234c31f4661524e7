package jenkins

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// phases are the states for the phases of builds. The notification plugin reports that
// a build was queued only when the build starts. The report contains the time at which
// it was queued.
var phases = map[string]tracker.State{
	"QUEUED":    tracker.Queued,
	"STARTED":   tracker.Started,
	"COMPLETED": tracker.Ended,
	"FINALIZED": tracker.Ended,
}

// results are the results for the statuses of builds. The documentation of the
// CloudEvents plugin has FAILED, but Jenkins says FAILURE.
var results = map[string]string{
	"SUCCESS":   tracker.ResultSuccess,
	"UNSTABLE":  tracker.ResultFailure,
	"FAILURE":   tracker.ResultFailure,
	"FAILED":    tracker.ResultFailure,
	"ABORTED":   tracker.ResultCancellation,
	"NOT_BUILT": tracker.ResultSkip,
}

func (p *notification) decodeBuild(d *payload.Delivery) {
	b := p.Build
	if b == nil {
		d.Describe("no build")
		d.Ignore("build is missing")
		return
	}
	d.Describe("build", b.Phase, b.Status)
	state, known := phases[b.Phase]
	path := strings.Trim(cmp.Or(b.URL, strings.TrimRight(p.URL, "/")+"/"+string(b.Number)), "/")
	switch {
	case !known:
		d.Unmap("phase", b.Phase)
		return
	case path == "":
		d.Ignore("no url")
		return
	case state == tracker.Queued && b.Timestamp == 0:
		d.Ignore("the time at which the build was queued is unknown")
		return
	case state == tracker.Ended && b.Status == "": // a step of the build can send any phase
		d.Ignore("the build has no status, so it has not ended")
		return
	}
	run := p.run(path, state)
	if state == tracker.Ended {
		d.End(&run, results, "status", b.Status)
	}
	job := b.job(run)
	run.Tests = b.tests()
	d.Add(run)
	d.Add(job)
}

// queueID returns the ID that the queue gave the build, which is not positive if it is
// unknown.
func (b *build) queueID() int64 { return max(b.QueueID, b.CloudEventQueueID) }

// run returns a change to the build with the path, without its result.
func (p *notification) run(path string, state tracker.State) tracker.Change {
	b := p.Build
	address := cmp.Or(b.FullURL, b.CloudEventFullURL)
	c := tracker.Change{
		System:   system,
		Instance: payload.Host(address, ""),
		Kind:     tracker.Run,
		// A job that is created again begins again with the number 1.
		ID:         payload.ShortID(path + "@" + itoa(max(b.queueID(), 0))),
		State:      state,
		Attributes: p.attributes(),
	}
	c.Attributes.URL = address
	b.addTimes(&c)
	return c
}

// job returns a change to the only job of the run. It has the ID that the queue gave it,
// because reports about the queue do not have the number of the build.
func (b *build) job(run tracker.Change) tracker.Change {
	job := run
	job.Kind = tracker.Job
	job.RunID = run.ID
	job.Anomalies = nil // count them once
	if id := b.queueID(); id > 0 {
		job.ID = itoa(id)
	}
	job.Attributes.Job = run.Attributes.Pipeline
	return job
}

// addTimes adds the times of a build in the state of the change.
func (b *build) addTimes(c *tracker.Change) {
	at := c.UnixMilli(b.Timestamp)
	c.Time = at
	switch c.State {
	case tracker.Queued:
		c.Queued = at
	case tracker.Started:
		c.Started = at
	case tracker.Ended:
		c.Ended = at
		c.RunTime = duration(b.Duration)
		// FINALIZED has the time of the notification, which can be much later than the
		// end of what was measured.
		if b.Phase == "COMPLETED" && c.RunTime != nil && !at.IsZero() {
			c.Started = c.UnixMilli(b.Timestamp - c.RunTime.Milliseconds())
		}
	}
}

// tests returns the results of the tests, as far as there are any.
func (b *build) tests() (counts []tracker.TestCount) {
	for _, c := range []tracker.TestCount{{Outcome: "passed", Count: b.Tests.Passed}, {Outcome: "failed", Count: b.Tests.Failed}, {Outcome: "skipped", Count: b.Tests.Skipped}} {
		if c.Count > 0 {
			counts = append(counts, c)
		}
	}
	return counts
}

// attributes returns the attributes of the run and of its job.
func (p *notification) attributes() tracker.Attributes {
	source := p.Build.SCM
	if source == (scm{}) {
		source = p.Build.CloudEventSCM
	}
	repository := payload.RepositoryPath(source.URL)
	return tracker.Attributes{
		Owner:      payload.Owner(repository),
		Repository: repository,
		Pipeline:   cmp.Or(fullName(p.URL), p.Name),
		Branch:     branch(source.Branch),
		Retry:      "false",
		Commit:     source.Commit,
	}
}

// fullName returns the name of a job with its folders, such as "folder/name" for
// "job/folder/job/name/". It omits what distinguishes the configurations of a matrix,
// which follows without "job".
func fullName(path string) string {
	var names []string
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for len(parts) >= 2 && parts[0] == "job" {
		name, err := url.PathUnescape(parts[1])
		if err != nil {
			name = parts[1]
		}
		names = append(names, name)
		parts = parts[2:]
	}
	return strings.Join(names, "/")
}

// branch returns the name of a branch as Git reports it, such as "origin/main", without
// the remote.
func branch(name string) string {
	name = strings.TrimPrefix(name, "refs/remotes/")
	name = strings.TrimPrefix(name, "refs/heads/")
	return strings.TrimPrefix(name, "origin/")
}
