package main

import (
	"fmt"
	"slices"
	"strings"
)

// unusual returns a condition that holds where a recorded value is far above its own
// past: above the mean of the week by a factor, by three standard deviations, and by a
// relevant amount. It never holds for a series that was not recorded a day ago.
func unusual(record string, factor, amount float64, conditions ...string) string {
	past := []string{
		fmt.Sprintf(`%s > %s_avg1w + %g`, record, record, amount),
		fmt.Sprintf(`%s > %s_avg1w + 3 * %s_stddev1w`, record, record, record),
		fmt.Sprintf(`%s > %g * %s_avg1w`, record, factor, record),
		fmt.Sprintf(`%s_avg1w offset 1d`, record),
	}
	if factor == 1 {
		past = slices.Delete(past, 2, 3) // implied by the first
	}
	return strings.Join(append(past, conditions...), " and ")
}

// busy holds for pipelines with enough builds for meaningful statistics: five in the
// last hour, and about fifty in the week.
var busy = []string{
	`team_pipeline:builds_finished:increase1h >= 5`,
	`team_pipeline:builds_finished:increase1h_avg1w >= 0.3`,
}

func alertGroups() []group {
	return []group{buildAlerts, workerAlerts, ciAlerts, targetAlerts, memoryAlerts, eventAlerts, webhookAlerts, seriesAlerts, pushAlerts}
}

var buildAlerts = group{name: "ci-builds", about: "How builds end, and how long they take and wait. Each pipeline is compared with its own past week.", rules: []rule{
	{alert: "CIBuildsFailing", pending: "15m", severity: warning,
		expr:    unusual("team_pipeline:builds_unsuccessful:ratio1h", 1, .2, busy...),
		summary: `Builds of {{ $labels.team }}/{{ $labels.pipeline }} fail more than usual: {{ $value | humanizePercentage }} in the last hour`,
		description: `{{ $value | humanizePercentage }} of the builds of {{ $labels.team }}/{{ $labels.pipeline }} in the last hour failed or errored, ` +
			`far more than in the past week. If some of them errored, check the workers first; otherwise check what changed in the pipeline.`},
	{alert: "CIBuildsErroring", pending: "15m", severity: critical,
		expr: `sum(increase(builds_errored_total[1h])) / sum(increase(builds_finished_total[1h])) > 0.1
			and sum(increase(builds_finished_total[1h])) >= 20`,
		summary: `{{ $value | humanizePercentage }} of all builds errored in the last hour`,
		description: `{{ $value | humanizePercentage }} of all builds in the last hour ended as errored: the CI system failed, not the code that was built. ` +
			`Check the workers and the error logs of the web nodes.`},
	{alert: "CIBuildsSlow", pending: "30m", severity: warning,
		expr:    unusual("team_pipeline:builds_duration_seconds:mean1h", 1.5, 60, busy...),
		summary: `Builds of {{ $labels.team }}/{{ $labels.pipeline }} take {{ $value | humanizeDuration }} on average, longer than usual`,
		description: `In the last hour, builds of {{ $labels.team }}/{{ $labels.pipeline }} took {{ $value | humanizeDuration }} on average, ` +
			`more than 1.5 times their average of the past week. Check the load of the workers and how long steps wait.`},
	{alert: "CISchedulingSlow", pending: "15m", severity: warning,
		expr: unusual("pipeline:jobs_scheduling_duration_seconds:mean15m", 2, 5,
			`pipeline:jobs_scheduling_duration_seconds:count15m >= 5`),
		summary: `Scheduling a job of {{ $labels.pipeline }} takes {{ $value | humanizeDuration }} on average, longer than usual`,
		description: `The scheduler needs {{ $value | humanizeDuration }} on average to schedule a job of {{ $labels.pipeline }}, more than twice its average of the past week. ` +
			`The metric has no team label, so this covers all pipelines of that name. Check the database, and look for jobs with a very large number of inputs.`},
	{alert: "CIStepsQueueing", pending: "15m", severity: warning,
		expr: unusual("team_type:steps_wait_duration_seconds:mean15m", 2, 60,
			`team_type:steps_wait_duration_seconds:count15m >= 5`),
		summary: `Steps ({{ $labels.type }}) of team {{ $labels.team }} wait {{ $value | humanizeDuration }} for a worker on average, longer than usual`,
		description: `Steps of type {{ $labels.type }} of team {{ $labels.team }} wait {{ $value | humanizeDuration }} for a worker on average, ` +
			`more than twice their average of the past week. Add workers, or find out why there are fewer than usual.`},
	{alert: "CIStepsStuck", pending: "30m", severity: warning,
		expr:    `platform_tags_team:steps_waiting:min5m > 0 unless platform_tags_team:steps_wait_duration_seconds:count5m > 0`,
		summary: `{{ $value }} steps of team {{ $labels.team }} are waiting, and none gets a worker`,
		description: `{{ $value }} steps of team {{ $labels.team }} are waiting for a worker (platform "{{ $labels.platform }}", tags "{{ $labels.tags }}"), ` +
			`and no such step got one in the last half hour. Check whether the team has such a worker, and whether builds that hang occupy all of them.`},
}}

