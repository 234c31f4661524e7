package catalog

import (
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// LastSeen describes a family that the store itself maintains. No rule updates it.
var LastSeen = rule.Rule{
	Metric: "workers_last_seen_timestamp_seconds",
	Help:   "Time when a worker was last seen, in seconds since the Unix epoch.",
	Labels: workerLabels,
}

// The histograms for garbage collectors and job scheduling observe milliseconds, but
// their bounds are meant for seconds, as in Concourse's web node.
var (
	buildBuckets      = []float64{1, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}
	schedulingBuckets = []float64{30, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}
	taskWaitBuckets   = []float64{1, 15, 30, 60, 120, 180, 240, 300, 600, 1200}
	stepWaitBuckets   = []float64{10, 30, 60, 120, 300, 600, 1800, 2400, 3000, 3600}
	responseBuckets   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// Label sets that several families share.
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

// takesTurns is the idle TTL of gauges that one of several web nodes reports at a time,
// every minute at least. When another node has taken over, the value of this node is
// out of date. The other gauges need no TTL: each web node reports all of its own every
// few seconds, the staleness of their worker removes them, or they are reported too
// rarely (builds_latest_completed_build_status, when a build ends).
const takesTurns = 10 * time.Minute

// Attributes that the build families require in addition to those of their labels.
var (
	needsStatus        = []string{"build_status"}
	needsTeamAndStatus = []string{"team_name", "build_status"}
)

func statusIs(status string) *rule.Condition {
	return &rule.Condition{Attribute: "build_status", Value: status}
}

// concourse contains the rules for the events of Concourse's web node. Names, labels,
// units, and buckets are the same as in the web node, peculiarities included, because
// dashboards depend on them. The units and the possible values of attributes come from
// the list of events.
var concourse = describe([]rule.Rule{
	{Event: "error log", Metric: "error_logs", Type: rule.Counter, Operation: rule.Inc,
		Help:   "Number of error log lines, by message.",
		Labels: []rule.Label{{Name: "message", Attribute: "message", Required: rule.Present, Truncate: true}}},
	{Event: "lock held", Metric: "locks_held", Type: rule.Gauge, Operation: rule.Hold,
		Help:   "Number of database locks currently held, by lock type.",
		Labels: []rule.Label{{Name: "type", Attribute: "type", Required: rule.Present}}},

	// Jobs and builds.
	{Event: "jobs scheduled", Metric: "jobs_scheduled_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of jobs scheduled."},
	{Event: "jobs scheduling", Metric: "jobs_scheduling", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of jobs being scheduled since the last report."},
	{Event: "scheduling: job duration (ms)", Metric: "jobs_schedulingDuration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken to schedule a job, in milliseconds.", Labels: jobLabels, Buckets: schedulingBuckets},
	{Event: "builds started", Metric: "builds_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of builds started."},
	{Event: "builds running", Metric: "builds_running", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of builds running since the last report."},
	{Event: "check builds started", Metric: "builds_check_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of check builds started."},
	{Event: "check builds running", Metric: "builds_check_running", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of check builds running since the last report."},
	{Event: "build finished", Metric: "builds_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of builds finished, regardless of status."},
	{Event: "build finished", Metric: "builds_finished", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of builds finished, by team, pipeline, job, and status.",
		Labels: []rule.Label{
			{Name: "job", Attribute: "job"},
			{Name: "pipeline", Attribute: "pipeline"},
			{Name: "status", Attribute: "build_status", Required: rule.Present},
			{Name: "team", Attribute: "team_name", Required: rule.Present},
		}},
	{Event: "build finished", Metric: "builds_aborted_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of aborted builds.", When: statusIs("aborted"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_succeeded_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of successful builds.", When: statusIs("succeeded"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_failed_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of failed builds.", When: statusIs("failed"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_errored_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of errored builds.", When: statusIs("errored"), Needs: needsTeamAndStatus},
	{Event: "build finished", Metric: "builds_duration_seconds", Type: rule.Histogram, Operation: rule.Observe, Divide: 1000,
		Help: "Time from the start to the end of a build, in seconds.", Labels: buildLabels, Needs: needsStatus, Buckets: buildBuckets,
		Exemplar: []rule.ExemplarLabel{{Name: "trace_id", Attribute: "trace_id"}, {Name: "build_id", Attribute: "build_id"}}},
	{Event: "check build finished", Metric: "builds_check_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of check builds finished, regardless of status."},
	{Event: "check build finished", Metric: "builds_check_aborted_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of aborted check builds.", When: statusIs("aborted"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_succeeded_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of successful check builds.", When: statusIs("succeeded"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_failed_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of failed check builds.", When: statusIs("failed"), Needs: needsStatus},
	{Event: "check build finished", Metric: "builds_check_errored_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of errored check builds.", When: statusIs("errored"), Needs: needsStatus},
	{Event: "latest completed build status", Metric: "builds_latest_completed_build_status", Type: rule.Gauge, Operation: rule.Set,
		Help: "Status of the latest completed build of a job: 0 = succeeded, 1 = failed, 2 = aborted, 3 = errored.",
		Labels: []rule.Label{
			{Name: "jobName", Attribute: "jobName"},
			{Name: "pipelineName", Attribute: "pipelineName"},
			{Name: "teamName", Attribute: "teamName"},
		}},

	// Waiting for workers.
	{Event: "tasks waiting", Metric: "tasks_waiting", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of tasks waiting for a worker since the last report.", Labels: taskLabels},
	{Event: "tasks waiting duration", Metric: "tasks_wait_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that a task waited for a worker, in seconds.", Labels: taskLabels, Buckets: taskWaitBuckets},
	{Event: "steps waiting", Metric: "steps_waiting", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of steps waiting for a worker since the last report.", Labels: stepLabels},
	{Event: "steps waiting duration", Metric: "steps_wait_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that a step waited for a worker, in seconds.", Labels: stepLabels, Buckets: stepWaitBuckets},

	// The web node.
	{Event: "concurrent requests limit hit", Metric: "concurrent_requests_limit_hit_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of requests rejected because of the limit on concurrent requests, by action.", Labels: actionLabels},
	{Event: "concurrent requests", Metric: "concurrent_requests", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of concurrent requests since the last report, by action.", Labels: actionLabels},
	{Event: "http response time", Metric: "http_responses_duration_seconds", Type: rule.Histogram, Operation: rule.Observe, Divide: 1000,
		Help: "Time taken to respond to an HTTP request, in seconds.",
		Labels: []rule.Label{
			{Name: "method", Attribute: "method", Required: rule.Present},
			{Name: "route", Attribute: "route", Required: rule.Present},
			{Name: "status", Attribute: "status", Required: rule.Present},
		},
		Buckets: responseBuckets},
	{Event: "database queries", Metric: "db_queries_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of database queries."},
	{Event: "database connections", Metric: "db_connections", Type: rule.Gauge, Operation: rule.Set,
		Help:   "Number of open database connections, by connection pool.",
		Labels: []rule.Label{{Name: "dbname", Attribute: "ConnectionName", Required: rule.Present}}},

	// Checks.
	{Event: "checks finished", Metric: "lidar_checks_finished_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of resource checks finished, by status.", Labels: []rule.Label{{Name: "status", Attribute: "status"}}},
	{Event: "checks started", Metric: "lidar_checks_started_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of resource checks started."},
	{Event: "checks enqueued", Metric: "lidar_checks_enqueued_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of resource checks added to the queue."},
	{Event: "checks queue size", Metric: "lidar_check_queue_size", Type: rule.Gauge, Operation: rule.Set,
		Help: "Peak number of resource checks in the queue since the last report."},

	// Containers, volumes and caches.
	{Event: "containers created", Metric: "containers_created_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of containers created."},
	{Event: "containers deleted", Metric: "containers_deleted_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of containers deleted."},
	{Event: "failed containers", Metric: "containers_failed_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of containers that could not be created."},
	{Event: "volumes created", Metric: "volumes_created_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes created."},
	{Event: "volumes deleted", Metric: "volumes_deleted_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes deleted."},
	{Event: "failed volumes", Metric: "volumes_failed_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes that could not be created."},
	{Event: "volumes streamed", Metric: "volumes_volumes_streamed", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes streamed from one worker to another."},
	{Event: "volumes streamed via fallback", Metric: "volumes_volumes_streamed_via_fallback", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes streamed through the web node because the workers could not reach each other."},
	{Event: "get step cache hits", Metric: "caches_get_step_cache_hits", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of get steps that found their resource in the cache."},
	{Event: "streamed resource caches", Metric: "caches_streamed_resource_caches", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of resource caches streamed from one worker to another."},

	// Garbage collection.
	{Event: "orphaned volumes to be garbage collected", Metric: "volumes_orphaned_volumes_to_be_deleted", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of orphaned volumes selected for deletion."},
	{Event: "creating containers to be garbage collected", Metric: "gc_creating_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of containers selected for garbage collection while being created."},
	{Event: "created containers to be garbage collected", Metric: "gc_created_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of created containers selected for garbage collection."},
	{Event: "failed containers to be garbage collected", Metric: "gc_failed_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of failed containers selected for garbage collection."},
	{Event: "destroying containers to be garbage collected", Metric: "gc_destroying_containers_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of containers selected for garbage collection while being destroyed."},
	{Event: "created volumes to be garbage collected", Metric: "gc_created_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of created volumes selected for garbage collection."},
	{Event: "destroying volumes to be garbage collected", Metric: "gc_destroying_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of volumes selected for garbage collection while being destroyed."},
	{Event: "failed volumes to be garbage collected", Metric: "gc_failed_volumes_to_be_garbage_collected", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of failed volumes selected for garbage collection."},
	{Event: "gc: build collector duration (ms)", Metric: "gc_gc_build_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the build collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: worker collector duration (ms)", Metric: "gc_gc_worker_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the worker collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource cache use collector duration (ms)", Metric: "gc_gc_resource_cache_use_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the resource cache use collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource config collector duration (ms)", Metric: "gc_gc_resource_config_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the resource config collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource cache collector duration (ms)", Metric: "gc_gc_resource_cache_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the resource cache collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: task cache collector duration (ms)", Metric: "gc_gc_task_cache_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the task cache collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: resource config check session collector duration (ms)", Metric: "gc_gc_resource_config_check_session_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the resource config check session collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: artifact collector duration (ms)", Metric: "gc_gc_artifact_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the artifact collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: container collector duration (ms)", Metric: "gc_gc_container_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the container collector, in milliseconds.", Buckets: buildBuckets},
	{Event: "gc: volume collector duration (ms)", Metric: "gc_gc_volume_collector_duration", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time taken by a run of the volume collector, in milliseconds.", Buckets: buildBuckets},

	// Workers.
	{Event: "worker state", Metric: "workers_registered", Type: rule.Gauge, Operation: rule.Set, IdleTTL: takesTurns,
		Help:   "Number of workers, by state.",
		Labels: []rule.Label{{Name: "state", Attribute: "state", Required: rule.Present}}},
	{Event: "worker containers", Metric: "workers_containers", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Number of containers on a worker.", Labels: workerUsageLabels},
	{Event: "worker volumes", Metric: "workers_volumes", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Number of volumes on a worker.", Labels: workerUsageLabels},
	{Event: "worker tasks", Metric: "workers_tasks", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat,
		Help: "Number of tasks on a worker.",
		Labels: []rule.Label{
			{Name: "platform", Attribute: "platform", Required: rule.NonEmpty},
			{Name: "worker", Attribute: "worker", Required: rule.Present},
		}},
	{Event: "worker unknown containers", Metric: "workers_unknown_containers", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Owned, IdleTTL: takesTurns,
		Help: "Number of containers on a worker that are unknown to the scheduler.", Labels: workerLabels},
	{Event: "worker unknown volumes", Metric: "workers_unknown_volumes", Type: rule.Gauge, Operation: rule.Set, Worker: rule.Owned, IdleTTL: takesTurns,
		Help: "Number of volumes on a worker that are unknown to the scheduler.", Labels: workerLabels},
}, concourseEvents)
