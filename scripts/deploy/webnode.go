package main

import "strings"

// collectors are the web node's garbage collectors, each with a histogram of its own.
var collectors = []string{
	"artifact", "build", "container", "resource_cache", "resource_cache_use", "resource_config",
	"resource_config_check_session", "task_cache", "volume", "worker",
}

// collectorDurations has the mean duration of each collector's runs.
func collectorDurations() []query {
	var queries []query
	for _, c := range collectors {
		const form = `sum(rate(gc_gc_NAME_collector_duration_sum{instance=~"$instance"}[$__rate_interval]))
			/ sum(rate(gc_gc_NAME_collector_duration_count{instance=~"$instance"}[$__rate_interval])) / 1000`
		queries = append(queries, query{strings.ReplaceAll(form, "NAME", c), strings.ReplaceAll(c, "_", " ")})
	}
	return queries
}

var webNodeDashboard = dashboard{
	name:        "web-node",
	title:       "Web node internals",
	description: "The scheduler's own work: requests, database, locks, checks, scheduling and garbage collection.",
	variables: []variable{{
		name: "instance", label: "Instance", query: `label_values(db_queries_total, instance)`,
		description: "Where the events of the web nodes are served: each node, or the daemon it sends them to.",
	}},
	rows: []row{
		{"Requests", []panel{
			stacked("Requests by status", "reqps", "Requests a second. 5xx are the web node's: look at its error log.",
				query{`sum by (status) (rate(http_responses_duration_seconds_count{instance=~"$instance"}[$__rate_interval]))`, "{{status}}"}),
			graph("Response time", "s", "Estimated from the histogram's buckets, of all routes. If it is high, look at the slowest routes and at the database.",
				query{`histogram_quantile(0.5, sum by (le) (rate(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "median"},
				query{`histogram_quantile(0.99, sum by (le) (rate(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`, "99 %"}),
			graph("Slowest routes", "s", "Mean time, the ten slowest.",
				query{`topk(10, sum by (route) (rate(http_responses_duration_seconds_sum{instance=~"$instance"}[$__rate_interval]))
					/ (sum by (route) (rate(http_responses_duration_seconds_count{instance=~"$instance"}[$__rate_interval])) > 0))`, "{{route}}"}),
			heatmap("Requests by duration", "s", "Requests by how long they took. Two bands are two kinds of request; see the slowest routes.",
				`sum by (le) (increase(http_responses_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval]))`),
			graph("Requests under way, where limited", "short", "By action, at most since the last report.",
				query{`sum by (action) (concurrent_requests{instance=~"$instance"})`, "{{action}}"}).wide(6).high(9),
			graph("Requests refused", "cpm", "By action, a minute. The limit of the action is too low, or somebody asks too often.",
				query{`60 * sum by (action) (rate(concurrent_requests_limit_hit_total{instance=~"$instance"}[$__rate_interval]))`, "{{action}}"}).wide(6).high(9),
		}},
		{"Database and locks", []panel{
			graph("Queries", "ops", "Queries a second. They grow with pipelines, resources and web nodes.",
				query{`sum by (instance) (rate(db_queries_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}),
			graph("Open connections", "short", "By connection pool. A pool at its limit makes everything wait: raise it, or find the slow query.",
				query{`sum by (dbname) (db_connections{instance=~"$instance"})`, "{{dbname}}"}),
			graph("Locks held", "short", "By type. A line that stays up is work that does not end.",
				query{`sum by (type) (locks_held{instance=~"$instance"})`, "{{type}}"}),
		}},
		{"Scheduling and checks", []panel{
			graph("Jobs scheduled", "cpm", "Jobs a minute that the scheduler went through, and those it is at.",
				query{`60 * sum(rate(jobs_scheduled_total{instance=~"$instance"}[$__rate_interval]))`, "scheduled"},
				query{`sum(jobs_scheduling{instance=~"$instance"})`, "at the moment"}),
			graph("Time to schedule a job", "s", "If it grows, look at the database, and at jobs with very many inputs.",
				query{`sum(rate(jobs_schedulingDuration_sum{instance=~"$instance"}[$__rate_interval]))
					/ sum(rate(jobs_schedulingDuration_count{instance=~"$instance"}[$__rate_interval])) / 1000`, "mean"},
				query{`histogram_quantile(0.99, sum by (le) (rate(jobs_schedulingDuration_bucket{instance=~"$instance"}[$__rate_interval]))) / 1000`, "99 %"}),
			graph("Checks", "cpm", "Checks a minute. If more are queued than finished for long, checks fall behind: new versions are seen late.",
				query{`60 * sum(rate(lidar_checks_enqueued_total{instance=~"$instance"}[$__rate_interval]))`, "queued"},
				query{`60 * sum(rate(lidar_checks_started_total{instance=~"$instance"}[$__rate_interval]))`, "started"},
				query{`60 * sum by (status) (rate(lidar_checks_finished_total{instance=~"$instance"}[$__rate_interval]))`, "finished: {{status}}"}),
			graph("Check queue", "short", "Checks that wait, at most since the last report.",
				query{`sum by (instance) (lidar_check_queue_size{instance=~"$instance"})`, "{{instance}}"}).wide(12),
			graph("Error log lines", "cpm", "The ten most frequent messages a minute. Look for the message in the web node's log.",
				query{`topk(10, 60 * sum by (message) (rate(error_logs{instance=~"$instance"}[$__rate_interval])) > 0)`, "{{message}}"}).wide(12),
		}},
		{"Garbage collection of containers, volumes and builds", []panel{
			graph("Mean duration by collector", "s", "A collector that takes minutes holds up what it collects: look at the database, and at workers that do not answer.",
				collectorDurations()...).wide(12).high(10),
			graph("Found for collection", "cpm", "Containers and volumes a minute. Failed ones that are found again and again do not go: look at their workers.",
				query{`60 * sum(rate(gc_creating_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, creating"},
				query{`60 * sum(rate(gc_created_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, created"},
				query{`60 * sum(rate(gc_failed_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, failed"},
				query{`60 * sum(rate(gc_destroying_containers_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "containers, destroying"},
				query{`60 * sum(rate(gc_created_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, created"},
				query{`60 * sum(rate(gc_destroying_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, destroying"},
				query{`60 * sum(rate(gc_failed_volumes_to_be_garbage_collected{instance=~"$instance"}[$__rate_interval]))`, "volumes, failed"},
				query{`60 * sum(rate(volumes_orphaned_volumes_to_be_deleted{instance=~"$instance"}[$__rate_interval]))`, "volumes, orphaned"}).wide(12).high(10),
		}},
		{"Process, where the emitter is embedded", []panel{
			graph("CPU", "percentunit", "Of one core. It is the web node's where it embeds the emitter, and the daemon's otherwise.",
				query{`rate(process_cpu_seconds_total{instance=~"$instance"}[$__rate_interval]) and on (instance, job) signalbox_build_info`, "{{instance}}"}),
			graph("Heap in use", "bytes", "If it only grows, something leaks.",
				query{`go_memstats_heap_inuse_bytes{instance=~"$instance"} and on (instance, job) signalbox_build_info`, "{{instance}}"}),
			graph("Goroutines", "short", "If it only grows, something leaks.",
				query{`go_goroutines{instance=~"$instance"} and on (instance, job) signalbox_build_info`, "{{instance}}"}),
		}},
	},
}
