package main

// ofRepository selects the series of the repository that the viewer selected.
const ofRepository = ofSystems + `,repository="$repository"`

var repositoryDashboard = dashboard{
	name:        "ci-repository",
	title:       "One repository",
	description: "The pipelines, jobs and deployments of one repository, or of a team of Concourse: how they end, how long they take and wait, and what they use.",
	from:        "now-24h",
	variables: []variable{systemVariable, {
		name: "repository", label: "Repository", query: repositoryVariable.query, description: repositoryVariable.description, single: true,
	}},
	rows: []row{
		{"In the time range", []panel{
			number("Runs", "short", "Finished runs.",
				`round(`+increaseOf("", `ci_runs_finished_total{`+ofRepository+`}`, "$__range")+`)`, nil),
			number("Not successful, default branch", "percentunit", "Share of the runs on the default branch that failed, timed out or could not be run. If the system does not report branches, all runs are included.",
				shareOf(
					increaseOf("", `ci_runs_finished_total{`+ofRepository+`,`+onDefault+`,result=~"`+unsuccessful+`"}`, "$__range"),
					increaseOf("", `ci_runs_finished_total{`+ofRepository+`,`+onDefault+`,result=~"`+decided+`"}`, "$__range")), rising(.1, .3)),
			number("Median duration", "s", "Half of the runs took no longer than this, estimated from histogram buckets.",
				quantileOf(.5, "", "ci_run_duration_seconds", ofRepository, "$__range"), nil),
			number("95th percentile of the duration", "s", "95% of the runs took no longer than this.",
				quantileOf(.95, "", "ci_run_duration_seconds", ofRepository, "$__range"), nil),
			number("95th percentile of the queue time", "s", "95% of the runs started within this time.",
				quantileOf(.95, "", "ci_run_queue_duration_seconds", ofRepository, "$__range"), rising(120, 600)),
			number("Minutes on runners", "short", "Minutes of all jobs that ended. docs/webhooks.md describes how to calculate their cost.",
				increaseOf("", `ci_job_duration_seconds_sum{`+ofRepository+`}`, "$__range")+` / 60`, nil),
		}},
		{"How runs end", []panel{
			stacked("Runs by result", "short", "Runs that finished in an hour.",
				query{ciRuns("result", ofRepository), "{{result}}"}),
			graph("Not successful on the default branch", "percentunit", "Share of each pipeline's runs on the default branch, in six hours, that failed, timed out or could not be run; see CIRunsFailing.",
				query{`system_repository_pipeline:ci_default_runs_unsuccessful:ratio6h{` + ofRepository + `}`, "{{pipeline}}"}).withMax(1),
			stacked("Runs by kind of branch", "short", "Runs that finished in an hour. The name is empty if the system does not report the branch.",
				query{ciRuns("ref_kind", ofRepository), "{{ref_kind}}"}),
			graph("Errors by type", "short", "Runs in an hour that failed, could not be run or timed out. _OTHER means that the CI system does not report the type.",
				query{increaseOf("pipeline, error_type", `ci_run_errors_total{`+ofRepository+`}`, "1h") + ` > 0`, "{{pipeline}} {{error_type}}"}),
			stacked("Tests by outcome", "short", "Tests that ended in an hour, if the CI system reports them.",
				query{increaseOf("outcome", `ci_tests_total{`+ofRepository+`}`, "1h"), "{{outcome}}"}),
			graph("Jobs that needed another attempt", "percentunit", "Of the jobs that succeeded in an hour, the share that were not the first attempt. A growing share means unreliable tests or runners.",
				query{shareOf(
					increaseOf("pipeline", `ci_jobs_finished_total{result="success",retry="true",`+ofRepository+`}`, "1h"),
					increaseOf("pipeline", `ci_jobs_finished_total{result="success",`+ofRepository+`}`, "1h")), "{{pipeline}}"}).withMax(1),
		}},
		{"How long runs take and wait", []panel{
			heatmap("Runs by duration", "s", "Runs that finished in an hour, by duration.",
				`sum by (le) (system_repository_le:ci_run_duration_seconds_bucket:increase1h{`+ofRepository+`})`),
			graph("Median duration, by pipeline", "s", "Half of the pipeline's runs in an hour took no longer than this.",
				query{quantileOf(.5, "pipeline", "ci_run_duration_seconds", ofRepository, "1h"), "{{pipeline}}"}).withWidth(12).withHeight(9),
			graph("95th percentile of the duration, by pipeline", "s", "95% of the pipeline's runs in an hour took no longer than this.",
				query{quantileOf(.95, "pipeline", "ci_run_duration_seconds", ofRepository, "1h"), "{{pipeline}}"}).withWidth(12),
			graph("95th percentile of the queue time, by pipeline", "s", "95% of the pipeline's runs in an hour started within this time.",
				query{quantileOf(.95, "pipeline", "ci_run_queue_duration_seconds", ofRepository, "1h"), "{{pipeline}}"}).withWidth(12),
		}},
		{"Jobs", []panel{
			stacked("Minutes by runner class", "short", "Minutes of the jobs that ended in an hour.",
				query{`sum by (runner_class) (system_repository_runner_class:ci_job_minutes:increase1h{` + ofRepository + `})`, "{{runner_class}}"}).withWidth(12),
			stacked("Jobs by result", "short", "Jobs that finished in an hour.",
				query{increaseOf("result", `ci_jobs_finished_total{`+ofRepository+`}`, "1h"), "{{result}}"}).withWidth(12),
			{kind: "table", title: "Pipelines in the time range", unit: "short", width: 24, height: 10, sortBy: "Runs",
				description: "The runs of each pipeline in the selected time range. Click a heading to sort by another column.",
				queries: []query{
					{`round(` + increaseOf("system, pipeline", `ci_runs_finished_total{`+ofRepository+`}`, "$__range") + `) > 0`, ""},
					{shareOf(
						increaseOf("system, pipeline", `ci_runs_finished_total{`+ofRepository+`,result=~"`+unsuccessful+`"}`, "$__range"),
						increaseOf("system, pipeline", `ci_runs_finished_total{`+ofRepository+`,result=~"`+decided+`"}`, "$__range")), ""},
					{meanOf("system, pipeline", "ci_run_duration_seconds", ofRepository, "$__range"), ""},
					{meanOf("system, pipeline", "ci_run_queue_duration_seconds", ofRepository, "$__range"), ""},
				},
				columns: []column{
					{field: "system", title: "System"}, {field: "pipeline", title: "Pipeline"},
					{field: "Value #A", title: "Runs", unit: "short"},
					{field: "Value #B", title: "Not successful", unit: "percentunit", max: 1},
					{field: "Value #C", title: "Mean duration", unit: "s"},
					{field: "Value #D", title: "Mean queue time", unit: "s"},
				}},
		}},
		{"Deployments", []panel{
			stacked("Deployments by environment and result", "short", "Deployments in 24 hours. The dashboard Deployments shows more.",
				query{`sum by (environment, result) (system_repository_environment_tier_result:ci_deployments:increase24h{` + ofRepository + `})`, "{{environment}} {{result}}"}).withWidth(12),
			bars("Time since the last successful deployment", "s", "By environment.",
				`time() - max by (environment) (ci_last_deployment_timestamp_seconds{`+ofRepository+`} > 0)`, "{{environment}}", nil).withWidth(12),
		}},
	},
}
