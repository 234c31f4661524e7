package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// recordingGroups are what dashboards and alerts share, and what takes too long to
// ask again and again. Names and units are the same in either naming, and the labels
// are team, pipeline, platform, tags, type and worker.
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
		// No workers are 0, but only while there is a Signalbox to tell of them.
		{record: "all:workers:count",
			expr: `count(worker:workers_last_seen_timestamp_seconds:max) or 0 * count(signalbox_build_info)`},
	}},

	{name: "signalbox-builds", about: "Builds a second." + bornAbout, interval: "1m", rules: []rule{
		{record: "team_pipeline_status:builds_finished:rate5m",
			expr: grown("team, pipeline, status", "builds_finished", "5m") + " / 300"},
		{record: "team_pipeline:builds_finished:rate5m",
			expr: `sum by (team, pipeline) (team_pipeline_status:builds_finished:rate5m)`},
	}},

	{name: "signalbox-builds-hourly", about: pastAbout, interval: "2m", rules: append([]rule{
		{record: "team_pipeline_status:builds_finished:increase1h",
			expr: grown("team, pipeline, status", "builds_finished", "1h")},
		{record: "team_pipeline:builds_finished:increase1h",
			expr: `sum by (team, pipeline) (team_pipeline_status:builds_finished:increase1h{status!="aborted"})`},
		{record: "team_pipeline:builds_unsuccessful:ratio1h",
			expr: `(sum by (team, pipeline) (team_pipeline_status:builds_finished:increase1h{status=~"failed|errored"})
					or 0 * team_pipeline:builds_finished:increase1h)
				/ (team_pipeline:builds_finished:increase1h > 0)`},
		{record: "team_pipeline:builds_duration_seconds:mean1h",
			expr: fmt.Sprintf(`%s / (%s > 0)`,
				grown("team, pipeline", "builds_duration_seconds_sum", "1h"),
				grown("team, pipeline", "builds_duration_seconds_count", "1h"))},
		// Without builds histogram_quantile is not a number, which no comparison lets pass.
		{record: "team_pipeline:builds_duration_seconds:p90_1h",
			expr: `histogram_quantile(0.9, sum by (le, team, pipeline) (increase(builds_duration_seconds_bucket[1h]))) >= 0`},
		{record: "team_pipeline:builds_finished:increase1h_avg1w",
			expr: `avg_over_time(team_pipeline:builds_finished:increase1h[1w] offset 1h)`},
	}, slices.Concat(
		pastOf("team_pipeline:builds_unsuccessful:ratio1h"),
		pastOf("team_pipeline:builds_duration_seconds:mean1h"))...)},

	{name: "signalbox-queues", about: pastAbout, interval: "2m", rules: append([]rule{
		{record: "pipeline:jobs_scheduling_duration_seconds:count15m",
			expr: `sum by (pipeline) (increase(jobs_schedulingDuration_count[15m]))`},
		{record: "pipeline:jobs_scheduling_duration_seconds:mean15m",
			expr: `sum by (pipeline) (increase(jobs_schedulingDuration_sum[15m]))
				/ (pipeline:jobs_scheduling_duration_seconds:count15m > 0) / 1000`},
		{record: "pipeline:jobs_scheduling_duration_seconds:p90_15m",
			expr: `histogram_quantile(0.9, sum by (le, pipeline) (rate(jobs_schedulingDuration_bucket[15m]))) / 1000 >= 0`},
		{record: "team_type:steps_wait_duration_seconds:count15m",
			expr: fmt.Sprintf(`sum by (team, type) (%s)`, stepWait("increase(steps_wait_duration_count[15m])"))},
		{record: "team_type:steps_wait_duration_seconds:mean15m",
			expr: fmt.Sprintf(`sum by (team, type) (%s) / (team_type:steps_wait_duration_seconds:count15m > 0)`,
				stepWait("increase(steps_wait_duration_sum[15m])"))},
		{record: "team_type:steps_wait_duration_seconds:p90_15m",
			expr: fmt.Sprintf(`histogram_quantile(0.9, sum by (le, team, type) (%s)) >= 0`,
				stepWait("rate(steps_wait_duration_bucket[15m])"))},
		{record: "platform_tags_team:steps_waiting:min5m",
			expr: fmt.Sprintf(`sum by (platform, tags, team) (%s)`, tagged(stepWait("min_over_time(steps_waiting[5m])")))},
		{record: "platform_tags_team:steps_wait_duration_seconds:count5m",
			expr: fmt.Sprintf(`sum by (platform, tags, team) (%s)`,
				tagged(stepWait(grown("platform, teamName, workerTags", "steps_wait_duration_count", "5m"))))},
		{record: "platform_tags:tasks_wait_duration_seconds:p90_15m",
			expr: fmt.Sprintf(`histogram_quantile(0.9, sum by (le, platform, tags) (%s)) >= 0`,
				tagged("rate(tasks_wait_duration_bucket[15m])"))},
	}, slices.Concat(
		pastOf("pipeline:jobs_scheduling_duration_seconds:mean15m"),
		pastOf("team_type:steps_wait_duration_seconds:mean15m"))...)},
}

