// Package catalog contains the built-in rules, in two namings.
package catalog

import "github.com/signalbox-ci/signalbox/emitter/rule"

// LastSeen describes a family that no event updates; the store itself maintains it.
var LastSeen = rule.Rule{
	Metric: "workers_last_seen_timestamp_seconds",
	Help:   "When a worker was last heard of, in seconds since the epoch.",
	Labels: workerLabels,
}

// The buckets. The histograms for garbage collectors and job scheduling observe
// milliseconds but have bounds for seconds, as in Concourse's web node.
var (
	buildBuckets      = []float64{1, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}
	schedulingBuckets = []float64{30, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}
	taskWaitBuckets   = []float64{1, 15, 30, 60, 120, 180, 240, 300, 600, 1200}
	stepWaitBuckets   = []float64{10, 30, 60, 120, 300, 600, 1800, 2400, 3000, 3600}
	responseBuckets   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// The label sets that several families share.
var (
	jobLabels = []rule.Label{
		{Name: "job", Attribute: "job"},
		{Name: "job_id", Attribute: "job_id"},
		{Name: "pipeline", Attribute: "pipeline"},
	}
	buildLabels = []rule.Label{
		{Name: "job", Attribute: "job"},
		{Name: "pipeline", Attribute: "pipeline"},
		{Name: "team", Attribute: "team_name", Required: rule.Present},
	}
	taskLabels = []rule.Label{
		{Name: "platform", Attribute: "platform"},
		{Name: "teamId", Attribute: "teamId"},
		{Name: "workerTags", Attribute: "workerTags"},
	}
	stepLabels = []rule.Label{
		{Name: "platform", Attribute: "platform"},
		{Name: "teamId", Attribute: "teamId"},
		{Name: "teamName", Attribute: "teamName"},
		{Name: "type", Attribute: "type"},
		{Name: "workerTags", Attribute: "workerTags"},
	}
	actionLabels      = []rule.Label{{Name: "action", Attribute: "action"}}
	workerLabels      = []rule.Label{{Name: "worker", Attribute: "worker", Required: rule.Present}}
	workerUsageLabels = []rule.Label{
		{Name: "platform", Attribute: "platform", Required: rule.NonEmpty},
		{Name: "tags", Attribute: "tags"},
		{Name: "team", Attribute: "team_name", Required: rule.Present},
		{Name: "worker", Attribute: "worker", Required: rule.Present},
	}
)

// Attributes that the build families require in addition to those of their labels.
var (
	needsStatus        = []string{"build_status"}
	needsTeamAndStatus = []string{"team_name", "build_status"}
)

func statusIs(status string) *rule.Condition {
	return &rule.Condition{Attribute: "build_status", Value: status}
}

// concourse maps the events of Concourse's web node. Dashboards depend on the names,
// labels, units and buckets, so these are the same as in the web node, including its
// peculiarities.
var concourse = []rule.Rule{
	{Event: "error log", Metric: "error_logs", Type: rule.Counter, Operation: rule.Inc,
		Help:   "Error-level log lines, by message.",
		Labels: []rule.Label{{Name: "message", Attribute: "message", Required: rule.Present}}},
	{Event: "lock held", Metric: "locks_held", Type: rule.Gauge, Operation: rule.Hold,
		Help:   "Database locks held at the moment, by type of lock.",
		Labels: []rule.Label{{Name: "type", Attribute: "type", Required: rule.Present}}},

	// Jobs and builds.
	{Event: "jobs scheduled", Metric: "jobs_scheduled_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Jobs scheduled."},
	{Event: "jobs scheduling", Metric: "jobs_scheduling", Type: rule.Gauge, Operation: rule.Set,
		Help: "Jobs being scheduled, at most since the last report."},
	{Event: "scheduling: job duration (ms)", Metric: "jobs_schedulingDuration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken to schedule a job, in milliseconds.", Labels: jobLabels, Buckets: schedulingBuckets},
	{Event: "builds started", Metric: "builds_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Builds started."},
	{Event: "builds running", Metric: "builds_running", Type: rule.Gauge, Operation: rule.Set,
		Help: "Builds running, at most since the last report."},
	{Event: "check builds started", Metric: "builds_check_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Check builds started."},
	{Event: "check builds running", Metric: "builds_check_running", Type: rule.Gauge, Operation: rule.Set,
		Help: "Check builds running, at most since the last report."},
	{Event: "build finished", Metric: "builds_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds finished, whatever their status."},
	{Event: "build finished", Metric: "builds_finished", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds finished, by team, pipeline, job and status.",
		Labels: []rule.Label{
			{Name: "job", Attribute: "job"},
			{Name: "pipeline", Attribute: "pipeline"},
			{Name: "status", Attribute: "build_status", Required: rule.Present},
			{Name: "team", Attribute: "team_name", Required: rule.Present},
		}},
	{Event: "build finished", Metric: "builds_aborted_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds aborted.", When: statusIs("aborted"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_succeeded_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds succeeded.", When: statusIs("succeeded"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_failed_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds failed.", When: statusIs("failed"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_errored_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Builds errored.", When: statusIs("errored"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_duration_seconds", Type: rule.Histogram, Operation: rule.Observe, Divide: 1000,
		Help: "Time from a build's start to its end, in seconds.", Labels: buildLabels, Needs: needsStatus, Buckets: buildBuckets,
		Exemplar: []rule.ExemplarLabel{{Name: "trace_id", Attribute: "trace_id"}, {Name: "build_id", Attribute: "build_id"}}},
	{Event: "check build finished", Metric: "builds_check_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Check builds finished, whatever their status."},
	{Event: "check build finished", Metric: "builds_check_aborted_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Check builds aborted.", When: statusIs("aborted"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_succeeded_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Check builds succeeded.", When: statusIs("succeeded"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_failed_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Check builds failed.", When: statusIs("failed"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_errored_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Check builds errored.", When: statusIs("errored"), Needs: needsStatus},
	{Event: "latest completed build status", Metric: "builds_latest_completed_build_status", Type: rule.Gauge, Operation: rule.Set,
		Help: "Status of a job's latest completed build: 0 succeeded, 1 failed, 2 aborted, 3 errored.",
		Labels: []rule.Label{
			{Name: "jobName", Attribute: "jobName"},
			{Name: "pipelineName", Attribute: "pipelineName"},
			{Name: "teamName", Attribute: "teamName"},
		}},

	// Waiting for workers.
	{Event: "tasks waiting", Metric: "tasks_waiting", Type: rule.Gauge, Operation: rule.Set,
		Help: "Tasks waiting for a worker, at most since the last report.", Labels: taskLabels},
	{Event: "tasks waiting duration", Metric: "tasks_wait_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that tasks waited for a worker, in seconds.", Labels: taskLabels, Buckets: taskWaitBuckets},
	{Event: "steps waiting", Metric: "steps_waiting", Type: rule.Gauge, Operation: rule.Set,
		Help: "Steps waiting for a worker, at most since the last report.", Labels: stepLabels},
	{Event: "steps waiting duration", Metric: "steps_wait_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that steps waited for a worker, in seconds.", Labels: stepLabels, Buckets: stepWaitBuckets},

	// The web node.
	{Event: "concurrent requests limit hit", Metric: "concurrent_requests_limit_hit_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Requests refused because too many of their action were under way.", Labels: actionLabels},
	{Event: "concurrent requests", Metric: "concurrent_requests", Type: rule.Gauge, Operation: rule.Set,
		Help: "Requests under way, at most since the last report, by action.", Labels: actionLabels},
	{Event: "http response time", Metric: "http_responses_duration_seconds", Type: rule.Histogram, Operation: rule.Observe, Divide: 1000,
		Help: "Time taken to answer a request, in seconds.",
		Labels: []rule.Label{
			{Name: "method", Attribute: "method", Required: rule.Present},
			{Name: "route", Attribute: "route", Required: rule.Present},
			{Name: "status", Attribute: "status", Required: rule.Present},
		},
		Buckets: responseBuckets},
	{Event: "database queries", Metric: "db_queries_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Database queries."},
	{Event: "database connections", Metric: "db_connections", Type: rule.Gauge, Operation: rule.Set,
		Help:   "Open database connections, by connection pool.",
		Labels: []rule.Label{{Name: "dbname", Attribute: "ConnectionName", Required: rule.Present}}},

	// Checks.
	{Event: "checks finished", Metric: "lidar_checks_finished_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Resource checks finished, by status.", Labels: []rule.Label{{Name: "status", Attribute: "status"}}},
	{Event: "checks started", Metric: "lidar_checks_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Resource checks started."},
	{Event: "checks enqueued", Metric: "lidar_checks_enqueued_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Resource checks put in the queue."},
	{Event: "checks queue size", Metric: "lidar_check_queue_size", Type: rule.Gauge, Operation: rule.Set,
		Help: "Resource checks in the queue, at most since the last report."},

	// Containers, volumes and caches.
	{Event: "containers created", Metric: "containers_created_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Containers created."},
	{Event: "containers deleted", Metric: "containers_deleted_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Containers deleted."},
	{Event: "failed containers", Metric: "containers_failed_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Containers that could not be created."},
	{Event: "volumes created", Metric: "volumes_created_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes created."},
	{Event: "volumes deleted", Metric: "volumes_deleted_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes deleted."},
	{Event: "failed volumes", Metric: "volumes_failed_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes that could not be created."},
	{Event: "volumes streamed", Metric: "volumes_volumes_streamed", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes streamed from one worker to another."},
	{Event: "volumes streamed via fallback", Metric: "volumes_volumes_streamed_via_fallback", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes streamed through the web node because the workers could not reach each other."},
	{Event: "get step cache hits", Metric: "caches_get_step_cache_hits", Type: rule.Counter, Operation: rule.Add,
		Help: "Get steps that found their resource in the cache."},
	{Event: "streamed resource caches", Metric: "caches_streamed_resource_caches", Type: rule.Counter, Operation: rule.Add,
		Help: "Resource caches streamed from one worker to another."},

	// Garbage collection.
	{Event: "orphaned volumes to be garbage collected", Metric: "volumes_orphaned_volumes_to_be_deleted", Type: rule.Counter, Operation: rule.Add,
		Help: "Orphaned volumes found for deletion."},
	{Event: "creating containers to be garbage collected", Metric: "gc_creating_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Containers found for garbage collection while being created."},
	{Event: "created containers to be garbage collected", Metric: "gc_created_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Created containers found for garbage collection."},
	{Event: "failed containers to be garbage collected", Metric: "gc_failed_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Failed containers found for garbage collection."},
	{Event: "destroying containers to be garbage collected", Metric: "gc_destroying_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Containers found for garbage collection while being destroyed."},
	{Event: "created volumes to be garbage collected", Metric: "gc_created_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Created volumes found for garbage collection."},
	{Event: "destroying volumes to be garbage collected", Metric: "gc_destroying_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Volumes found for garbage collection while being destroyed."},
	{Event: "failed volumes to be garbage collected", Metric: "gc_failed_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Failed volumes found for garbage collection."},
	{Event: "gc: build collector duration (ms)", Metric: "gc_gc_build_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the build collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: worker collector duration (ms)", Metric: "gc_gc_worker_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the worker collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource cache use collector duration (ms)", Metric: "gc_gc_resource_cache_use_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the resource cache use collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource config collector duration (ms)", Metric: "gc_gc_resource_config_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the resource config collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource cache collector duration (ms)", Metric: "gc_gc_resource_cache_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the resource cache collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: task cache collector duration (ms)", Metric: "gc_gc_task_cache_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the task cache collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource config check session collector duration (ms)", Metric: "gc_gc_resource_config_check_session_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the resource config check session collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: artifact collector duration (ms)", Metric: "gc_gc_artifact_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the artifact collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: container collector duration (ms)", Metric: "gc_gc_container_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the container collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: volume collector duration (ms)", Metric: "gc_gc_volume_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by the volume collector, in milliseconds.", Buckets: buildBuckets},

	// Workers.
	{Event: "worker state", Metric: "workers_registered", Type: rule.Gauge, Operation: rule.Set,
		Help:   "Workers, by state.",
		Labels: []rule.Label{{Name: "state", Attribute: "state", Required: rule.Present}}},
	{Event: "worker containers", Metric: "workers_containers", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Containers on a worker.", Labels: workerUsageLabels},
	{Event: "worker volumes", Metric: "workers_volumes", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Volumes on a worker.", Labels: workerUsageLabels},
	{Event: "worker tasks", Metric: "workers_tasks", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Tasks on a worker.",
		Labels: []rule.Label{
			{Name: "platform", Attribute: "platform", Required: rule.NonEmpty},
			{Name: "worker", Attribute: "worker", Required: rule.Present},
		}},
	{Event: "worker unknown containers", Metric: "workers_unknown_containers", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Owned,
		Help: "Containers on a worker that the scheduler does not know.", Labels: workerLabels},
	{Event: "worker unknown volumes", Metric: "workers_unknown_volumes", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Owned,
		Help: "Volumes on a worker that the scheduler does not know.", Labels: workerLabels},
}

// silentEvents are known but deliberately update no series: the Go and process
// collectors already export metrics about the runtime, and the value of "build started"
// is the build's ID.
var silentEvents = []string{
	"build started",
	"gc pause total duration",
	"mallocs",
	"frees",
	"heap alloc",
	"heap inuse",
	"heap objects",
	"stack inuse",
	"sys",
	"num gc",
	"gc cpu fraction",
	"next gc",
	"num cpu",
	"goroutines",
}
