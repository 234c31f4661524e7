package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// recordingGroups record what dashboards and alerts share, and what takes too long to
// compute for each query. Names and units are the same in both namings. The labels of
// series about Concourse are team, pipeline, platform, tags, type and worker. Series of
// the catalog ci keep the labels of the catalog.
var recordingGroups = []group{
	{name: "signalbox-workers", about: workersAbout, rules: []rule{
		{record: "instance_worker:workers_last_seen_timestamp_seconds:freshest",
			expr: `workers_last_seen_timestamp_seconds == on (worker) group_left () max by (worker) (workers_last_seen_timestamp_seconds)`},
		{record: "worker:workers_last_seen_timestamp_seconds:max",
			expr: `max by (worker) (workers_last_seen_timestamp_seconds)`},
		{record: "worker:workers_containers:freshest",
			expr: `max by (platform, tags, team, worker) (workers_containers
				and on (instance, job, worker) instance_worker:workers_last_seen_timestamp_seconds:freshest)`},
		{record: "worker:workers_volumes:freshest",
			expr: `max by (platform, tags, team, worker) (workers_volumes
				and on (instance, job, worker) instance_worker:workers_last_seen_timestamp_seconds:freshest)`},
		{record: "worker:workers_tasks:freshest",
			expr: `max by (platform, worker) (workers_tasks
				and on (instance, job, worker) instance_worker:workers_last_seen_timestamp_seconds:freshest)`},
		{record: "platform:workers:count",
			expr: `count by (platform) (max by (platform, worker) (worker:workers_containers:freshest))`},
		// Without workers the count is 0, but only while some Signalbox is scraped.
		{record: "all:workers:count",
			expr: `count(worker:workers_last_seen_timestamp_seconds:max) or 0 * count(signalbox_build_info)`},
	}},

	{name: "signalbox-builds", about: "Builds per second." + firstEventAbout, interval: "1m", rules: []rule{
		{record: "team_pipeline_status:builds_finished:rate5m",
			expr: increaseOf("team, pipeline, status", "builds_finished", "5m") + " / 300"},
		{record: "team_pipeline:builds_finished:rate5m",
			expr: `sum by (team, pipeline) (team_pipeline_status:builds_finished:rate5m)`},
	}},

	{name: "signalbox-builds-hourly", about: weekAbout, interval: "2m", rules: append([]rule{
		{record: "team_pipeline_status:builds_finished:increase1h",
			expr: increaseOf("team, pipeline, status", "builds_finished", "1h")},
		{record: "team_pipeline:builds_finished:increase1h",
			expr: `sum by (team, pipeline) (team_pipeline_status:builds_finished:increase1h{status!="aborted"})`},
		{record: "team_pipeline:builds_unsuccessful:ratio1h",
			expr: `(sum by (team, pipeline) (team_pipeline_status:builds_finished:increase1h{status=~"failed|errored"})
					or 0 * team_pipeline:builds_finished:increase1h)
				/ (team_pipeline:builds_finished:increase1h > 0)`},
		{record: "team_pipeline:builds_duration_seconds:mean1h",
			expr: fmt.Sprintf(`%s / (%s > 0)`,
				increaseOf("team, pipeline", "builds_duration_seconds_sum", "1h"),
				increaseOf("team, pipeline", "builds_duration_seconds_count", "1h"))},
		// Without builds, histogram_quantile returns NaN, which the comparison removes.
		{record: "team_pipeline:builds_duration_seconds:p90_1h",
			expr: `histogram_quantile(0.9, sum by (le, team, pipeline) (increase(builds_duration_seconds_bucket[1h]))) >= 0`},
		{record: "team_pipeline:builds_finished:increase1h_avg1w",
			expr: `avg_over_time(team_pipeline:builds_finished:increase1h[1w] offset 1h)`},
	}, slices.Concat(
		weekOf("team_pipeline:builds_unsuccessful:ratio1h", "1h"),
		weekOf("team_pipeline:builds_duration_seconds:mean1h", "1h"))...)},

	{name: "signalbox-queues", about: weekAbout, interval: "2m", rules: append([]rule{
		{record: "pipeline:jobs_scheduling_duration_seconds:count15m",
			expr: `sum by (pipeline) (increase(jobs_schedulingDuration_count[15m]))`},
		{record: "pipeline:jobs_scheduling_duration_seconds:mean15m",
			expr: `sum by (pipeline) (increase(jobs_schedulingDuration_sum[15m]))
				/ (pipeline:jobs_scheduling_duration_seconds:count15m > 0) / 1000`},
		{record: "pipeline:jobs_scheduling_duration_seconds:p90_15m",
			expr: `histogram_quantile(0.9, sum by (le, pipeline) (rate(jobs_schedulingDuration_bucket[15m]))) / 1000 >= 0`},
		{record: "team_type:steps_wait_duration_seconds:count15m",
			expr: fmt.Sprintf(`sum by (team, type) (%s)`, withTeam("increase(steps_wait_duration_count[15m])"))},
		{record: "team_type:steps_wait_duration_seconds:mean15m",
			expr: fmt.Sprintf(`sum by (team, type) (%s) / (team_type:steps_wait_duration_seconds:count15m > 0)`,
				withTeam("increase(steps_wait_duration_sum[15m])"))},
		{record: "team_type:steps_wait_duration_seconds:p90_15m",
			expr: fmt.Sprintf(`histogram_quantile(0.9, sum by (le, team, type) (%s)) >= 0`,
				withTeam("rate(steps_wait_duration_bucket[15m])"))},
		{record: "platform_tags_team:steps_waiting:min5m",
			expr: fmt.Sprintf(`sum by (platform, tags, team) (%s)`, withTags(withTeam("min_over_time(steps_waiting[5m])")))},
		{record: "platform_tags_team:steps_wait_duration_seconds:count5m",
			expr: fmt.Sprintf(`sum by (platform, tags, team) (%s)`,
				withTags(withTeam(increaseOf("platform, teamName, workerTags", "steps_wait_duration_count", "5m"))))},
		{record: "platform_tags:tasks_wait_duration_seconds:p90_15m",
			expr: fmt.Sprintf(`histogram_quantile(0.9, sum by (le, platform, tags) (%s)) >= 0`,
				withTags("rate(tasks_wait_duration_bucket[15m])"))},
	}, slices.Concat(
		weekOf("pipeline:jobs_scheduling_duration_seconds:mean15m", "1h"),
		weekOf("team_type:steps_wait_duration_seconds:mean15m", "1h"))...)},

	{name: "signalbox-ci-runs", about: "Runs of any CI system. " + weekAbout, interval: "2m", rules: append([]rule{
		{record: "system_repository_pipeline_ref_kind_result:ci_runs_finished:increase1h",
			expr: increaseOf("system, repository, pipeline, ref_kind, result", "ci_runs_finished_total", "1h")},
		{record: "system_repository_le:ci_run_duration_seconds_bucket:increase1h",
			expr: increaseOf("system, repository, le", "ci_run_duration_seconds_bucket", "1h")},
		{record: "system_repository_pipeline_result:ci_default_runs_finished:increase6h",
			expr: increaseOf("system, repository, pipeline, result", "ci_runs_finished_total{"+onDefault+"}", "6h")},
		{record: "system_repository_pipeline:ci_default_runs_finished:increase6h",
			expr: sumBy("system, repository, pipeline", `system_repository_pipeline_result:ci_default_runs_finished:increase6h{result=~"`+decided+`"}`)},
		{record: "system_repository_pipeline:ci_default_runs_unsuccessful:ratio6h",
			expr: shareOf(
				sumBy("system, repository, pipeline", `system_repository_pipeline_result:ci_default_runs_finished:increase6h{result=~"`+unsuccessful+`"}`),
				"system_repository_pipeline:ci_default_runs_finished:increase6h")},
		{record: "system_repository_pipeline:ci_default_runs_finished:increase6h_avg1w",
			expr: `avg_over_time(system_repository_pipeline:ci_default_runs_finished:increase6h[1w] offset 6h)`},
	}, weekOf("system_repository_pipeline:ci_default_runs_unsuccessful:ratio6h", "6h")...)},

	{name: "signalbox-ci-runners", about: "How long jobs of any CI system wait for runners, and how many minutes they use." + firstEventAbout, interval: "1m", rules: []rule{
		{record: "system_runner_class_le:ci_job_queue_duration_seconds_bucket:increase30m",
			expr: increaseOf("system, runner_class, le", "ci_job_queue_duration_seconds_bucket", "30m")},
		{record: "system_runner_class:ci_job_queue_duration_seconds:count30m",
			expr: `sum by (system, runner_class) (system_runner_class_le:ci_job_queue_duration_seconds_bucket:increase30m{le="+Inf"})`},
		{record: "system_runner_class:ci_job_queue_duration_seconds:p95_30m",
			expr: `histogram_quantile(0.95, system_runner_class_le:ci_job_queue_duration_seconds_bucket:increase30m) >= 0`},
		{record: "system_repository_runner_class:ci_job_minutes:increase1h",
			expr: increaseOf("system, repository, runner_class", "ci_job_duration_seconds_sum", "1h") + " / 60"},
		// Each web node of Concourse reports all workers. Otherwise, each Signalbox knows
		// different ones.
		{record: "system_queue_state:ci_workers:sum",
			expr: `sum by (system, queue, state) (ci_workers{system!="concourse"}) or max by (system, queue, state) (ci_workers{system="concourse"})`},
	}},

	{name: "signalbox-ci-deployments", about: "Deployments by any CI system." + firstEventAbout, interval: "2m", rules: []rule{
		{record: "system_repository_environment_tier_result:ci_deployments:increase2h",
			expr: increaseOf("system, repository, environment, tier, result", "ci_deployments_total", "2h")},
		{record: "system_repository_environment_tier_result:ci_deployments:increase24h",
			expr: increaseOf("system, repository, environment, tier, result", "ci_deployments_total", "24h")},
		{record: "system_repository_environment_le:ci_change_lead_time_seconds_bucket:increase24h",
			expr: increaseOf("system, repository, environment, le", "ci_change_lead_time_seconds_bucket", "24h")},
	}},
}

