package demo

import (
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// checkInterval is how far the checks of one resource are apart.
const checkInterval = time.Minute

// A resource is what a pipeline watches for new versions. Its checks are builds, one
// after the other: it implements metric.Build itself.
type resource struct {
	attributes map[string]string
	status     metric.BuildStatus
	id         int // of the check's build
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

// newResources makes the resources of the pipelines.
func newResources() []*resource {
	var resources []*resource
	for _, team := range organisation {
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

// enqueueCheck has a resource be checked, now and again and again.
func (s *simulation) enqueueCheck(r *resource) {
	s.monitor.ChecksEnqueued.Inc()
	s.monitor.ChecksQueueSize.Inc()
	s.after(s.waiting(s.slowed(800*time.Millisecond)), func() { s.startCheck(r) })
}

func (s *simulation) startCheck(r *resource) {
	s.builds++
	r.id, r.begin = s.builds, s.now
	r.attributes["build_id"] = strconv.Itoa(r.id)
	s.monitor.ChecksQueueSize.Dec()
	s.monitor.ChecksStarted.Inc()
	s.monitor.CheckBuildsStarted.Inc()
	s.monitor.CheckBuildsRunning.Inc()
	tell(s, locks, metric.LockAcquired{LockType: "ResourceConfigChecking"})
	s.after(s.lasting(s.slowed(1800*time.Millisecond), .7), func() { s.finishCheck(r) })
}

func (s *simulation) finishCheck(r *resource) {
	r.end = s.now
	r.status = metric.BuildSucceeded
	switch {
	case s.chance(.004):
		r.status = metric.BuildErrored
	case s.chance(.01):
		r.status = metric.BuildFailed
	}
	if r.status == metric.BuildSucceeded {
		s.monitor.ChecksFinishedWithSuccess.Inc()
	} else {
		s.monitor.ChecksFinishedWithError.Inc()
	}
	s.monitor.CheckBuildsRunning.Dec()
	s.monitor.DatabaseQueries.IncDelta(9)
	tell(s, locks, metric.LockReleased{LockType: "ResourceConfigChecking"})
	tell(s, checksFinished, metric.CheckBuildFinished{Build: r})
	s.after(s.between(checkInterval*9/10, checkInterval*11/10), func() { s.enqueueCheck(r) })
}
