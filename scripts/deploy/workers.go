package main

// ofSelected limits a query by worker to the selected workers.
const ofSelected = ` and on (worker) worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}`

// heartbeatAge is a query for the time since the last heartbeat of each selected
// worker.
const heartbeatAge = `(time() - worker:workers_last_seen_timestamp_seconds:max{worker=~"$worker"})` + ofSelected

var workersDashboard = dashboard{
	name:  "workers",
	title: "Workers",
	description: "Which workers exist and how loaded they are. Every web node reports every worker; the panels count each worker once, " +
		"with the values from the node that saw it last.",
	variables: []variable{
		{name: "platform", label: "Platform", query: `label_values(workers_containers, platform)`, description: "Platforms of the workers."},
		{name: "worker", label: "Worker", query: `label_values(workers_containers{platform=~"$platform"}, worker)`, description: "Workers of the selected platforms."},
	},
	rows: []row{
		{"Now", []panel{
			number("Workers", "short", "Selected workers that sent a heartbeat within the staleness limit (5 minutes by default).",
				`count(max by (worker) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})) or 0 * all:workers:count`,
				[]threshold{{0, red}, {1, green}}),
			number("Usual", "short", "Median number of workers of the selected platforms in the last day. The alert CIWorkersLost fires if all platforms together have 30% fewer workers than usual, and CIPlatformLost if one platform has none.",
				`sum(quantile_over_time(0.5, platform:workers:count{platform=~"$platform"}[1d]))`, nil),
			number("Oldest heartbeat", "s", "Maximum time since the last heartbeat of a selected worker. At the staleness limit the worker is removed; see CIWorkerStale.",
				`max(`+heartbeatAge+`)`, rising(60, 120)),
			number("Stalled", "short", "Registered workers that no longer send heartbeats. The metric has no platform label, so all platforms are included. Restart the workers or prune them; see CIWorkersStalled.",
				`max(workers_registered{state="stalled"})`, zeroExpected()),
			number("Containers", "short", "Containers on the selected workers. Concourse allows 250 per worker by default.",
				`sum(worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})`, nil),
			number("Volumes", "short", "Volumes on the selected workers.",
				`sum(worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"})`, nil),
		}},
		{"Workers", []panel{
			stacked("Workers by platform", "short", "All workers of the selected platforms. A sudden drop means that workers disappeared together: because of a host, a zone, or a certificate that expired.",
				query{`platform:workers:count{platform=~"$platform"}`, "{{platform}}"}),
			stacked("Registered, by state", "short",
				"Workers in the database, of all platforms. Stalled workers no longer send heartbeats; landing and retiring workers finish their work.",
				query{`max by (state) (workers_registered)`, "{{state}}"}),
			graph("Time since the last heartbeat", "s", "The ten workers with the oldest heartbeat. A line that climbs is a worker that is gone; the line ends at the staleness limit.",
				query{`topk(10, ` + heartbeatAge + `)`, "{{worker}}"}),
		}},
		{"Load", []panel{
			graph("Containers", "short", "The ten workers with the most containers. If one has far more than the others, check the container placement strategy.",
				query{`topk(10, sum by (worker) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}))`, "{{worker}}"}),
			graph("Volumes", "short", "The ten workers with the most volumes. If the number only grows, volumes are not collected: check the garbage collection of the web nodes.",
				query{`topk(10, sum by (worker) (worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"}))`, "{{worker}}"}),
			graph("Tasks", "short", "The ten workers with the most running tasks. Only the placement strategy limit-active-tasks counts tasks.",
				query{`topk(10, worker:workers_tasks:freshest{platform=~"$platform",worker=~"$worker"})`, "{{worker}}"}),
			bars("Containers by team", "short", "Containers on the workers of each team, and on the shared workers.",
				`label_replace(sum by (team) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}), "team", "shared", "team", "")`,
				"{{team}}", nil).withWidth(12),
			{kind: "table", title: "All workers", unit: "short", width: 12, height: 8, sortBy: "Last heartbeat",
				description: "The selected workers, with the oldest heartbeat first.",
				queries: []query{
					{`sum by (worker, platform) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})`, ""},
					{`sum by (worker, platform) (worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"})`, ""},
					{heartbeatAge, ""},
				},
				columns: []column{
					{field: "worker", title: "Worker"}, {field: "platform", title: "Platform"},
					{field: "Value #A", title: "Containers", unit: "short"},
					{field: "Value #B", title: "Volumes", unit: "short"},
					{field: "Value #C", title: "Last heartbeat", unit: "s"},
				}},
		}},
		{"Waiting for workers", []panel{
			heatmap("Steps by waiting time", "s", "Steps of the selected platforms by the time that they waited for a worker. The selection of workers does not apply. Dark cells at the top mean that there are too few workers, or none with the required tags.",
				`sum by (le) (increase(steps_wait_duration_bucket{platform=~"$platform"}[$__rate_interval]))`),
			graph("90th percentile of the waiting time of tasks", "s", "Waiting time by platform and tags. The selection of workers does not apply. The value is estimated from histogram buckets of 1 s, 15 s, 30 s and so on. A platform with a high value needs more workers.",
				query{`platform_tags:tasks_wait_duration_seconds:p90_15m{platform=~"$platform"}`, "{{platform}} {{tags}}"}).withWidth(12).withHeight(9),
		}},
		{"Containers and volumes", []panel{
			graph("Unknown containers", "short", "Containers on a worker that the scheduler does not know. They usually disappear without intervention; if they do not, recreate the worker.",
				query{`topk(10, (max by (worker) (workers_unknown_containers{worker=~"$worker"})` + ofSelected + `) > 0)`, "{{worker}}"}),
			graph("Unknown volumes", "short", "Volumes on a worker that the scheduler does not know. They use disk space: if they do not disappear, recreate the worker.",
				query{`topk(10, (max by (worker) (workers_unknown_volumes{worker=~"$worker"})` + ofSelected + `) > 0)`, "{{worker}}"}),
			graph("Created, deleted and failed", "cpm", "Containers and volumes per minute, on all workers. Failures usually mean that a disk is full or that a worker is unreachable.",
				query{`60 * sum(rate(containers_created_total[$__rate_interval]))`, "containers created"},
				query{`60 * sum(rate(containers_deleted_total[$__rate_interval]))`, "containers deleted"},
				query{`60 * sum(rate(containers_failed_total[$__rate_interval]))`, "containers failed"},
				query{`60 * sum(rate(volumes_created_total[$__rate_interval]))`, "volumes created"},
				query{`60 * sum(rate(volumes_deleted_total[$__rate_interval]))`, "volumes deleted"},
				query{`60 * sum(rate(volumes_failed_total[$__rate_interval]))`, "volumes failed"}),
			graph("Streamed between workers", "cpm", "Volumes per minute, of all workers. Heavy streaming slows down builds. Streaming through the web node (fallback) also puts load on that node.",
				query{`60 * sum(rate(volumes_volumes_streamed[$__rate_interval]))`, "streamed"},
				query{`60 * sum(rate(volumes_volumes_streamed_via_fallback[$__rate_interval]))`, "via fallback"},
				query{`60 * sum(rate(caches_streamed_resource_caches[$__rate_interval]))`, "resource caches"}).withWidth(12),
			graph("Cache hits of get steps", "cpm", "Get steps per minute, on all workers, that had nothing to fetch.",
				query{`60 * sum(rate(caches_get_step_cache_hits[$__rate_interval]))`, "hits"}).withWidth(12),
		}},
	},
}