var workerAlerts = group{name: "ci-workers", about: "Workers that send no heartbeats or are gone. Adapt the two minutes and the 30% to how you run workers.", rules: []rule{
	// The series of a worker may be removed before the alert would fire, so it uses the
	// last value. all:workers:count exists as long as there is a Signalbox.
	{alert: "CIWorkerStale", pending: "1m", severity: info,
		expr:    `time() - max_over_time(worker:workers_last_seen_timestamp_seconds:max[10m]) > 120 and on () all:workers:count`,
		summary: `Worker {{ $labels.worker }} has sent no heartbeat for {{ $value | humanizeDuration }}`,
		description: `No web node has received a heartbeat from worker {{ $labels.worker }} for {{ $value | humanizeDuration }}. ` +
			`This alert resolves about ten minutes after the worker's series have been removed. If you did not remove the worker, check that it runs and reaches a web node.`},
	{alert: "CIWorkersStalled", pending: "15m", severity: warning,
		expr:    `max(workers_registered{state="stalled"}) > 0`,
		summary: `{{ $value }} workers are stalled`,
		description: `{{ $value }} registered workers no longer send heartbeats. Restart those that you need, ` +
			`and prune the others (fly prune-worker). With several web nodes, the value may be out of date: see the runbook.`},
	{alert: "CIWorkersLost", pending: "10m", severity: critical,
		expr:    `all:workers:count < 0.7 * quantile_over_time(0.5, all:workers:count[1d])`,
		summary: `Only {{ $value }} workers are left, over 30% fewer than usual`,
		description: `There are {{ $value }} workers, less than 70% of the median of the last day. Find out what the missing ones have in common: ` +
			`a host, a zone, a version, or the key that they register with.`},
	// Fires for a platform that had workers for most of the day. The count of a
	// platform without workers disappears; all:workers:count exists as long as there is
	// a Signalbox.
	{alert: "CIPlatformLost", pending: "10m", severity: critical,
		expr: `quantile_over_time(0.5, platform:workers:count[1d])
			and count_over_time(platform:workers:count[1d]) > on () group_left () 0.5 * count_over_time(all:workers:count[1d])
			unless platform:workers:count
			and on () all:workers:count > 0`,
		summary: `No workers are left for platform {{ $labels.platform }}`,
		description: `Platform {{ $labels.platform }} has no workers left. It had {{ $value | printf "%.0f" }} for most of the last day. ` +
			`Steps that need this platform wait. Find out what the missing workers have in common: a host, a zone, or an image.`},
	{alert: "CIWorkersGone", pending: "5m", severity: critical,
		expr:    `all:workers:count == 0 and max_over_time(all:workers:count[1d]) > 0`,
		summary: `No workers are left`,
		description: `No web node has seen a worker within the staleness limit, but there were workers within the last day. No build can run. ` +
			`Check whether workers can reach the web nodes, and whether Signalbox still receives events (SignalboxNoEvents).`},
}}

