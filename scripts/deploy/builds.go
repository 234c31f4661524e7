package main

import "fmt"

// ofJobs is by how much a counter of each job grew in the time range of the dashboard.
func ofJobs(counter string) string { return grown("team, pipeline, job", counter, "$__range") }

var buildsDashboard = dashboard{
	name:        "builds",
	title:       "Builds",
	description: "How many builds there are, how they end, how long they take and how long they wait.",
	variables:   []variable{teamVariable, pipelineVariable},
	rows: []row{
		{"Now", []panel{
			number("Builds running", "short", "Builds under way on all web nodes, of all teams and pipelines. If it stays at its highest for long, there are too few workers.",
				`sum(builds_running)`, nil),
			number("Builds in the last hour", "short", "Finished builds of the teams and pipelines chosen.",
				`round(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",team=~"$team"}))`, nil),
			number("Failed or errored", "percentunit",
				"Share of the last hour's builds, without aborted ones, that did not succeed. See below which pipelines.",
				`(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status=~"failed|errored",team=~"$team"}) or vector(0))
					/ (sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status!="aborted",team=~"$team"}) > 0)`, good(.25, .5)),
			number("Errored", "percentunit",
				"Share of the last hour's builds that the CI system could not run. Other than a failed build this is the operator's: look at workers and at the web nodes' error logs.",
				`(sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",status="errored",team=~"$team"}) or vector(0))
					/ (sum(team_pipeline_status:builds_finished:increase1h{pipeline=~"$pipeline",team=~"$team"}) > 0)`, good(.02, .1)),
			number("Steps waiting", "short", "Steps of the teams chosen that wait for a worker. If it does not go down, add workers, or look for tags that no worker has; see CIStepsStuck.",
				`sum(steps_waiting{teamName=~"$team"})`, good(10, 50)),
			number("Median build", "s", "Half of the last hour's builds took no longer, estimated from the histogram's buckets.",
				`histogram_quantile(0.5, sum by (le) (increase(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[1h]))) >= 0`, nil),
		}},
		{"How builds end", []panel{
			stacked("Builds by status", "cpm", "Finished builds a minute. A jump of errored ones is the CI system's fault, one of failed ones mostly the code's.",
				query{`60 * sum by (status) (team_pipeline_status:builds_finished:rate5m{pipeline=~"$pipeline",team=~"$team"})`, "{{status}}"}),
			graph("Failed or errored, by pipeline", "percentunit",
				"Share of each pipeline's builds of an hour, without aborted ones, that did not succeed. The alert CIBuildsFailing compares it with the pipeline's own week.",
				query{`topk(10, team_pipeline:builds_unsuccessful:ratio1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).upTo(1),
			graph("Builds by team", "cpm", "Finished builds a minute.",
				query{`60 * sum by (team) (team_pipeline:builds_finished:rate5m{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}"}),
		}},
		{"How long builds take", []panel{
			heatmap("Builds by duration", "s", "Finished builds by how long they took. A band that moves up is a pipeline that gets slower.",
				`sum by (le) (increase(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval]))`),
			graph("Build duration", "s", "Estimated from the histogram's buckets, of all pipelines chosen.",
				query{`histogram_quantile(0.5, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "median"},
				query{`histogram_quantile(0.9, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "90 %"},
				query{`histogram_quantile(0.99, sum by (le) (rate(builds_duration_seconds_bucket{pipeline=~"$pipeline",team=~"$team"}[$__rate_interval])))`, "99 %"},
			).wide(12).high(9),
			graph("Mean duration, slowest pipelines", "s", "Mean of each pipeline's builds of an hour. The alert CIBuildsSlow compares it with the pipeline's own week.",
				query{`topk(10, team_pipeline:builds_duration_seconds:mean1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).wide(12),
			graph("90 % quantile, slowest pipelines", "s", "What nine of ten of a pipeline's builds of an hour stayed under.",
				query{`topk(10, team_pipeline:builds_duration_seconds:p90_1h{pipeline=~"$pipeline",team=~"$team"})`, "{{team}}/{{pipeline}}"}).wide(12),
		}},
		{"How long builds wait", []panel{
			graph("Scheduling, slowest pipelines", "s",
				"Mean time to schedule a job of the pipeline, over a quarter of an hour, of all teams: the metric has none. High values mean a slow database, or jobs with very many inputs; see CISchedulingSlow.",
				query{`topk(10, pipeline:jobs_scheduling_duration_seconds:mean15m{pipeline=~"$pipeline"})`, "{{pipeline}}"}).wide(12),
			graph("Scheduling: 90 % take less", "s", "The same, of nine of ten jobs, estimated from the histogram's buckets. Of all teams, too.",
				query{`topk(10, pipeline:jobs_scheduling_duration_seconds:p90_15m{pipeline=~"$pipeline"})`, "{{pipeline}}"}).wide(12),
			graph("Steps: how long they wait", "s",
				"Time that steps wait for a worker, by team and type of step: the mean, and what nine of ten stay under, which is no finer than the histogram's buckets. "+
					"The first ends at 10 s, so waits of a second are shown as up to 9 s. If the mean grows, add workers; see CIStepsQueueing.",
				query{`team_type:steps_wait_duration_seconds:mean15m{team=~"$team"}`, "{{team}} {{type}} mean"},
				query{`team_type:steps_wait_duration_seconds:p90_15m{team=~"$team"}`, "{{team}} {{type}} 90 %"}).wide(12),
			stacked("Steps waiting", "short", "Steps that wait for a worker, by platform, tags and type. One line that only grows is a tag that no worker has; see CIStepsStuck.",
				query{`sum by (platform, workerTags, type) (steps_waiting{teamName=~"$team"})`, "{{platform}} {{workerTags}} {{type}}"}).wide(12),
		}},
		{"Jobs", []panel{
			{kind: "table", title: "Jobs of the time range", unit: "short", width: 24, height: 12, sortBy: "Not succeeded",
				description: "Each job's builds in the time range that is chosen above: the worst first. Click a heading for another order.",
				queries: []query{
					{fmt.Sprintf(`round(%s) > 0`, ofJobs(`builds_finished{pipeline=~"$pipeline",team=~"$team"}`)), ""},
					{fmt.Sprintf(`(%s or 0 * %s) / (%s > 0)`,
						ofJobs(`builds_finished{pipeline=~"$pipeline",status=~"failed|errored",team=~"$team"}`),
						ofJobs(`builds_finished{pipeline=~"$pipeline",team=~"$team"}`),
						ofJobs(`builds_finished{pipeline=~"$pipeline",status!="aborted",team=~"$team"}`)), ""},
					{fmt.Sprintf(`%s / (%s > 0)`,
						ofJobs(`builds_duration_seconds_sum{pipeline=~"$pipeline",team=~"$team"}`),
						ofJobs(`builds_duration_seconds_count{pipeline=~"$pipeline",team=~"$team"}`)), ""},
				},
				columns: []column{
					{field: "team", title: "Team"}, {field: "pipeline", title: "Pipeline"}, {field: "job", title: "Job"},
					{field: "Value #A", title: "Builds", unit: "short"},
					{field: "Value #B", title: "Not succeeded", unit: "percentunit", max: 1},
					{field: "Value #C", title: "Mean duration", unit: "s"},
				}},
			{kind: "state-timeline", title: "Latest status of each job", unit: "short", width: 24, height: 12,
				description: "Each web node tells of the builds that it tracked, and goes on telling the last. Where they differ, errored goes before aborted, failed and succeeded, and may be " +
					"the older: have the gauge expire, see the operations, several schedulers. Choose few pipelines.",
				queries: []query{{
					`max by (teamName, pipelineName, jobName) (builds_latest_completed_build_status{pipelineName=~"$pipeline",teamName=~"$team"})`,
					"{{teamName}}/{{pipelineName}}/{{jobName}}",
				}},
				thresholds: []threshold{{0, green}, {1, red}},
				mappings:   []mapping{{"0", "succeeded", green}, {"1", "failed", red}, {"2", "aborted", grey}, {"3", "errored", "orange"}}},
		}},
		{"Check builds", []panel{
			stacked("Check builds by status", "cpm", "Builds that check resources, a minute, of all teams and pipelines.",
				query{`60 * sum(rate(builds_check_succeeded_total[$__rate_interval]))`, "succeeded"},
				query{`60 * sum(rate(builds_check_failed_total[$__rate_interval]))`, "failed"},
				query{`60 * sum(rate(builds_check_errored_total[$__rate_interval]))`, "errored"},
				query{`60 * sum(rate(builds_check_aborted_total[$__rate_interval]))`, "aborted"}).wide(12),
			graph("Check builds running", "short", "Of all teams and pipelines. Checks that never end hold containers: look for resources that hang.",
				query{`sum(builds_check_running)`, "running"}).wide(12),
		}},
	},
}
