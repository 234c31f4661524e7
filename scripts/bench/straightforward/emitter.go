// Package straightforward is what a competent engineer writes in an afternoon, to
// have something to compare with: the same work, with client_golang's vectors and
// a channel, and without thinking about its cost.
//
//	emitter.go    events become updates of vectors, in a loop behind a channel
//	monitor.go    typed events, and what a scheduler adds to them
//	aggregator.go what agents push, by formatted key
package straightforward

import (
	"sync"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/metric"
)

// queueSize is how many events wait for the loop at most.
const queueSize = 1000

var buildBuckets = []float64{1, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}

// An Emitter takes events into a channel, and applies them in a loop. Where the
// channel is full, Emit waits: whoever is measured does all of the work.
type Emitter struct {
	queue chan queued
	done  sync.WaitGroup

	workerContainers, workerVolumes, workerTasks           *prometheus.GaugeVec
	workerUnknownContainers, workerUnknownVolumes          *prometheus.GaugeVec
	workersRegistered                                      *prometheus.GaugeVec
	buildsFinished                                         *prometheus.CounterVec
	buildsDuration, httpResponses                          *prometheus.HistogramVec
	buildsTotal, buildsSucceeded, buildsFailed             prometheus.Counter
	buildsAborted, buildsErrored                           prometheus.Counter
	buildsStarted, containersCreated, containersDeleted    prometheus.Counter
	volumesCreated, volumesDeleted, databaseQueries        prometheus.Counter
	jobsScheduled, checksStarted, checksEnqueued           prometheus.Counter
	buildsRunning, jobsScheduling, checkQueueSize          prometheus.Gauge
	databaseConnections, tasksWaiting, stepsWaiting, locks *prometheus.GaugeVec
	concurrentRequests                                     *prometheus.GaugeVec
	checksFinished, errorLogs, concurrentRequestsLimitHit  *prometheus.CounterVec
}

// A queued is an event that waits for the loop, with what it is to be logged to if
// that has to be, or a channel to close when the loop comes by.
type queued struct {
	logger  lager.Logger
	event   metric.Event
	flushed chan<- struct{}
}

// NewEmitter starts the loop.
func NewEmitter(registerer prometheus.Registerer) *Emitter {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "concourse", Name: name, Help: help})
		registerer.MustRegister(c)
		return c
	}
	counterVec := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "concourse", Name: name, Help: help}, labels)
		registerer.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "concourse", Name: name, Help: help})
		registerer.MustRegister(g)
		return g
	}
	gaugeVec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "concourse", Name: name, Help: help}, labels)
		registerer.MustRegister(g)
		return g
	}
	histogramVec := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "concourse", Name: name, Help: help, Buckets: buckets}, labels)
		registerer.MustRegister(h)
		return h
	}
	e := &Emitter{
		queue: make(chan queued, queueSize),

		workerContainers:        gaugeVec("workers_containers", "Containers on a worker.", "worker", "platform", "team", "tags"),
		workerVolumes:           gaugeVec("workers_volumes", "Volumes on a worker.", "worker", "platform", "team", "tags"),
		workerTasks:             gaugeVec("workers_tasks", "Tasks on a worker.", "worker", "platform"),
		workerUnknownContainers: gaugeVec("workers_unknown_containers", "Containers on a worker that nobody knows.", "worker"),
		workerUnknownVolumes:    gaugeVec("workers_unknown_volumes", "Volumes on a worker that nobody knows.", "worker"),
		workersRegistered:       gaugeVec("workers_registered", "Workers, by state.", "state"),

		buildsTotal:     counter("builds_finished_total", "Builds finished."),
		buildsSucceeded: counter("builds_succeeded_total", "Builds succeeded."),
		buildsFailed:    counter("builds_failed_total", "Builds failed."),
		buildsAborted:   counter("builds_aborted_total", "Builds aborted."),
		buildsErrored:   counter("builds_errored_total", "Builds errored."),
		buildsStarted:   counter("builds_started_total", "Builds started."),
		buildsFinished:  counterVec("builds_finished", "Builds finished, by job.", "team", "pipeline", "job", "status"),
		buildsDuration:  histogramVec("builds_duration_seconds", "How long builds took.", buildBuckets, "team", "pipeline", "job"),
		buildsRunning:   gauge("builds_running", "Builds running."),

		httpResponses: histogramVec("http_responses_duration_seconds", "How long requests took.", prometheus.DefBuckets, "method", "route", "status"),

		jobsScheduled:       counter("jobs_scheduled_total", "Jobs scheduled."),
		jobsScheduling:      gauge("jobs_scheduling", "Jobs being scheduled."),
		tasksWaiting:        gaugeVec("tasks_waiting", "Tasks waiting.", "platform", "teamId", "workerTags"),
		stepsWaiting:        gaugeVec("steps_waiting", "Steps waiting.", "platform", "teamId", "teamName", "type", "workerTags"),
		databaseQueries:     counter("db_queries_total", "Database queries."),
		databaseConnections: gaugeVec("db_connections", "Database connections.", "dbname"),
		locks:               gaugeVec("locks_held", "Locks held.", "type"),
		errorLogs:           counterVec("error_logs", "Error log lines.", "message"),

		concurrentRequests:         gaugeVec("concurrent_requests", "Requests under way.", "action"),
		concurrentRequestsLimitHit: counterVec("concurrent_requests_limit_hit_total", "Requests refused.", "action"),

		checksStarted:  counter("lidar_checks_started_total", "Checks started."),
		checksEnqueued: counter("lidar_checks_enqueued_total", "Checks enqueued."),
		checksFinished: counterVec("lidar_checks_finished_total", "Checks finished.", "status"),
		checkQueueSize: gauge("lidar_check_queue_size", "Checks in the queue."),

		containersCreated: counter("containers_created_total", "Containers created."),
		containersDeleted: counter("containers_deleted_total", "Containers deleted."),
		volumesCreated:    counter("volumes_created_total", "Volumes created."),
		volumesDeleted:    counter("volumes_deleted_total", "Volumes deleted."),
	}
	e.done.Go(e.loop)
	return e
}