// noSuccess returns a condition that holds where at least two deployments failed in a
// window and none succeeded. It ends with the next success.
func noSuccess(window string) string {
	deployments := func(results string) string {
		return sumBy("system, repository, environment",
			fmt.Sprintf(`system_repository_environment_tier_result:ci_deployments:increase%s{%s,result=~"%s"}`, window, inProduction, results))
	}
	return deployments(unsuccessful) + " >= 2 unless " + deployments("success") + " > 0"
}

var ciAlerts = group{name: "ci-runs", about: "Runs, jobs and deployments of any CI system that sends webhooks, or events of the catalog ci, to Signalbox.\n" +
	"Concourse has its own alerts on builds and steps, so these alerts leave it out. Adapt the limits to your CI systems.", rules: []rule{
	{alert: "CIRunsFailing", pending: "15m", severity: warning,
		expr: unusual("system_repository_pipeline:ci_default_runs_unsuccessful:ratio6h", 1, .2,
			`system_repository_pipeline:ci_default_runs_finished:increase6h{system!="concourse"} >= 5`,
			`system_repository_pipeline:ci_default_runs_finished:increase6h_avg1w >= 0.7`),
		summary: `Runs of {{ $labels.repository }}{{ with $labels.pipeline }}/{{ . }}{{ end }} on the default branch fail more than usual: {{ $value | humanizePercentage }} in 6 hours`,
		description: `{{ $value | humanizePercentage }} of the runs of {{ $labels.repository }}{{ with $labels.pipeline }}/{{ . }}{{ end }} ({{ $labels.system }}) on the default branch in the last six hours did not succeed, ` +
			`far more than in the past week. Check which change the failures began with. If other repositories fail as well, check the runners and the services that the runs need.`},
	{alert: "CIJobsQueueing", pending: "15m", severity: warning,
		expr: `system_runner_class:ci_job_queue_duration_seconds:p95_30m{system!="concourse"} > 600
			and system_runner_class:ci_job_queue_duration_seconds:count30m >= 5`,
		summary: `Jobs wait {{ $value | humanizeDuration }} for a runner of the class "{{ $labels.runner_class }}" ({{ $labels.system }})`,
		description: `Of the jobs that started in the last half hour on runners of the class "{{ $labels.runner_class }}" ({{ $labels.system }}), 5% had waited {{ $value | humanizeDuration }} or longer. ` +
			`Add runners, or find out why there are fewer than usual.`},
	{alert: "CIJobWaiting", pending: "5m", severity: warning,
		expr:    `max by (system, runner_class) (ci_oldest_job_waiting_seconds) > 1800`,
		summary: `A job has waited {{ $value | humanizeDuration }} for a runner of the class "{{ $labels.runner_class }}" ({{ $labels.system }})`,
		description: `The oldest job that waits for a runner of the class "{{ $labels.runner_class }}" ({{ $labels.system }}) has waited {{ $value | humanizeDuration }}. ` +
			`Check whether such a runner exists and is online, and whether jobs that hang occupy all of them.`},
	{alert: "CIDeploymentsFailing", pending: "5m", severity: critical,
		expr:    noSuccess("2h") + " or " + noSuccess("24h"),
		summary: `Deployments of {{ $labels.repository }} to {{ $labels.environment }} fail`,
		description: `The last {{ $value | printf "%.0f" }} deployments of {{ $labels.repository }} to {{ $labels.environment }} ({{ $labels.system }}) failed, and none has succeeded since. ` +
			`Check the log of the latest one, and what runs in {{ $labels.environment }} now.`},
}}

