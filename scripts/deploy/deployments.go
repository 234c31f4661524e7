package main

// ofIncidents selects incidents, which may have no environment.
const ofIncidents = ofSystems + `,environment=~"$environment|"`

var deploymentsDashboard = dashboard{
	name:  "ci-deployments",
	title: "Deployments",
	description: "Deployment frequency, lead time, change failure rate and time to restore. " +
		"Lead times need the commits of deployments, and times to restore need reports of incidents: not all CI systems send them.",
	from: "now-7d",
	variables: []variable{
		{name: "system", label: "System", query: `label_values(ci_deployments_total, system)`, description: "CI systems that report deployments."},
		{name: "repository", label: "Repository", query: `label_values(ci_deployments_total{` + ofSystems + `}, repository)`, description: "Repositories with deployments."},
		{name: "environment", label: "Environment", query: `label_values(ci_deployments_total{` + ofRepositories + `,` + inProduction + `}, environment)`, listed: true,
			description: "Environments of the tier production, or without a tier. Change the query of this variable to see other tiers."},
	},
	rows: []row{
		{"In the time range", []panel{
			number("Deployments per day", "short", "Successful deployments per day to the selected environments, on average.",
				increaseOf("", `ci_deployments_total{`+ofEnvironments+`,result="success"}`, "$__range")+` / ($__range_s / 86400)`, nil),
			number("Lead time", "s", "Median time from a commit to its successful deployment, estimated from histogram buckets.",
				quantileOf(.5, "", "ci_change_lead_time_seconds", ofEnvironments, "$__range"), rising(86400, 604800)),
			number("Change failure rate", "percentunit", "Share of the deployments that failed, timed out or could not be run. Failures that a deployment causes later are not included: see the incidents.",
				shareOf(
					increaseOf("", `ci_deployments_total{`+ofEnvironments+`,result=~"`+unsuccessful+`"}`, "$__range"),
					increaseOf("", `ci_deployments_total{`+ofEnvironments+`,result=~"`+decided+`"}`, "$__range")), rising(.15, .3)),
			number("Time to restore", "s", "Median time from the beginning of an incident to its resolution. The selection of repositories does not apply, because incidents have no repository.",
				quantileOf(.5, "", "ci_incident_time_to_restore_seconds", ofIncidents, "$__range"), rising(3600, 86400)),
			number("Incidents", "short", "Incidents that began. The selection of repositories does not apply.",
				`round(`+increaseOf("", `ci_incidents_total{`+ofIncidents+`}`, "$__range")+`)`, nil),
			number("Failed deployments", "short", "Deployments that failed, timed out or could not be run; see CIDeploymentsFailing.",
				`round(`+increaseOf("", `ci_deployments_total{`+ofEnvironments+`,result=~"`+unsuccessful+`"}`, "$__range")+`)`, nil),
		}},
		{"Frequency and failures", []panel{
			stacked("Successful deployments", "short", "Deployments in 24 hours, by repository.",
				query{`sum by (system, repository) (system_repository_environment_tier_result:ci_deployments:increase24h{` + ofEnvironments + `,result="success"})`, "{{repository}}"}).withWidth(12),
			stacked("Deployments by result", "short", "Deployments in 24 hours. A newer deployment may have replaced one that was canceled.",
				query{`sum by (result) (system_repository_environment_tier_result:ci_deployments:increase24h{` + ofEnvironments + `})`, "{{result}}"}).withWidth(12),
			graph("Change failure rate, by repository", "percentunit", "Share of the deployments in 24 hours that failed, timed out or could not be run.",
				query{shareOf(
					`sum by (system, repository) (system_repository_environment_tier_result:ci_deployments:increase24h{`+ofEnvironments+`,result=~"`+unsuccessful+`"})`,
					`sum by (system, repository) (system_repository_environment_tier_result:ci_deployments:increase24h{`+ofEnvironments+`,result=~"`+decided+`"})`), "{{repository}}"}).withWidth(12).withMax(1),
			bars("Time since the last successful deployment", "s", "By repository and environment. A long time is a problem if changes are waiting.",
				`topk(20, time() - max by (repository, environment) (ci_last_deployment_timestamp_seconds{`+ofEnvironments+`} > 0))`, "{{repository}} {{environment}}", nil).withWidth(12),
		}},
		{"Lead time", []panel{
			heatmap("Deployments by lead time", "s", "Successful deployments in 24 hours, by the time since the commit that they deployed.",
				`sum by (le) (system_repository_environment_le:ci_change_lead_time_seconds_bucket:increase24h{`+ofEnvironments+`})`),
			graph("Lead time", "s", "Time from commits to their successful deployments in 24 hours, estimated from histogram buckets.",
				query{`histogram_quantile(0.5, sum by (le) (system_repository_environment_le:ci_change_lead_time_seconds_bucket:increase24h{` + ofEnvironments + `})) >= 0`, "median"},
				query{`histogram_quantile(0.9, sum by (le) (system_repository_environment_le:ci_change_lead_time_seconds_bucket:increase24h{` + ofEnvironments + `})) >= 0`, "90th percentile"},
			).withWidth(12).withHeight(9),
		}},
		{"Incidents", []panel{
			bars("Incidents by service, in the time range", "short", "Incidents that began.",
				`topk(20, round(`+increaseOf("service", `ci_incidents_total{`+ofIncidents+`}`, "$__range")+`) > 0)`, "{{service}}", nil).withWidth(12),
			bars("Time to restore, by service, in the time range", "s", "Median time from the beginning of an incident to its resolution, estimated from histogram buckets.",
				`topk(20, `+quantileOf(.5, "service", "ci_incident_time_to_restore_seconds", ofIncidents, "$__range")+`)`, "{{service}}", rising(3600, 86400)).withWidth(12),
		}},
		{"Repositories", []panel{
			{kind: "table", title: "Repositories and environments in the time range", unit: "short", width: 24, height: 12, sortBy: "Deployments",
				description: "The deployments of each repository to each environment in the selected time range. Click a heading to sort by another column.",
				queries: []query{
					{`round(` + increaseOf("system, repository, environment", `ci_deployments_total{`+ofEnvironments+`}`, "$__range") + `) > 0`, ""},
					{shareOf(
						increaseOf("system, repository, environment", `ci_deployments_total{`+ofEnvironments+`,result=~"`+unsuccessful+`"}`, "$__range"),
						increaseOf("system, repository, environment", `ci_deployments_total{`+ofEnvironments+`,result=~"`+decided+`"}`, "$__range")), ""},
					{quantileOf(.5, "system, repository, environment", "ci_change_lead_time_seconds", ofEnvironments, "$__range"), ""},
					{meanOf("system, repository, environment", "ci_deployment_duration_seconds", ofEnvironments, "$__range"), ""},
					{`time() - max by (system, repository, environment) (ci_last_deployment_timestamp_seconds{` + ofEnvironments + `} > 0)`, ""},
				},
				columns: []column{
					{field: "system", title: "System"}, {field: "repository", title: "Repository"}, {field: "environment", title: "Environment"},
					{field: "Value #A", title: "Deployments", unit: "short"},
					{field: "Value #B", title: "Change failure rate", unit: "percentunit", max: 1},
					{field: "Value #C", title: "Median lead time", unit: "s"},
					{field: "Value #D", title: "Mean duration", unit: "s"},
					{field: "Value #E", title: "Since the last success", unit: "s"},
				}},
		}},
	},
}
