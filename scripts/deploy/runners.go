package main

var runnersDashboard = dashboard{
	name:  "ci-runners",
	title: "Queue and runners",
	description: "How long jobs wait for runners, which runners there are, and what uses them. " +
		"Concourse's steps wait for workers as jobs do for runners: it reports their queue time and the workers, but not the jobs.",
	variables: []variable{
		{name: "system", label: "System", query: `label_values(ci_job_queue_duration_seconds_count, system)`, description: "CI systems that report when jobs start."},
		{name: "runner_class", label: "Runner class", query: `label_values(ci_job_queue_duration_seconds_count{` + ofSystems + `}, runner_class)`,
			description: "Labels or tags of the runner that a job needs. It applies to all panels about jobs."},
	},
	rows: []row{
		{"Now", []panel{
			number("Jobs waiting", "short", "Jobs that wait for a runner.",
				`sum(ci_jobs_active{state="pending",`+ofClasses+`})`, rising(20, 100)),
			number("Longest wait", "s", "Time that the oldest waiting job has waited for a runner. If it only grows, there is no such runner, or jobs that hang occupy all of them; see CIJobWaiting.",
				`max(ci_oldest_job_waiting_seconds{`+ofClasses+`})`, rising(600, 1800)),
			number("Queue time", "s", "95% of the jobs that started in the last half hour had waited no longer than this for a runner; see CIJobsQueueing.",
				`histogram_quantile(0.95, sum by (le) (system_runner_class_le:ci_job_queue_duration_seconds_bucket:increase30m{`+ofClasses+`})) >= 0`, rising(120, 600)),
			number("Jobs executing", "short", "Jobs that occupy a runner.",
				`sum(ci_jobs_active{state="executing",`+ofClasses+`})`, nil),
			number("Runners online", "short", "Runners that are available or busy, if the CI system reports them.",
				`sum(system_queue_state:ci_workers:sum{state=~"available|busy",`+ofSystems+`})`, []threshold{{0, red}, {1, green}}),
			number("Lost in the last day", "short", "Runners that disappeared without signing off, if the CI system reports them. Their jobs failed or start again.",
				`round(`+increaseOf("", `ci_workers_lost_total{`+ofSystems+`}`, "24h")+`)`, zeroExpected()),
		}},
		{"Queue", []panel{
			heatmap("Jobs by queue time", "s", "Jobs that started in half an hour, by the time that they had waited for a runner. Dark cells at the top mean that there are too few runners.",
				`sum by (le) (system_runner_class_le:ci_job_queue_duration_seconds_bucket:increase30m{`+ofClasses+`})`),
			graph("95th percentile of the queue time, by runner class", "s", "95% of the jobs that started in half an hour had waited no longer than this. A class with a high value needs more runners; see CIJobsQueueing.",
				query{`topk(10, system_runner_class:ci_job_queue_duration_seconds:p95_30m{` + ofClasses + `})`, "{{system}} {{runner_class}}"}).withWidth(12).withHeight(9),
			bars("Longest wait, by runner class", "s", "Time that the oldest waiting job of each class has waited for a runner.",
				`topk(20, max by (system, runner_class) (ci_oldest_job_waiting_seconds{`+ofClasses+`}))`, "{{system}} {{runner_class}}", rising(600, 1800)),
			stacked("Jobs waiting", "short", "Jobs that wait for a runner, by class. If a single line only grows, no runner has its labels.",
				query{`sum by (system, runner_class) (ci_jobs_active{state="pending",` + ofClasses + `})`, "{{system}} {{runner_class}}"}),
			stacked("Jobs executing", "short", "Jobs that occupy a runner, by class. A class whose line is flat at its maximum while jobs wait has too few runners.",
				query{`sum by (system, runner_class) (ci_jobs_active{state="executing",` + ofClasses + `})`, "{{system}} {{runner_class}}"}),
		}},
		{"Runners", []panel{
			stacked("Runners by state", "short", "Runners of the selected systems that report them. Concourse reports busy workers as available, and stalled ones as offline.",
				query{`sum by (system, state) (system_queue_state:ci_workers:sum{` + ofSystems + `})`, "{{system}} {{state}}"}),
			graph("Busy runners", "percentunit", "Share of the online runners of a queue that are busy. If it is near 100% while jobs wait, add runners; if it is always low, remove some.",
				query{shareOf(
					`sum by (system, queue) (system_queue_state:ci_workers:sum{state="busy",`+ofSystems+`})`,
					`sum by (system, queue) (system_queue_state:ci_workers:sum{state=~"available|busy",`+ofSystems+`})`), "{{system}} {{queue}}"}).withMax(1),
			graph("Runners lost", "short", "Runners that disappeared in an hour without signing off. Find out what they have in common: a host, a zone, or instances that the cloud provider can interrupt.",
				query{increaseOf("system, queue", `ci_workers_lost_total{`+ofSystems+`}`, "1h"), "{{system}} {{queue}}"}),
		}},
		{"Use", []panel{
			stacked("Minutes by runner class", "short", "Minutes of the jobs that ended in an hour. docs/webhooks.md describes how to calculate their cost.",
				query{`sum by (system, runner_class) (system_repository_runner_class:ci_job_minutes:increase1h{` + ofClasses + `})`, "{{system}} {{runner_class}}"}),
			bars("Minutes by repository, in the time range", "short", "The twenty repositories whose jobs used the most minutes on the selected classes of runners.",
				`topk(20, `+increaseOf("system, repository", `ci_job_duration_seconds_sum{`+ofClasses+`}`, "$__range")+` / 60)`, "{{repository}}", nil),
			graph("Jobs that needed another attempt", "percentunit", "Of the jobs that succeeded in an hour, the share that were not the first attempt. A growing share means unreliable tests or runners.",
				query{shareOf(
					increaseOf("system, runner_class", `ci_jobs_finished_total{result="success",retry="true",`+ofClasses+`}`, "1h"),
					increaseOf("system, runner_class", `ci_jobs_finished_total{result="success",`+ofClasses+`}`, "1h")), "{{system}} {{runner_class}}"}).withMax(1),
			{kind: "table", title: "Runner classes in the time range", unit: "short", width: 24, height: 10, sortBy: "Minutes",
				description: "The jobs of each class of runners in the selected time range. Click a heading to sort by another column.",
				queries: []query{
					{`round(` + increaseOf("system, runner_class", `ci_jobs_finished_total{`+ofClasses+`}`, "$__range") + `) > 0`, ""},
					{increaseOf("system, runner_class", `ci_job_duration_seconds_sum{`+ofClasses+`}`, "$__range") + ` / 60 > 0`, ""},
					{meanOf("system, runner_class", "ci_job_duration_seconds", ofClasses, "$__range"), ""},
					{meanOf("system, runner_class", "ci_job_queue_duration_seconds", ofClasses, "$__range"), ""},
					{quantileOf(.95, "system, runner_class", "ci_job_queue_duration_seconds", ofClasses, "$__range"), ""},
					{shareOf(
						increaseOf("system, runner_class", `ci_jobs_finished_total{`+ofClasses+`,result=~"`+unsuccessful+`"}`, "$__range"),
						increaseOf("system, runner_class", `ci_jobs_finished_total{`+ofClasses+`,result=~"`+decided+`"}`, "$__range")), ""},
				},
				columns: []column{
					{field: "system", title: "System"}, {field: "runner_class", title: "Runner class"},
					{field: "Value #A", title: "Jobs", unit: "short"},
					{field: "Value #B", title: "Minutes", unit: "short"},
					{field: "Value #C", title: "Mean duration", unit: "s"},
					{field: "Value #D", title: "Mean queue time", unit: "s"},
					{field: "Value #E", title: "95th percentile of the queue time", unit: "s"},
					{field: "Value #F", title: "Not successful", unit: "percentunit", max: 1},
				}},
		}},
	},
}
