package demo

import (
	"database/sql"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A route is one of the web node's.
type route struct {
	name, method, path string
	share              int           // of the requests
	takes              time.Duration // the median
}

var routes = []route{
	{"HeartbeatWorker", http.MethodPut, "/api/v1/workers/w/heartbeat", 10, 6 * time.Millisecond},
	{"BuildEvents", http.MethodGet, "/api/v1/builds/1/events", 8, 300 * time.Millisecond},
	{"ListAllPipelines", http.MethodGet, "/api/v1/pipelines", 8, 25 * time.Millisecond},
	{"ListAllJobs", http.MethodGet, "/api/v1/jobs", 7, 90 * time.Millisecond},
	{"GetBuild", http.MethodGet, "/api/v1/builds/1", 6, 8 * time.Millisecond},
	{"GetBuildPlan", http.MethodGet, "/api/v1/builds/1/plan", 4, 12 * time.Millisecond},
	{"GetInfo", http.MethodGet, "/api/v1/info", 3, time.Millisecond},
	{"ListTeams", http.MethodGet, "/api/v1/teams", 2, 5 * time.Millisecond},
	{"ListBuildArtifacts", http.MethodGet, "/api/v1/builds/1/artifacts", 1, 10 * time.Millisecond},
	{"CreateJobBuild", http.MethodPost, "/api/v1/jobs/j/builds", 1, 35 * time.Millisecond},
	{"SaveConfig", http.MethodPut, "/api/v1/pipelines/p/config", 1, 120 * time.Millisecond},
}

// requestsByShare has each route as often as its share says.
var requestsByShare = func() (all []*route) {
	for i := range routes {
		for range routes[i].share {
			all = append(all, &routes[i])
		}
	}
	return all
}()

// errorMessages are what the node logs when something is wrong.
var errorMessages = []string{
	"atc.api.list-all-jobs.failed-to-query",
	"atc.lidar.checker.failed-to-check-resource",
	"atc.collector.container-collector.failed-to-mark-container",
	"atc.tracker.track.build-step.failed-to-stream-volume",
	"atc.syslog-drainer.connection-refused",
	"tsa.connection.failed-to-forward",
}

// lockTypes are the locks that are held for a moment only.
var lockTypes = []string{"Batch", "ResourceScanning", "VolumeCreating", "ContainerCreating", "ActiveTasks", "InMemoryCheckBuildTracking"}

// A database is a pool of connections. It implements metric.Database, and may be
// asked from any goroutine.
type database struct {
	size int
	open atomic.Int64
}

// Stats implements metric.Database.
func (d *database) Stats() sql.DBStats {
	return sql.DBStats{MaxOpenConnections: d.size, OpenConnections: int(d.open.Load())}
}

// startNode has the web node do what it does all day.
func (s *simulation) startNode() {
	for _, name := range []string{"api", "backend", "gc", "worker"} {
		d := &database{size: 64}
		s.databases = append(s.databases, d)
		s.monitor.RegisterDatabase(name, d)
	}
	s.answer()
	s.scan()
	s.collect()
	s.tellWorkerStates()
}

// answer answers a request, and another, and another.
func (s *simulation) answer() {
	r := pick(s.random, requestsByShare)
	status := http.StatusOK
	switch {
	case s.slowness > 1 && s.chance(.08):
		status = http.StatusInternalServerError
	case s.chance(.01):
		status = http.StatusNotFound
	case s.chance(.004):
		status = http.StatusUnauthorized
	}
	s.tellRequest(r.name, r.method, r.path, status, s.lasting(s.slowed(r.takes), .6))
	if r.name == "ListAllJobs" {
		s.monitor.ConcurrentRequests.With(r.name).Set(int64(s.slowness * s.ExpFloat64() * 2 * s.load()))
		if s.slowness > 1 && s.chance(.2) {
			s.monitor.ConcurrentRequestsLimitHit.With(r.name).Inc()
		}
	}
	s.monitor.DatabaseQueries.IncDelta(1 + s.IntN(6))
	s.after(s.waiting(time.Duration(float64(150*time.Millisecond)/s.load())), s.answer)
}

func (s *simulation) tellRequest(route, method, path string, status int, took time.Duration) {
	tell(s, requests, metric.HTTPResponseTime{Route: route, Path: path, Method: method, StatusCode: status, Duration: took})
}

// scan does the small things that take a lock, now and again and again.
func (s *simulation) scan() {
	held := pick(s.random, lockTypes)
	tell(s, locks, metric.LockAcquired{LockType: held})
	s.after(s.lasting(s.slowed(30*time.Millisecond), .5), func() {
		tell(s, locks, metric.LockReleased{LockType: held})
	})
	for _, d := range s.databases {
		busy := s.load() * s.slowness * float64(4+s.IntN(12))
		d.open.Store(min(int64(busy)+2, int64(d.size)))
	}
	if s.chance(.01 * s.slowness) {
		s.logError(pick(s.random, errorMessages))
	}
	s.after(s.waiting(2*time.Second), s.scan)
}

func (s *simulation) logError(message string) {
	tell(s, errorLogs, metric.ErrorLog{Message: message})
}

// collect collects the garbage of builds, now and again and again.
func (s *simulation) collect() {
	for collector := metric.BuildCollector; collector <= metric.VolumeCollector; collector++ {
		tell(s, collections, metric.CollectorDuration{
			Collector: collector,
			Duration:  s.lasting(s.slowed(time.Duration(4+collector*collector)*time.Millisecond), .5),
		})
	}
	garbage := s.running + s.IntN(10)
	for kind := metric.CreatingContainers; kind <= metric.FailedVolumes; kind++ {
		count := s.IntN(2) // of what is there by mistake
		switch kind {
		case metric.CreatedContainers, metric.DestroyingContainers:
			count = garbage
		case metric.OrphanedVolumes, metric.CreatedVolumes, metric.DestroyingVolumes:
			count = 2 * garbage
		}
		tell(s, collections, metric.ToBeGarbageCollected{Garbage: kind, Count: count})
	}
	s.monitor.ContainersDeleted.IncDelta(garbage)
	s.monitor.VolumesDeleted.IncDelta(2 * garbage)
	s.after(30*time.Second, s.collect)
}
