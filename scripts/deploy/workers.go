package main

// ofChosen leaves of what is known by worker only what is of the workers chosen.
const ofChosen = ` and on (worker) worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}`

// silence is how long ago each of the workers chosen was heard of.
const silence = `(time() - worker:workers_last_seen_timestamp_seconds:max{worker=~"$worker"})` + ofChosen

var workersDashboard = dashboard{
	name:  "workers",
	title: "Workers",
	description: "Which workers there are and what they carry. Every web node reports every worker; each is counted once, by the node " +
		"that heard of it last.",
	variables: []variable{
		{name: "platform", label: "Platform", query: `label_values(workers_containers, platform)`, description: "Platforms of the workers."},
		{name: "worker", label: "Worker", query: `label_values(workers_containers{platform=~"$platform"}, worker)`, description: "Workers of the platforms."},
	},
	rows: []row{
		{"Now", []panel{
			number("Workers", "short", "Workers chosen that were heard of within the staleness limit (five minutes, unless set otherwise).",
				`count(max by (worker) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})) or 0 * all:workers:count`,
				[]threshold{{0, red}, {1, green}}),
			number("Usual", "short", "The median of the last day, of all workers of the platforms chosen. The alert CIWorkersLost fires if there are 30 % fewer of all platforms together, CIPlatformLost if one has none.",
				`sum(quantile_over_time(0.5, platform:workers:count{platform=~"$platform"}[1d]))`, nil),
			number("Longest silence", "s", "How long ago the quietest worker chosen was heard of. Beyond the staleness limit it is dropped; see CIWorkerStale.",
				`max(`+silence+`)`, good(60, 120)),
			number("Stalled", "short", "Workers that registered and do not heartbeat any more, of all platforms: the metric has none. Look at them, or prune them; see CIWorkersStalled.",
				`max(workers_registered{state="stalled"})`, none()),
			number("Containers", "short", "Containers on the workers chosen. Concourse allows 256 a worker by default.",
				`sum(worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})`, nil),
			number("Volumes", "short", "Volumes on the workers chosen.",
				`sum(worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"})`, nil),
		}},
		{"Workers", []panel{
			stacked("Workers by platform", "short", "All workers of the platforms chosen. A step down is workers that went together: a host, a zone, a certificate that expired.",
				query{`platform:workers:count{platform=~"$platform"}`, "{{platform}}"}),
			stacked("Registered, by state", "short",
				"As the database has them, of all platforms. Stalled workers do not heartbeat any more, landing and retiring ones finish what they have.",
				query{`max by (state) (workers_registered)`, "{{state}}"}),
			graph("Time since the last heartbeat", "s", "The ten quietest workers. A line that climbs is a worker that is gone; at the staleness limit it ends.",
				query{`topk(10, ` + silence + `)`, "{{worker}}"}),
		}},
		{"Load", []panel{
			graph("Containers", "short", "The ten workers with most. One far above the others attracts too much: look at the container placement strategy.",
				query{`topk(10, sum by (worker) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}))`, "{{worker}}"}),
			graph("Volumes", "short", "The ten workers with most. If it only grows, volumes are not collected: see the garbage collection of the web nodes.",
				query{`topk(10, sum by (worker) (worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"}))`, "{{worker}}"}),
			graph("Tasks", "short", "Tasks that run, with the placement strategy limit-active-tasks. The ten workers with most.",
				query{`topk(10, worker:workers_tasks:freshest{platform=~"$platform",worker=~"$worker"})`, "{{worker}}"}),
			bars("Containers by team", "short", "On the workers that belong to a team, and on those that all share.",
				`label_replace(sum by (team) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"}), "team", "shared", "team", "")`,
				"{{team}}", nil).wide(12),
			{kind: "table", title: "Each worker", unit: "short", width: 12, height: 8, sortBy: "Silent for",
				description: "The quietest first.",
				queries: []query{
					{`sum by (worker, platform) (worker:workers_containers:freshest{platform=~"$platform",worker=~"$worker"})`, ""},
					{`sum by (worker, platform) (worker:workers_volumes:freshest{platform=~"$platform",worker=~"$worker"})`, ""},
					{silence, ""},
				},
				columns: []column{
					{field: "worker", title: "Worker"}, {field: "platform", title: "Platform"},
					{field: "Value #A", title: "Containers", unit: "short"},
					{field: "Value #B", title: "Volumes", unit: "short"},
					{field: "Value #C", title: "Silent for", unit: "s"},
				}},
		}},
		{"Waiting for workers", []panel{
			heatmap("Steps: time waited", "s", "Steps of the platforms chosen, whichever the workers, by how long they waited for a worker. Dark cells high up: too few workers, or none with the tags.",
				`sum by (le) (increase(steps_wait_duration_bucket{platform=~"$platform"}[$__rate_interval]))`),
			graph("Tasks: 90 % wait less", "s", "By platform and tags, whichever workers are chosen, estimated from the histogram's buckets: 1 s, 15 s, 30 s and so on. The platform whose line is high needs workers.",
				query{`platform_tags:tasks_wait_duration_seconds:p90_15m{platform=~"$platform"}`, "{{platform}} {{tags}}"}).wide(12).high(9),
		}},
		{"Leftovers", []panel{
			graph("Unknown containers", "short", "Containers on a worker that the scheduler does not know. They go by themselves; if not, recreate the worker.",
				query{`topk(10, (max by (worker) (workers_unknown_containers{worker=~"$worker"})` + ofChosen + `) > 0)`, "{{worker}}"}),
			graph("Unknown volumes", "short", "Volumes on a worker that the scheduler does not know. They take disk: if they stay, recreate the worker.",
				query{`topk(10, (max by (worker) (workers_unknown_volumes{worker=~"$worker"})` + ofChosen + `) > 0)`, "{{worker}}"}),
			graph("Created, deleted and failed", "cpm", "Containers and volumes of all workers a minute. Failed ones mostly mean a full disk or an unreachable worker.",
				query{`60 * sum(rate(containers_created_total[$__rate_interval]))`, "containers created"},
				query{`60 * sum(rate(containers_deleted_total[$__rate_interval]))`, "containers deleted"},
				query{`60 * sum(rate(containers_failed_total[$__rate_interval]))`, "containers failed"},
				query{`60 * sum(rate(volumes_created_total[$__rate_interval]))`, "volumes created"},
				query{`60 * sum(rate(volumes_deleted_total[$__rate_interval]))`, "volumes deleted"},
				query{`60 * sum(rate(volumes_failed_total[$__rate_interval]))`, "volumes failed"}),
			graph("Streamed between workers", "cpm", "Volumes of all workers a minute. Much of it makes builds slow; through the web node (fallback) it also loads that one.",
				query{`60 * sum(rate(volumes_volumes_streamed[$__rate_interval]))`, "streamed"},
				query{`60 * sum(rate(volumes_volumes_streamed_via_fallback[$__rate_interval]))`, "via fallback"},
				query{`60 * sum(rate(caches_streamed_resource_caches[$__rate_interval]))`, "resource caches"}).wide(12),
			graph("Cache hits of get steps", "cpm", "Get steps a minute that had nothing to fetch, on all workers.",
				query{`60 * sum(rate(caches_get_step_cache_hits[$__rate_interval]))`, "hits"}).wide(12),
		}},
	},
}