var targetAlerts = group{name: "signalbox-targets", about: "Whether Signalbox is running, answers all scrapes, and uses its current configuration files.", rules: []rule{
	{alert: "SignalboxDown", pending: "5m", severity: critical,
		expr:    `up == 0 and on (instance, job) last_over_time(signalbox_build_info[1d])`,
		summary: `Prometheus cannot scrape Signalbox on {{ $labels.instance }}`,
		description: `Prometheus cannot scrape {{ $labels.instance }} (job {{ $labels.job }}). Check whether the process is running, ` +
			`and see the error of the target in Prometheus.`},
	{alert: "SignalboxAbsent", pending: "10m", severity: critical,
		expr:    `absent(signalbox_build_info)`,
		summary: `Prometheus scrapes no Signalbox`,
		description: `Prometheus has scraped no Signalbox for ten minutes: it has no Signalbox target, or all of them are down (SignalboxDown). ` +
			`Until you fix this, the other alerts have no data. Check the targets and the scrape configuration.`},
	{alert: "SignalboxScrapesRefused", pending: "5m", severity: warning,
		expr:    `increase(signalbox_scrapes_refused_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected {{ $value | printf "%.0f" }} scrapes in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} scrapes in the last 15 minutes were answered with 503, because too many were already in progress. ` +
			`Find the client that scrapes too often or reads too slowly, or raise --prometheus-max-scrapes-in-flight.`},
	{alert: "SignalboxScrapesAborted", pending: "5m", severity: warning,
		expr:    `increase(signalbox_scrapes_aborted_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} aborted {{ $value | printf "%.0f" }} scrapes in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} scrapes in the last 15 minutes were aborted, because their clients did not read the page. ` +
			`The log and the status page show the clients.`},
	{alert: "SignalboxMappingReloadFailed", pending: "5m", severity: warning,
		expr:    `signalbox_mapping_last_reload_successful == 0`,
		summary: `Signalbox on {{ $labels.instance }} could not reload its mapping file`,
		description: `Signalbox rejected the mapping file, so the mapping that was loaded before is still in use. ` +
			`The log shows what is wrong with the file, and so does the command signalbox check.`},
	{alert: "SignalboxWebConfigRefused", pending: "5m", severity: warning,
		expr:    `signalbox_web_config_last_reload_successful == 0`,
		summary: `Signalbox on {{ $labels.instance }} refused the web configuration file of its {{ $labels.listener }} listener`,
		description: `The file or a certificate is not valid, or the file no longer requires passwords, client certificates or TLS, ` +
			`so the last valid settings are still in force. The log and the status page show the reason.`},
	{alert: "SignalboxTokensRefused", pending: "5m", severity: warning,
		expr:    `signalbox_tokens_last_reload_successful == 0`,
		summary: `Signalbox on {{ $labels.instance }} refused the token file of its intake listener`,
		description: `The file cannot be read, or contains no token or an invalid one, so the tokens that it contained before are still valid, ` +
			`and new ones are not. The log and the status page show the reason.`},
}}

var memoryAlerts = group{name: "signalbox-memory", about: "The memory limit of Signalbox, which is divided into budgets.", rules: []rule{
	{alert: "SignalboxMemoryNearlyUsed", pending: "5m", severity: warning,
		expr:    `signalbox_memory_used_bytes / signalbox_memory_budget_bytes > 0.8`,
		summary: `Signalbox on {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory budget "{{ $labels.use }}"`,
		description: `{{ $value | humanizePercentage }} of the memory budget "{{ $labels.use }}" is in use. There are budgets for series and groups (held), bodies of requests (buffer), and parsing them (parse). ` +
			`When one is used up, Signalbox rejects new series and pushes with 429, or bodies with 503. See the runbook, or raise --memory-limit.`},
	{alert: "SignalboxMemoryExhausted", pending: "5m", severity: warning,
		expr:    `increase(signalbox_memory_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected input {{ $value | printf "%.0f" }} times in 15 minutes, because its memory budget "{{ $labels.use }}" was used up`,
		description: `{{ $value | printf "%.0f" }} times in the last 15 minutes, the memory budget "{{ $labels.use }}" had no room. There are budgets for series and groups (held), bodies of requests (buffer), and parsing them (parse). ` +
			`The log shows which clients were rejected. See the runbook, or raise --memory-limit.`},
}}

