package main

import "strings"

// collectors lists the garbage collectors of the web node. Each has its own histogram.
var collectors = []string{
	"artifact", "build", "container", "resource_cache", "resource_cache_use", "resource_config",
	"resource_config_check_session", "task_cache", "volume", "worker",
}

// collectorDurations returns queries for the mean duration of a run of each collector.
func collectorDurations() []query {
	var queries []query
	for _, c := range collectors {
		const template = `sum(rate(gc_gc_NAME_collector_duration_sum{instance=~"$instance"}[$__rate_interval]))
			/ sum(rate(gc_gc_NAME_collector_duration_count{instance=~"$instance"}[$__rate_interval])) / 1000`
		queries = append(queries, query{strings.ReplaceAll(template, "NAME", c), strings.ReplaceAll(c, "_", " ")})
	}
	return queries
}

var webNodeDashboard = dashboard{
	name:        "web-node",
	title:       "Web node internals",
	description: "The internal work of the scheduler: requests, database, locks, checks, scheduling and garbage collection.",
	variables: []variable{{
		name: "instance", label: "Instance", query: `label_values(db_queries_total, instance)`,
		description: "The web nodes themselves if they embed the emitter, or the daemons that they send their events to.",
	}},
	rows: []row{
		{"Requests", []panel{
			stacked("Requests by status", "reqps", "Requests per second. 5xx are errors of the web node: check its error log.",
				query{`sum by (status) (rate(http_responses_duration_seconds_count{instance=~"$instance"}[$__rate_interval]))`, "{{status}}"}),
			graph("Response time", "s", "Response time of all routes, estimated from histogram buckets. If it is high, check the slowest routes and the database.",
				query{`histogram_quantile(0.5, sum by (le) (rate(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "median"},
				query{`histogram_quantile(0.99, sum by (le) (rate(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "99th percentile"}),
			graph("Slowest routes", "s", "Mean response time of the ten slowest routes.",
				query{`topk(10, sum by (route) (rate(http_responses_duration_seconds_sum{instance=~"$instance"}[$__rate_interval]))
					/ (sum by (route) (rate(http_responses_duration_seconds_count{instance=~"$instance"}[$__rate_interval])) > 0))`, "{{route}}"}),
			heatmap("Requests by duration", "s", "Requests by response time. Two bands are two kinds of requests: see the slowest routes.",
				`sum by (le) (increase(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval]))`),
			graph("Requests in progress, limited actions", "short", "Requests in progress by action: the maximum since the last report.",
				query{`sum by (action) (concurrent_requests{instance=~"$instance"})`, "{{action}}"}).withWidth(6).withHeight(9),
			graph("Requests rejected", "cpm", "Requests per minute, by action. The limit of the action is too low, or a client sends too many requests.",
				query{`60 * sum by (action) (rate(concurrent_requests_limit_hit_total{instance=~"$instance"}[$__rate_interval]))`, "{{action}}"}).withWidth(6).withHeight(9),
		}},
		{"Database and locks", []panel{
			graph("Queries", "ops", "Queries per second. The number grows with the number of pipelines, resources and web nodes.",
				query{`sum by (instance) (rate(db_queries_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}),
			graph("Open connections", "short", "Open connections by connection pool. If a pool is at its limit, all queries wait: raise the limit, or find the slow query.",
				query{`sum by (dbname) (db_connections{instance=~"$instance"})`, "{{dbname}}"}),
			graph("Locks held", "short", "Locks by type. A line that never goes down is work that does not end.",
				query{`sum by (type) (locks_held{instance=~"$instance"})`, "{{type}}"}),
		}},
		{"Scheduling and checks", []panel{
			graph("Jobs scheduled", "cpm", "Jobs that the scheduler processed per minute, and jobs that it is processing now.",
				query{`60 * sum(rate(jobs_scheduled_total{instance=~"$instance"}[$__rate_interval]))`, "scheduled"},
				query{`sum(jobs_scheduling{instance=~"$instance"})`, "in progress"}),
			graph("Time to schedule a job", "s", "If the time grows, check the database, and look for jobs with a very large number of inputs.",
				query{`sum(rate(jobs_schedulingDuration_sum{instance=~"$instance"}[$__rate_interval]))
					/ sum(rate(jobs_schedulingDuration_count{instance=~"$instance"}[$__rate_interval])) / 1000`, "mean"},
				query{`histogram_quantile(0.99, sum by (le) (rate(jobs_schedulingDuration_bucket{instance=~"$instance"}[$__rate_interval]))) / 1000`, "99th percentile"}),
			graph("Checks", "cpm", "Checks per minute. If more checks are queued than finished for a long time, checks fall behind, and new versions are found late.",
				query{`60 * sum(rate(lidar_checks_enqueued_total{instance=~"$instance"}[$__rate_interval]))`, "queued"},
				query{`60 * sum(rate(lidar_checks_started_total{instance=~"$instance"}[$__rate_interval]))`, "started"},
				query{`60 * sum by (status) (rate(lidar_checks_finished_total{instance=~"$instance"}[$__rate_interval]))`, "finished: {{status}}"}),
			graph("Check queue", "short", "Checks that wait: the maximum since the last report.",
				query{`sum by (instance) (lidar_check_queue_size{instance=~"$instance"})`, "{{instance}}"}).withWidth(12),
			graph("Error log lines", "cpm", "Lines per minute with the ten most frequent messages. Search the log of the web node for the message.",
				query{`topk(10, 60 * sum by (message) (rate(error_logs{instance=~"$instance"}[$__rate_interval])) > 0)`, "{{message}}"}).withWidth(12),
		}},
		{"Garbage collection of containers, volumes and builds", []panel{
			graph("Mean duration by collector", "s", "If a collector takes minutes, the objects that it removes pile up: check the database, and look for workers that do not respond.",
				collectorDurations()...).withWidth(12).withHeight(10),
			graph("Found for collection", "cpm", "Containers and volumes per minute. Failed ones that are found again and again cannot be removed: check their workers.",
				query{`60 * sum(rate(gc_creating_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, creating"},
				query{`60 * sum(rate(gc_created_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, created"},
				query{`60 * sum(rate(gc_failed_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, failed"},
				query{`60 * sum(rate(gc_destroying_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, destroying"},
				query{`60 * sum(rate(gc_created_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, created"},
				query{`60 * sum(rate(gc_destroying_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, destroying"},
				query{`60 * sum(rate(gc_failed_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, failed"},
				query{`60 * sum(rate(volumes_orphaned_volumes_to_be_deleted{instance=~"$instance"}[$__rate_interval]))`, "volumes, orphaned"}).withWidth(12).withHeight(10),
		}},
		{"Process that serves the metrics", []panel{
			graph("CPU", "percentunit", "CPU usage, as a share of one core: of the web node if it embeds the emitter, and otherwise of the daemon.",
				query{`rate(process_cpu_seconds_total{instance=~"$instance"}[$__rate_interval]) and on (instance, job) signalbox_build_info`, "{{instance}}"}),
			graph("Heap in use", "bytes", "If it only grows, there is a memory leak.",
				query{`go_memstats_heap_inuse_bytes{instance=~"$instance"} and on (instance, job) signalbox_build_info`, "{{instance}}"}),
			graph("Goroutines", "short", "If the number only grows, there is a goroutine leak.",
				query{`go_goroutines{instance=~"$instance"} and on (instance, job) signalbox_build_info`, "{{instance}}"}),
		}},
	},
}