// Emit takes an event, when there is room for it.
func (e *Emitter) Emit(logger lager.Logger, event metric.Event) {
	e.queue <- queued{logger: logger, event: event}
}

// Flush returns when all events are applied that were taken before.
func (e *Emitter) Flush() {
	flushed := make(chan struct{})
	e.queue <- queued{flushed: flushed}
	<-flushed
}

// Close applies what is left, and ends the loop.
func (e *Emitter) Close() {
	close(e.queue)
	e.done.Wait()
}

func (e *Emitter) loop() {
	for q := range e.queue {
		if q.flushed != nil {
			close(q.flushed)
			continue
		}
		e.apply(q.logger, q.event)
	}
}

func (e *Emitter) apply(logger lager.Logger, event metric.Event) {
	a := event.Attributes
	switch event.Name {
	case "error log":
		e.errorLogs.With(prometheus.Labels{"message": a["message"]}).Inc()
	case "lock held":
		e.locks.With(prometheus.Labels{"type": a["type"]}).Set(event.Value)
	case "jobs scheduled":
		e.jobsScheduled.Add(event.Value)
	case "jobs scheduling":
		e.jobsScheduling.Set(event.Value)
	case "builds started":
		e.buildsStarted.Add(event.Value)
	case "builds running":
		e.buildsRunning.Set(event.Value)
	case "build finished":
		e.buildFinished(event)
	case "tasks waiting":
		e.tasksWaiting.With(prometheus.Labels{
			"platform": a["platform"], "teamId": a["teamId"], "workerTags": a["workerTags"],
		}).Set(event.Value)
	case "steps waiting":
		e.stepsWaiting.With(prometheus.Labels{
			"platform": a["platform"], "teamId": a["teamId"], "teamName": a["teamName"],
			"type": a["type"], "workerTags": a["workerTags"],
		}).Set(event.Value)
	case "worker containers":
		e.workerContainers.With(prometheus.Labels{
			"worker": a["worker"], "platform": a["platform"], "team": a["team_name"], "tags": a["tags"],
		}).Set(event.Value)
	case "worker volumes":
		e.workerVolumes.With(prometheus.Labels{
			"worker": a["worker"], "platform": a["platform"], "team": a["team_name"], "tags": a["tags"],
		}).Set(event.Value)
	case "worker tasks":
		e.workerTasks.With(prometheus.Labels{"worker": a["worker"], "platform": a["platform"]}).Set(event.Value)
	case "worker unknown containers":
		e.workerUnknownContainers.With(prometheus.Labels{"worker": a["worker"]}).Set(event.Value)
	case "worker unknown volumes":
		e.workerUnknownVolumes.With(prometheus.Labels{"worker": a["worker"]}).Set(event.Value)
	case "worker state":
		e.workersRegistered.With(prometheus.Labels{"state": a["state"]}).Set(event.Value)
	case "http response time":
		e.httpResponses.With(prometheus.Labels{
			"method": a["method"], "route": a["route"], "status": a["status"],
		}).Observe(event.Value / 1000)
	case "database queries":
		e.databaseQueries.Add(event.Value)
	case "database connections":
		e.databaseConnections.With(prometheus.Labels{"dbname": a["ConnectionName"]}).Set(event.Value)
	case "concurrent requests":
		e.concurrentRequests.With(prometheus.Labels{"action": a["action"]}).Set(event.Value)
	case "concurrent requests limit hit":
		e.concurrentRequestsLimitHit.With(prometheus.Labels{"action": a["action"]}).Add(event.Value)
	case "checks started":
		e.checksStarted.Add(event.Value)
	case "checks enqueued":
		e.checksEnqueued.Add(event.Value)
	case "checks finished":
		e.checksFinished.With(prometheus.Labels{"status": a["status"]}).Add(event.Value)
	case "checks queue size":
		e.checkQueueSize.Set(event.Value)
	case "containers created":
		e.containersCreated.Add(event.Value)
	case "containers deleted":
		e.containersDeleted.Add(event.Value)
	case "volumes created":
		e.volumesCreated.Add(event.Value)
	case "volumes deleted":
		e.volumesDeleted.Add(event.Value)
	default:
		logger.Info("unknown-event", lager.Data{"name": event.Name})
	}
}

func (e *Emitter) buildFinished(event metric.Event) {
	a := event.Attributes
	e.buildsTotal.Inc()
	e.buildsFinished.With(prometheus.Labels{
		"team": a["team_name"], "pipeline": a["pipeline"], "job": a["job"], "status": a["build_status"],
	}).Inc()
	switch a["build_status"] {
	case "succeeded":
		e.buildsSucceeded.Inc()
	case "failed":
		e.buildsFailed.Inc()
	case "aborted":
		e.buildsAborted.Inc()
	case "errored":
		e.buildsErrored.Inc()
	}
	e.buildsDuration.With(prometheus.Labels{
		"team": a["team_name"], "pipeline": a["pipeline"], "job": a["job"],
	}).Observe(event.Value / 1000)
}
