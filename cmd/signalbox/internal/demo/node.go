package demo

import (
	"database/sql"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/simulate"
	"github.com/signalbox-ci/signalbox/metric"
)

// A route is an endpoint of the web node's API.
type route struct {
	name, method, path string
	weight             int           // relative frequency of requests
	duration           time.Duration // median duration of a response
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

// weightedRoutes contains each route as often as its weight.
var weightedRoutes = func() (all []*route) {
	for i := range routes {
		for range routes[i].weight {
			all = append(all, &routes[i])
		}
	}
	return all
}()

// errorMessages are messages of errors that the node logs.
var errorMessages = []string{
	"atc.api.list-all-jobs.failed-to-query",
	"atc.lidar.checker.failed-to-check-resource",
	"atc.collector.container-collector.failed-to-mark-container",
	"atc.tracker.track.build-step.failed-to-stream-volume",
	"atc.syslog-drainer.connection-refused",
	"tsa.connection.failed-to-forward",
}

// lockTypes are the types of locks that are held only briefly.
var lockTypes = []string{"Batch", "ResourceScanning", "VolumeCreating", "ContainerCreating", "ActiveTasks", "InMemoryCheckBuildTracking"}

// A database is a pool of connections. It implements metric.Database. Stats is safe for
// concurrent use.
type database struct {
	size int
	open atomic.Int64
}

// Stats implements metric.Database.
func (d *database) Stats() sql.DBStats {
	return sql.DBStats{MaxOpenConnections: d.size, OpenConnections: int(d.open.Load())}
}

// startNode registers the databases and starts the periodic work of the web node.
func (s *simulation) startNode() {
	for _, name := range []string{"api", "backend", "gc", "worker"} {
		d := &database{size: 64}
		s.databases = append(s.databases, d)
		s.monitor.RegisterDatabase(name, d)
	}
	s.answerRequest()
	s.scan()
	s.collectGarbage()
	s.emitWorkerStates()
}

// answerRequest answers a request, and adds the next one to the agenda.
func (s *simulation) answerRequest() {
	r := simulate.Pick(s.Random, weightedRoutes)
	status := http.StatusOK
	switch {
	case s.slowness > 1 && s.Chance(.08):
		status = http.StatusInternalServerError
	case s.Chance(.01):
		status = http.StatusNotFound
	case s.Chance(.004):
		status = http.StatusUnauthorized
	}
	s.emitRequest(r.name, r.method, r.path, status, s.Lognormal(s.slowed(r.duration), .6))
	if r.name == "ListAllJobs" {
		s.monitor.ConcurrentRequests.With(r.name).Set(int64(s.slowness * s.ExpFloat64() * 2 * s.load()))
		if s.slowness > 1 && s.Chance(.2) {
			s.monitor.ConcurrentRequestsLimitHit.With(r.name).Inc()
		}
	}
	s.monitor.DatabaseQueries.IncDelta(1 + s.IntN(6))
	s.After(s.Exponential(time.Duration(float64(150*time.Millisecond)/s.load())), s.answerRequest)
}

func (s *simulation) emitRequest(route, method, path string, status int, took time.Duration) {
	emit(s, requests, metric.HTTPResponseTime{Route: route, Path: path, Method: method, StatusCode: status, Duration: took})
}

// scan holds a lock briefly, changes the number of database connections, sometimes logs
// an error, and adds the next scan to the agenda.
func (s *simulation) scan() {
	held := simulate.Pick(s.Random, lockTypes)
	emit(s, locks, metric.LockAcquired{LockType: held})
	s.After(s.Lognormal(s.slowed(30*time.Millisecond), .5), func() {
		emit(s, locks, metric.LockReleased{LockType: held})
	})
	for _, d := range s.databases {
		busy := s.load() * s.slowness * float64(4+s.IntN(12))
		d.open.Store(min(int64(busy)+2, int64(d.size)))
	}
	if s.Chance(.01 * s.slowness) {
		s.logError(simulate.Pick(s.Random, errorMessages))
	}
	s.After(s.Exponential(2*time.Second), s.scan)
}

func (s *simulation) logError(message string) {
	emit(s, errorLogs, metric.ErrorLog{Message: message})
}

// collectGarbage emits the results of a garbage collection, and adds the next one to
// the agenda.
func (s *simulation) collectGarbage() {
	for collector := metric.BuildCollector; collector <= metric.VolumeCollector; collector++ {
		emit(s, collections, metric.CollectorDuration{
			Collector: collector,
			Duration:  s.Lognormal(s.slowed(time.Duration(4+collector*collector)*time.Millisecond), .5),
		})
	}
	garbage := s.running + s.IntN(10)
	for kind := metric.CreatingContainers; kind <= metric.FailedVolumes; kind++ {
		count := s.IntN(2) // leftovers of failures
		switch kind {
		case metric.CreatedContainers, metric.DestroyingContainers:
			count = garbage
		case metric.OrphanedVolumes, metric.CreatedVolumes, metric.DestroyingVolumes:
			count = 2 * garbage
		}
		emit(s, collections, metric.ToBeGarbageCollected{Garbage: kind, Count: count})
	}
	s.monitor.ContainersDeleted.IncDelta(garbage)
	s.monitor.VolumesDeleted.IncDelta(2 * garbage)
	s.After(30*time.Second, s.collectGarbage)
}