var eventAlerts = group{name: "signalbox-events", about: "Events that do not become metrics.", rules: []rule{
	{alert: "SignalboxNoEvents", pending: "10m", severity: critical,
		expr: `rate(signalbox_events_received_total[5m]) == 0 and increase(signalbox_events_received_total[1d]) > 0
			unless on (instance, job) signalbox_source_last_delivery_timestamp_seconds`,
		summary: `Signalbox on {{ $labels.instance }} receives no events`,
		description: `Signalbox received events within the last day, but none in the last 15 minutes. A scheduler that is running always sends some: ` +
			`check whether it is running, and whether it can reach the intake listener.`},
	{alert: "SignalboxInputEnded", pending: "2m", severity: warning,
		expr:    `signalbox_input_up == 0`,
		summary: `Standard input of Signalbox on {{ $labels.instance }} has ended`,
		description: `Signalbox on {{ $labels.instance }} reads events from standard input, which has ended. It is still running, but may receive no more events. ` +
			`Find out why the program that writes to the pipe ended, and restart both.`},
	{alert: "SignalboxInputWithoutEvents", pending: "5m", severity: warning,
		expr: `sum without (outcome) (increase(signalbox_input_lines_total{outcome=~"rejected|skipped"}[15m])) > 0
			and sum without (outcome) (increase(signalbox_input_lines_total{outcome=~"known|unknown"}[15m])) == 0`,
		summary: `Signalbox on {{ $labels.instance }} finds no events on standard input`,
		description: `{{ $value | humanize }} lines arrived in the last 15 minutes, and none of them is an event. Run the web node with ` +
			`CONCOURSE_EMIT_TO_LOGS=true and CONCOURSE_LOG_LEVEL=debug, and make sure that nothing cuts off or converts its lines.`},
	{alert: "SignalboxLogLinesDropped", pending: "5m", severity: warning,
		expr:    `increase(signalbox_log_lines_dropped_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} dropped {{ $value | printf "%.0f" }} lines of its log in 15 minutes`,
		description: `The reader of standard error was too slow or has stopped reading, or writing to it failed. ` +
			`Find out why. The log says how many lines are missing and where.`},
	{alert: "SignalboxEventsDropped", pending: "5m", severity: warning,
		expr:    `increase(signalbox_emitter_events_dropped_total[15m]) > 0`,
		summary: `The emitter {{ $labels.emitter }} on {{ $labels.instance }} dropped {{ $value | printf "%.0f" }} events in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} events in the last 15 minutes were dropped because the queue of {{ $labels.emitter }} was full or the emitter panicked. ` +
			`Check the log for emitter-panicked. Otherwise find out what makes the emitter slow, or raise --buffer-size.`},
	{alert: "SignalboxQueueNearlyFull", pending: "5m", severity: warning,
		expr:    `signalbox_emitter_queue_length / (signalbox_emitter_queue_capacity > 0) > 0.8`,
		summary: `The queue of {{ $labels.emitter }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full`,
		description: `The queue of {{ $labels.emitter }} is {{ $value | humanizePercentage }} full. When no space is left, Signalbox drops events. ` +
			`Find out what makes the emitter slow.`},
	{alert: "SignalboxEventsRejected", pending: "15m", severity: warning,
		expr:    `increase(signalbox_events_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected {{ $value | printf "%.0f" }} events ({{ $labels.reason }}) in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} events in the last 15 minutes were malformed or rejected for at least one metric ({{ $labels.reason }}). ` +
			`The log shows what is missing or wrong.`},
	{alert: "SignalboxEventsUnknown", pending: "1h", severity: info,
		expr:    `increase(signalbox_events_unknown_total[1h]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} received {{ $value | printf "%.0f" }} unknown events in an hour`,
		description: `No rule matches the names of {{ $value | printf "%.0f" }} events that arrived in the last hour. The log has the names. ` +
			`Map them in the mapping file, or list them there under silent_events.`},
}}