const (
	workersAbout = "Every web node reports every worker. Of each worker, only what the node says that heard\n" +
		"of it last is taken: the others may have values of long ago."
	pastAbout = "What is compared with the past. Every two minutes, since Prometheus looks back five for the\n" +
		"latest value, and seldom enough for a week of it to be read quickly." + bornAbout
	bornAbout = "\nWhat a series appeared with counts as well as what it grew by: increase alone misses its first\n" +
		"event. A target that was there before, or whose process is new, has no series from elsewhere."
)

// grown is by how much counters with labels grew in a window, summed by labels. Such a
// series appears with its first event, and increase does not see that one: what a series
// had when it appeared is added. A label of its own keeps that apart from the increase,
// so that "or" has both and the sum does not need either. Where the target itself was not
// there before the window, its series are new only if the process is: otherwise
// Prometheus has missed how they grew.
func grown(by, counter, window string) string {
	return fmt.Sprintf(`sum by (%[1]s) (
		increase(%[2]s[%[3]s])
		or label_replace(
			min_over_time(%[2]s[%[3]s]) unless %[2]s offset %[3]s
				and on (instance) (signalbox_build_info offset %[3]s or process_start_time_seconds > time() - %[4]s),
			"counted", "at first", "instance", ".*"))`, by, counter, window, secondsOf(window))
}

// secondsOf is a window as a number of seconds.
func secondsOf(window string) string {
	if strings.HasPrefix(window, "$") {
		return window + "_s" // as Grafana calls it
	}
	d, err := time.ParseDuration(window)
	if err != nil {
		panic(fmt.Sprintf("BUG: the window is %q: %v", window, err))
	}
	return fmt.Sprint(d.Seconds())
}

// stepWait calls the team of what is known of steps as everywhere else.
func stepWait(rate string) string {
	return fmt.Sprintf(`label_replace(%s, "team", "$1", "teamName", "(.*)")`, rate)
}

// tagged calls the tags that steps and tasks want of a worker as the worker's own.
func tagged(rate string) string {
	return fmt.Sprintf(`label_replace(%s, "tags", "$1", "workerTags", "(.*)")`, rate)
}

// pastOf records the mean and the standard deviation over a week, without the last
// hour, so that what is unusual now is not compared with itself.
func pastOf(record string) []rule {
	return []rule{
		{record: record + "_avg1w", expr: fmt.Sprintf(`avg_over_time(%s[1w] offset 1h)`, record)},
		{record: record + "_stddev1w", expr: fmt.Sprintf(`stddev_over_time(%s[1w] offset 1h)`, record)},
	}
}
