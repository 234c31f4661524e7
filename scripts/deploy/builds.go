package main

import "fmt"

// jobIncrease returns a query for the increase of a counter in the time range of the
// dashboard, for each job.
func jobIncrease(counter string) string {
	return increaseOf("team, pipeline, job", counter, "$__range")
}

var buildsDashboard = dashboard{
	name:        "builds",
	title:       "Builds",
	description: "How many builds run, how they end, how long they take, and how long they wait.",
	variables:   []variable{teamVariable, pipelineVariable},
	rows: []row{
		{"Now", []panel{
			number("Builds running", "short", "Builds in progress on all web nodes, of all teams and pipelines. If the number stays at its peak for a long time, there are too few workers.",
				`sum(builds_running)`, nil),
			number("Builds in the last hour", "short", "Finished builds of the selected teams and pipelines.",
				`round(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",team=~"$team"}))`, nil),
			number("Failed or errored", "percentunit",
				"Share of the builds in the last hour, not counting aborted ones, that did not succeed. The panel below shows which pipelines they belong to.",
				`(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status=~"failed|errored",team=~"$team"}) or vector(0))
					/ (sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status!="aborted",team=~"$team"}) > 0)`, rising(.25, .5)),
			number("Errored", "percentunit",
				"Share of the builds in the last hour that the CI system could not run. Unlike failed builds, these are for the operator to fix: check the workers and the error logs of the web nodes.",
				`(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status="errored",team=~"$team"}) or vector(0))
					/ (sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",team=~"$team"}) > 0)`, rising(.02, .1)),
			number("Steps waiting", "short", "Steps of the selected teams that wait for a worker. If the number does not go down, add workers, or look for tags that no worker has; see CIStepsStuck.",
				`sum(steps_waiting{teamName=~"$team"})`, rising(10, 50)),
			number("Median build duration", "s", "Half of the builds in the last hour took no longer than this. The value is estimated from histogram buckets.",
				`histogram_quantile(0.5, sum by (le) (increase(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[1h]))) >= 0`, nil),
		}},
		{"How builds end", []panel{
			stacked("Builds by status", "cpm", "Finished builds per minute. If many more builds error, the CI system is the cause; if many more fail, the cause is usually in the code.",
				query{`60 * sum by (status) (team_pipeline_status:builds_finished:rate5m{pipeline=~"$pipeline",team=~"$team"})`, "{{status}}"}),
			graph("Failed or errored, by pipeline", "percentunit",
				"Share of each pipeline's builds in an hour, not counting aborted ones, that did not succeed. The alert CIBuildsFailing compares it with the pipeline's past week.",
				query{`topk(10, team_pipeline:builds_unsuccessful:ratio1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).withMax(1),
			graph("Builds by team", "cpm", "Finished builds per minute.",
				query{`60 * sum by (team) (team_pipeline:builds_finished:rate5m{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}"}),
		}},
		{"How long builds take", []panel{
			heatmap("Builds by duration", "s", "Finished builds by duration. A band that moves up is a pipeline that is getting slower.",
				`sum by (le) (increase(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval]))`),
			graph("Build duration", "s", "Duration of the builds of all selected pipelines, estimated from histogram buckets.",
				query{`histogram_quantile(0.5, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "median"},
				query{`histogram_quantile(0.9, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "90th percentile"},
				query{`histogram_quantile(0.99, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "99th percentile"},
			).withWidth(12).withHeight(9),
			graph("Mean duration, slowest pipelines", "s", "Mean duration of each pipeline's builds in an hour. The alert CIBuildsSlow compares it with the pipeline's past week.",
				query{`topk(10, team_pipeline:builds_duration_seconds:mean1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).withWidth(12),
			graph("90th percentile of the duration, slowest pipelines", "s", "90% of a pipeline's builds in an hour took no longer than this.",
				query{`topk(10, team_pipeline:builds_duration_seconds:p90_1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).withWidth(12),
		}},
		{"How long builds wait", []panel{
			graph("Mean scheduling time, slowest pipelines", "s",
				"Mean time to schedule a job of the pipeline, over 15 minutes. The metric has no team label, so all teams are included. High values mean that the database is slow or that jobs have a very large number of inputs; see CISchedulingSlow.",
				query{`topk(10, pipeline:jobs_scheduling_duration_seconds:mean15m{pipeline=~"$pipeline"})`, "{{pipeline}}"}).withWidth(12),
			graph("90th percentile of the scheduling time", "s", "Time within which 90% of the jobs of a pipeline were scheduled, estimated from histogram buckets. All teams are included.",
				query{`topk(10, pipeline:jobs_scheduling_duration_seconds:p90_15m{pipeline=~"$pipeline"})`, "{{pipeline}}"}).withWidth(12),
			graph("Waiting time of steps", "s",
				"Time that steps wait for a worker, by team and type of step: the mean, and the 90th percentile. The percentile is only as precise as the histogram buckets, "+
					"the first of which ends at 10 s: a wait of one second may be shown as up to 9 s. If the mean grows, add workers; see CIStepsQueueing.",
				query{`team_type:steps_wait_duration_seconds:mean15m{team=~"$team"}`, "{{team}} {{type}} mean"},
				query{`team_type:steps_wait_duration_seconds:p90_15m{team=~"$team"}`, "{{team}} {{type}} 90th percentile"}).withWidth(12),
			stacked("Steps waiting", "short", "Steps that wait for a worker, by platform, tags and type. If a single line only grows, no worker has its tags; see CIStepsStuck.",
				query{`sum by (platform, workerTags, type) (steps_waiting{teamName=~"$team"})`, "{{platform}} {{workerTags}} {{type}}"}).withWidth(12),
		}},
		{"Jobs", []panel{
			{kind: "table", title: "Jobs in the time range", unit: "short", width: 24, height: 12, sortBy: "Not succeeded",
				description: "The builds of each job in the selected time range, with the least successful jobs first. Click a heading to sort by another column.",
				queries: []query{
					{fmt.Sprintf(`round(%s) > 0`, jobIncrease(`builds_finished{pipeline=~"$pipeline",team=~"$team"}`)), ""},
					{fmt.Sprintf(`(%s or 0 * %s) / (%s > 0)`,
						jobIncrease(`builds_finished{pipeline=~"$pipeline",status=~"failed|errored",team=~"$team"}`),
						jobIncrease(`builds_finished{pipeline=~"$pipeline",team=~"$team"}`),
						jobIncrease(`builds_finished{pipeline=~"$pipeline",status!="aborted",team=~"$team"}`)), ""},
					{fmt.Sprintf(`%s / (%s > 0)`,
						jobIncrease(`builds_duration_seconds_sum{pipeline=~"$pipeline",team=~"$team"}`),
						jobIncrease(`builds_duration_seconds_count{pipeline=~"$pipeline",team=~"$team"}`)), ""},
				},
				columns: []column{
					{field: "team", title: "Team"}, {field: "pipeline", title: "Pipeline"}, {field: "job", title: "Job"},
					{field: "Value #A", title: "Builds", unit: "short"},
					{field: "Value #B", title: "Not succeeded", unit: "percentunit", max: 1},
					{field: "Value #C", title: "Mean duration", unit: "s"},
				}},
			{kind: "state-timeline", title: "Latest status of each job", unit: "short", width: 24, height: 12,
				description: "Each web node reports the latest build that it tracked, even if another node tracked a newer one. If they differ, the panel shows the worst status (errored, then aborted, failed and succeeded), which may be outdated. " +
					"An idle TTL of the gauge prevents that: see the section Several schedulers in docs/operations.md. Select only a few pipelines.",
				queries: []query{{
					`max by (teamName, pipelineName, jobName) (builds_latest_completed_build_status{pipelineName=~"$pipeline",teamName=~"$team"})`,
					"{{teamName}}/{{pipelineName}}/{{jobName}}",
				}},
				thresholds: []threshold{{0, green}, {1, red}},
				mappings:   []mapping{{"0", "succeeded", green}, {"1", "failed", red}, {"2", "aborted", grey}, {"3", "errored", "orange"}}},
		}},
		{"Check builds", []panel{
			stacked("Check builds by status", "cpm", "Builds per minute that check resources, of all teams and pipelines.",
				query{`60 * sum(rate(builds_check_succeeded_total[$__rate_interval]))`, "succeeded"},
				query{`60 * sum(rate(builds_check_failed_total[$__rate_interval]))`, "failed"},
				query{`60 * sum(rate(builds_check_errored_total[$__rate_interval]))`, "errored"},
				query{`60 * sum(rate(builds_check_aborted_total[$__rate_interval]))`, "aborted"}).withWidth(12),
			graph("Check builds running", "short", "Check builds in progress, of all teams and pipelines. Checks that never end occupy containers: look for resources that hang.",
				query{`sum(builds_check_running)`, "running"}).withWidth(12),
		}},
	},
}
