package demo

import (
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// checkInterval is the average time between a check of a resource and the next one.
const checkInterval = time.Minute

// A resource is an input of a pipeline, which is checked for new versions. Each check
// is a build. Only one runs at a time, so a resource implements metric.Build itself.
type resource struct {
	attributes map[string]string
	status     metric.BuildStatus
	id         int // of the build of the current check
	begin, end time.Duration
}

// ID implements metric.Build.
func (r *resource) ID() int { return r.id }

// Attributes implements metric.Build.
func (r *resource) Attributes() map[string]string { return r.attributes }

// Status implements metric.Build.
func (r *resource) Status() metric.BuildStatus { return r.status }

// StartTime implements metric.Build.
func (r *resource) StartTime() time.Time { return epoch.Add(r.begin) }

// EndTime implements metric.Build.
func (r *resource) EndTime() time.Time { return epoch.Add(r.end) }

// newResources returns the resources of all pipelines.
func newResources() []*resource {
	var resources []*resource
	for _, team := range organization {
		for _, pipeline := range team.pipelines {
			for _, name := range []string{"repository", "base-image", "registry"} {
				resources = append(resources, &resource{attributes: map[string]string{
					"build_name": "check",
					"team_name":  team.name,
					"pipeline":   pipeline.name,
					"resource":   name,
				}})
			}
		}
	}
	return resources
}

// enqueueCheck queues a check of a resource. When the check has finished, the next one
// follows after an interval.
func (s *simulation) enqueueCheck(r *resource) {
	s.monitor.ChecksEnqueued.Inc()
	s.monitor.ChecksQueueSize.Inc()
	s.After(s.Exponential(s.slowed(800*time.Millisecond)), func() { s.startCheck(r) })
}

func (s *simulation) startCheck(r *resource) {
	s.builds++
	r.id, r.begin = s.builds, s.Now
	r.attributes["build_id"] = strconv.Itoa(r.id)
	s.monitor.ChecksQueueSize.Dec()
	s.monitor.ChecksStarted.Inc()
	s.monitor.CheckBuildsStarted.Inc()
	s.monitor.CheckBuildsRunning.Inc()
	emit(s, locks, metric.LockAcquired{LockType: "ResourceConfigChecking"})
	s.After(s.Lognormal(s.slowed(1800*time.Millisecond), .7), func() { s.finishCheck(r) })
}

func (s *simulation) finishCheck(r *resource) {
	r.end = s.Now
	r.status = metric.BuildSucceeded
	switch {
	case s.Chance(.004):
		r.status = metric.BuildErrored
	case s.Chance(.01):
		r.status = metric.BuildFailed
	}
	if r.status == metric.BuildSucceeded {
		s.monitor.ChecksFinishedWithSuccess.Inc()
	} else {
		s.monitor.ChecksFinishedWithError.Inc()
	}
	s.monitor.CheckBuildsRunning.Dec()
	s.monitor.DatabaseQueries.IncDelta(9)
	emit(s, locks, metric.LockReleased{LockType: "ResourceConfigChecking"})
	emit(s, checksFinished, metric.CheckBuildFinished{Build: r})
	s.After(s.Uniform(checkInterval*9/10, checkInterval*11/10), func() { s.enqueueCheck(r) })
}