const (
	workersAbout = "Every web node reports every worker. These rules take the values of each worker only from\n" +
		"the node that saw it last: the values of the others may be old."
	weekAbout = "Values that alerts compare with the past week. They are recorded every two minutes: often enough\n" +
		"for Prometheus, which looks back five minutes for the latest value, and seldom enough that a week\n" +
		"of them can be read quickly." + firstEventAbout
	firstEventAbout = "\nA series appears with its first event, which increase alone does not count. So the rules add the\n" +
		"value that a series had when it appeared, if its target was scraped before or its process is new."
)

// increaseOf returns a query for the increase of counters in a window, summed by
// labels. A series appears with its first event, which the function increase does not
// see, so the query adds the value that a series had when it appeared. The label
// "counted" keeps this value apart from the increase, so that "or" retains both, and
// the sum works even if only one of them exists. If the target was not scraped before
// the window, its series count as new only if its process is new: otherwise they grew
// before Prometheus found them.
func increaseOf(by, counter, window string) string {
	return fmt.Sprintf(`sum by (%[1]s) (
		increase(%[2]s[%[3]s])
		or label_replace(
			min_over_time(%[2]s[%[3]s]) unless %[2]s offset %[3]s
				and on (instance) (signalbox_build_info offset %[3]s or process_start_time_seconds > time() - %[4]s),
			"counted", "at first", "instance", ".*"))`, by, counter, window, secondsOf(window))
}