var webhookAlerts = group{name: "signalbox-webhooks", about: "Webhooks of CI systems that do not arrive, or whose secret is wrong.", rules: []rule{
	// The timestamp is 0 before the first delivery, also after a restart, hence the maximum
	// over a week. A CI system that was idle on the same day a week ago, such as a Sunday,
	// may be idle today.
	{alert: "SignalboxWebhookSilent", pending: "1h", severity: warning,
		expr: `time() - (max_over_time(signalbox_source_last_delivery_timestamp_seconds[7d]) > 0) > 86400
			and signalbox_source_last_delivery_timestamp_seconds
			unless on (instance, job, source) increase(signalbox_source_deliveries_total{outcome="accepted"}[1d] offset 1w) == 0`,
		summary: `Signalbox on {{ $labels.instance }} receives no webhooks from {{ $labels.source }}`,
		description: `The latest delivery from {{ $labels.source }} arrived {{ $value | humanizeDuration }} ago. ` +
			`Check in the settings of its webhook whether it was turned off, and why its latest deliveries failed.`},
	// Everyone who can connect can cause unauthorized deliveries. They are a problem if no
	// others arrive.
	{alert: "SignalboxWebhookUnauthorized", pending: "15m", severity: warning,
		expr: `sum without (outcome) (increase(signalbox_source_deliveries_total{outcome="unauthorized"}[1h])) > 5
			unless sum without (outcome) (increase(signalbox_source_deliveries_total{outcome=~"accepted|unmapped|duplicate|stale|ignored"}[1h])) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejects all webhooks from {{ $labels.source }}`,
		description: `In the last hour, {{ $value | printf "%.0f" }} deliveries from {{ $labels.source }} had no valid signature or token, and no others arrived. ` +
			`Compare the secret or token in the settings of the webhook with the file of --{{ $labels.source }}-secret-file or --{{ $labels.source }}-token-file. The log and the status page show where they come from.`},
}}

var seriesAlerts = group{name: "signalbox-series", about: "Metrics with too many series.", rules: []rule{
	{alert: "SignalboxSeriesLimitNear", pending: "15m", severity: warning,
		expr:    `signalbox_series / on (instance, job) group_left () signalbox_series_limit > 0.8`,
		summary: `{{ $labels.metric }} has reached {{ $value | humanizePercentage }} of its series limit`,
		description: `On {{ $labels.instance }}, {{ $labels.metric }} has {{ $value | humanizePercentage }} of the series that a metric may have. ` +
			`Find the label that keeps getting new values. Drop it, give the metric an idle TTL, or raise --prometheus-max-series-per-metric.`},
	{alert: "SignalboxSeriesOverflow", pending: "5m", severity: warning,
		expr:    `increase(signalbox_series_refused_total[15m]) > 0`,
		summary: `{{ $labels.metric }} has reached its series limit`,
		description: `On {{ $labels.instance }}, {{ $value | printf "%.0f" }} updates in the last 15 minutes were for new series of {{ $labels.metric }} beyond the limit. ` +
			`Counters and histograms count them under __overflow__; gauges lose them. Drop the label that keeps getting new values, or raise --prometheus-max-series-per-metric.`},
	{alert: "SignalboxAgentSeriesLimitNear", pending: "15m", severity: warning,
		expr:    `signalbox_agent_series / signalbox_agent_series_limit > 0.8`,
		summary: `Agents on {{ $labels.instance }} have reached {{ $value | humanizePercentage }} of their series limit`,
		description: `On {{ $labels.instance }}, agents have {{ $value | humanizePercentage }} of the series that they may have. ` +
			`Aggregate them (--agent-metrics-aggregate-by), or raise --agent-metrics-max-series.`},
}}

