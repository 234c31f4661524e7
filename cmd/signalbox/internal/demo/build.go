package demo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// The probabilities that a build ends for a reason that is independent of its job.
const (
	abortedByUsers = .015
	brokenByNode   = .004
)

// A build is one build of a job. It implements metric.Build.
type build struct {
	id         int
	job        *job
	attributes map[string]string
	status     metric.BuildStatus // "" until it is finished

	begin, queued, end time.Duration // since the epoch
	worker             *worker       // worker that runs its task; nil before and after
}

// ID implements metric.Build.
func (b *build) ID() int { return b.id }

// Attributes implements metric.Build.
func (b *build) Attributes() map[string]string { return b.attributes }

// Status implements metric.Build.
func (b *build) Status() metric.BuildStatus { return b.status }

// StartTime implements metric.Build.
func (b *build) StartTime() time.Time { return epoch.Add(b.begin) }

// EndTime implements metric.Build.
func (b *build) EndTime() time.Time { return epoch.Add(b.end) }

func (b *build) finished() bool { return b.status != "" }

// start starts a build of a job. Its get steps run first; then its task waits for a
// worker.
func (s *simulation) start(j *job) {
	s.builds++
	s.running++
	j.builds++
	j.unfinished++
	b := &build{id: s.builds, job: j, begin: s.Now}
	b.attributes = map[string]string{
		"build_id":   strconv.Itoa(b.id),
		"build_name": strconv.Itoa(j.builds),
		"team_name":  j.team,
		"pipeline":   j.pipeline,
		"job":        j.name,
		"trace_id":   s.traceID(),
	}
	emit(s, buildsStarted, metric.BuildStarted{Build: b})
	s.monitor.BuildsStarted.Inc()
	s.monitor.BuildsRunning.Inc()
	emit(s, locks, metric.LockAcquired{LockType: "BuildTracking"})

	if s.Chance(abortedByUsers) {
		s.After(s.Exponential(j.duration), func() { s.finish(b, metric.BuildAborted) })
	}
	s.After(s.Lognormal(5*time.Second, .6), func() { s.fetched(b) })
}

func (s *simulation) traceID() string { return fmt.Sprintf("%016x%016x", s.Uint64(), s.Uint64()) }

// fetched ends the get steps of a build and queues its task.
func (s *simulation) fetched(b *build) {
	if b.finished() {
		return
	}
	emit(s, waits, metric.StepsWaitingDuration{Labels: b.job.stepLabels("get"), Duration: s.Exponential(time.Second)})
	s.monitor.ContainersCreated.IncDelta(2)
	s.monitor.VolumesCreated.IncDelta(5)
	s.monitor.GetStepCacheHits.IncDelta(s.IntN(3))
	s.monitor.VolumesStreamed.IncDelta(s.IntN(3))
	if s.Chance(.3) {
		s.monitor.StreamedResourceCaches.Inc()
	}
	if s.Chance(.02) {
		s.monitor.VolumesStreamedViaFallback.Inc()
	}
	s.enqueue(b)
}

// runTask runs the task of a build on a worker.
func (s *simulation) runTask(b *build, w *worker) {
	b.worker = w
	w.builds = append(w.builds, b)
	s.monitor.ContainersCreated.Inc()
	s.monitor.VolumesCreated.IncDelta(3)
	took := s.Lognormal(b.job.duration, b.job.spread)
	s.After(time.Duration(float64(took)*w.slowness), func() { s.finishTask(b) })
}

// finishTask ends the task of a build and decides the result of the build.
func (s *simulation) finishTask(b *build) {
	if b.finished() {
		return
	}
	j := b.job
	switch {
	case s.Chance(brokenByNode):
		s.monitor.FailedContainers.Inc()
		s.finish(b, metric.BuildErrored)
	case s.Chance(j.flakes * j.trouble):
		s.finish(b, metric.BuildFailed)
		s.After(s.Uniform(30*time.Second, 3*time.Minute), func() { s.trigger(j) }) // a user retries it
	case s.Chance(j.fails):
		s.finish(b, metric.BuildFailed)
	default:
		s.succeed(b)
	}
}

// succeed finishes a build successfully and triggers the jobs after it.
func (s *simulation) succeed(b *build) {
	j := b.job
	if j.deploys != "" {
		emit(s, waits, metric.StepsWaitingDuration{Labels: j.stepLabels("put"), Duration: s.Exponential(time.Second)})
		s.monitor.ContainersCreated.Inc()
	}
	s.finish(b, metric.BuildSucceeded)
	if j.deploys != "" {
		s.emitEvent(deploys, metric.Event{
			Name:  "deploy finished",
			Value: float64((b.end - b.begin).Milliseconds()),
			Attributes: map[string]string{
				"team_name":   j.team,
				"pipeline":    j.pipeline,
				"environment": j.deploys,
			},
		})
	}
	for _, next := range j.next {
		s.After(s.Uniform(time.Second, 10*time.Second), func() { s.trigger(next) })
	}
}

// finish finishes a build in any phase. If it is already finished, finish does nothing.
func (s *simulation) finish(b *build, status metric.BuildStatus) {
	if b.finished() {
		return
	}
	j := b.job
	b.status, b.end = status, s.Now
	j.unfinished--
	s.running--
	s.dequeue(b)
	s.monitor.BuildsRunning.Dec()
	s.monitor.DatabaseQueries.IncDelta(40)
	emit(s, buildsFinished, metric.BuildFinished{Build: b})
	emit(s, jobStatuses, metric.JobStatus{Status: status, JobName: j.name, PipelineName: j.pipeline, TeamName: j.team})
	emit(s, locks, metric.LockReleased{LockType: "BuildTracking"})
	s.pushResults(b)

	if w := b.worker; w != nil {
		b.worker = nil
		s.release(b, w)
	}
}