// secondsOf returns a window as a number of seconds.
func secondsOf(window string) string {
	if strings.HasPrefix(window, "$") {
		return window + "_s" // Grafana's variable of the seconds, such as $__range_s
	}
	d, err := time.ParseDuration(window)
	if err != nil {
		panic(fmt.Sprintf("BUG: the window is %q: %v", window, err))
	}
	return fmt.Sprint(d.Seconds())
}

// withTeam renames the label teamName of step metrics to team, the name that other
// metrics use.
func withTeam(rate string) string {
	return fmt.Sprintf(`label_replace(%s, "team", "$1", "teamName", "(.*)")`, rate)
}

// withTags renames the label workerTags, the tags that steps and tasks require of a
// worker, to tags, the name that the metrics of workers use.
func withTags(rate string) string {
	return fmt.Sprintf(`label_replace(%s, "tags", "$1", "workerTags", "(.*)")`, rate)
}

// weekOf returns rules that record the mean and the standard deviation over a week.
// They leave out the latest period, such as "1h", so that an unusual value is not
// compared with itself.
func weekOf(record, latest string) []rule {
	return []rule{
		{record: record + "_avg1w", expr: fmt.Sprintf(`avg_over_time(%s[1w] offset %s)`, record, latest)},
		{record: record + "_stddev1w", expr: fmt.Sprintf(`stddev_over_time(%s[1w] offset %s)`, record, latest)},
	}
}