var pushAlerts = group{name: "signalbox-pushes", about: "Metrics that jobs and agents push.", rules: []rule{
	{alert: "SignalboxPushGroupsGrowing", pending: "1h", severity: warning,
		expr: `signalbox_push_groups > 1.5 * (signalbox_push_groups offset 1d)
			and signalbox_push_groups > (signalbox_push_groups offset 1d) + 100
			and increase(signalbox_push_groups_expired_total[1d]) == 0`,
		summary: `Signalbox on {{ $labels.instance }} has {{ $value }} pushed groups, and none expires`,
		description: `There are {{ $value }} groups, over 50% more than a day ago, and none has expired since then. Without a TTL they never expire: ` +
			`push with ?ttl=, set --push-ttl, or delete groups that are no longer needed.`},
	{alert: "SignalboxPushGroupsLimitNear", pending: "15m", severity: warning,
		expr:    `signalbox_push_groups / signalbox_push_groups_limit > 0.8`,
		summary: `Pushed groups on {{ $labels.instance }} have reached {{ $value | humanizePercentage }} of their limit`,
		description: `The number of pushed groups is at {{ $value | humanizePercentage }} of its limit. At the limit, Signalbox answers pushes of new groups with 429. ` +
			`Let groups expire (--push-ttl), delete some, or raise --push-max-groups.`},
	{alert: "SignalboxPushSeriesLimitNear", pending: "15m", severity: warning,
		expr:    `(signalbox_push_series + signalbox_push_sums) / signalbox_push_series_limit > 0.8`,
		summary: `Pushed series on {{ $labels.instance }} have reached {{ $value | humanizePercentage }} of their limit`,
		description: `Series in pushed groups, and the sums over them, are at {{ $value | humanizePercentage }} of their limit. At the limit, Signalbox answers pushes of new series with 429. ` +
			`Let groups expire (--push-ttl), aggregate them (--push-aggregate-by), or raise --push-max-series.`},
	{alert: "SignalboxPushesRejected", pending: "15m", severity: warning,
		expr:    `increase(signalbox_pushes_rejected_total{reason!="not_stored"}[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected {{ $value | printf "%.0f" }} pushes ({{ $labels.reason }}) in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} pushes in the last 15 minutes were rejected ({{ $labels.reason }}). ` +
			`The response to the client and the log show what is wrong with them.`},
	{alert: "SignalboxAgentMetricsRejected", pending: "15m", severity: warning,
		expr:    `increase(signalbox_agent_metrics_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected {{ $value | printf "%.0f" }} metrics of agents ({{ $labels.reason }}) in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} metrics of agents in the last 15 minutes were rejected ({{ $labels.reason }}). ` +
			`The response to the agent and the log show which ones and why.`},
	{alert: "SignalboxAgentUpdatesRejected", pending: "15m", severity: warning,
		expr:    `increase(signalbox_agent_updates_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejected {{ $value | printf "%.0f" }} updates of agents ({{ $labels.reason }}) in 15 minutes`,
		description: `{{ $value | printf "%.0f" }} updates of agents in the last 15 minutes were rejected as a whole ({{ $labels.reason }}). ` +
			`The response to the agent and the log show why: a base label is unknown or not valid, or the agent disconnected too early.`},
	{alert: "SignalboxPushStorageFailing", pending: "1m", severity: critical,
		expr:    `increase(signalbox_push_storage_flush_failures_total[5m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} cannot write pushes to disk`,
		description: `{{ $value | printf "%.0f" }} writes in the last five minutes failed. Signalbox answers pushes with 500, and tries to write them again every second. ` +
			`Check whether the disk is full or read-only.`},
	{alert: "SignalboxPushStorageDamaged", pending: "1m", severity: critical,
		expr:    `signalbox_push_storage_damaged == 1 or signalbox_push_storage_restore_failures_total > 0`,
		summary: `The storage file of pushed groups on {{ $labels.instance }} is damaged`,
		description: `Signalbox kept what it could read of the file. The log shows where the damaged file is, or which groups could not be restored. ` +
			`Check the disk. The alert resolves after the next start that finds no damage.`},
}}
