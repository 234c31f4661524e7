package main

import (
	"fmt"
	"slices"
	"strings"
)

// unusual is where a record is far from its own past: above the mean of the week by a
// factor, by three standard deviations, and by an amount that matters. Without a past
// that goes back a day, nothing is unusual.
func unusual(record string, factor, amount float64, conditions ...string) string {
	past := []string{
		fmt.Sprintf(`%s > %s_avg1w + %g`, record, record, amount),
		fmt.Sprintf(`%s > %s_avg1w + 3 * %s_stddev1w`, record, record, record),
		fmt.Sprintf(`%s > %g * %s_avg1w`, record, factor, record),
		fmt.Sprintf(`%s_avg1w offset 1d`, record),
	}
	if factor == 1 {
		past = slices.Delete(past, 2, 3) // said already
	}
	return strings.Join(append(past, conditions...), " and ")
}

// busy is where a pipeline has enough builds for its numbers to say something: five in
// the hour, and some fifty in the week.
var busy = []string{
	`team_pipeline:builds_finished:increase1h >= 5`,
	`team_pipeline:builds_finished:increase1h_avg1w >= 0.3`,
}

func alertGroups() []group {
	return []group{buildAlerts, workerAlerts, targetAlerts, eventAlerts, seriesAlerts, pushAlerts}
}

var buildAlerts = group{name: "ci-builds", about: "How builds end and how long they take and wait, each pipeline compared with its own past week.", rules: []rule{
	{alert: "CIBuildsFailing", lasting: "15m", severity: warning,
		expr:    unusual("team_pipeline:builds_unsuccessful:ratio1h", 1, .2, busy...),
		summary: `Builds of {{ $labels.team }}/{{ $labels.pipeline }} fail more than usual`,
		description: `{{ $value | humanizePercentage }} of the last hour's builds of {{ $labels.team }}/{{ $labels.pipeline }} failed or errored, ` +
			`far more than in the past week. If errored ones are among them, look at the workers first, otherwise at what was changed.`},
	{alert: "CIBuildsErroring", lasting: "15m", severity: critical,
		expr: `sum(increase(builds_errored_total[1h])) / sum(increase(builds_finished_total[1h])) > 0.1
			and sum(increase(builds_finished_total[1h])) >= 20`,
		summary: `{{ $value | humanizePercentage }} of all builds error`,
		description: `{{ $value | humanizePercentage }} of the last hour's builds ended errored: not their code but the CI system failed. ` +
			`Look at the workers, and at the web nodes' error log.`},
	{alert: "CIBuildsSlow", lasting: "30m", severity: warning,
		expr:    unusual("team_pipeline:builds_duration_seconds:mean1h", 1.5, 60, busy...),
		summary: `Builds of {{ $labels.team }}/{{ $labels.pipeline }} take longer than usual`,
		description: `The last hour's builds of {{ $labels.team }}/{{ $labels.pipeline }} took {{ $value | humanizeDuration }} on average, ` +
			`more than one and a half times of what they took in the past week. Look at the load of the workers, and at how long steps wait.`},
	{alert: "CISchedulingSlow", lasting: "15m", severity: warning,
		expr: unusual("pipeline:jobs_scheduling_duration_seconds:mean15m", 2, 5,
			`pipeline:jobs_scheduling_duration_seconds:count15m >= 5`),
		summary: `Jobs of {{ $labels.pipeline }} take longer to schedule than usual`,
		description: `The scheduler takes {{ $value | humanizeDuration }} on average for a job of {{ $labels.pipeline }} (all pipelines of this name: ` +
			`the team is not known), more than twice of what it took in the past week. Look at the database, and at jobs with very many inputs.`},
	{alert: "CIStepsQueueing", lasting: "15m", severity: warning,
		expr: unusual("team_type:steps_wait_duration_seconds:mean15m", 2, 60,
			`team_type:steps_wait_duration_seconds:count15m >= 5`),
		summary: `Steps ({{ $labels.type }}) of {{ $labels.team }} wait longer for a worker than usual`,
		description: `Steps of type {{ $labels.type }} of team {{ $labels.team }} wait {{ $value | humanizeDuration }} on average for a worker, ` +
			`more than twice of what they waited in the past week. Add workers, or look why there are fewer.`},
	{alert: "CIStepsStuck", lasting: "30m", severity: warning,
		expr:    `platform_tags_team:steps_waiting:min5m > 0 unless platform_tags_team:steps_wait_duration_seconds:count5m > 0`,
		summary: `Steps of {{ $labels.team }} wait for a worker, and none gets one`,
		description: `{{ $value }} steps of team {{ $labels.team }} wait for a worker (platform "{{ $labels.platform }}", tags "{{ $labels.tags }}"), ` +
			`and none got one for half an hour. Look whether the team has such a worker, and whether something that hangs takes all of them.`},
}}

var workerAlerts = group{name: "ci-workers", about: "Workers that are silent, or gone. Adapt the two minutes and the 30 % to how you run workers.", rules: []rule{
	{alert: "CIWorkerStale", lasting: "1m", severity: info,
		expr:    `time() - worker:workers_last_seen_timestamp_seconds:max > 120`,
		summary: `Worker {{ $labels.worker }} has not been heard of for {{ $value | humanizeDuration }}`,
		description: `The last heartbeat of worker {{ $labels.worker }} was {{ $value | humanizeDuration }} ago, on whichever web node. ` +
			`Beyond the staleness limit its series are dropped, and this alert ends. If nobody removed it, look whether it runs and reaches a web node.`},
	{alert: "CIWorkersStalled", lasting: "15m", severity: warning,
		expr:    `max(workers_registered{state="stalled"}) > 0`,
		summary: `{{ $value }} workers are stalled`,
		description: `{{ $value }} workers registered and do not heartbeat any more. Restart those that should be there, ` +
			`and prune the others (fly prune-worker). Where web nodes take turns at telling, one may say what was: see the runbook.`},
	{alert: "CIWorkersLost", lasting: "10m", severity: critical,
		expr:    `all:workers:count < 0.7 * quantile_over_time(0.5, all:workers:count[1d])`,
		summary: `There are {{ $value }} workers left, over 30 % fewer than usual`,
		description: `There are {{ $value }} workers, less than 70 % of the median of the last day. Look for what they have in common that are gone: ` +
			`a host, a zone, a version, the key that they register with.`},
	// What was there for most of the day is missed. The count of a platform without workers
	// ends, and all count as long as there is a Signalbox.
	{alert: "CIPlatformLost", lasting: "10m", severity: critical,
		expr: `quantile_over_time(0.5, platform:workers:count[1d])
			and count_over_time(platform:workers:count[1d]) > on () group_left () 0.5 * count_over_time(all:workers:count[1d])
			unless platform:workers:count
			and on () all:workers:count > 0`,
		summary: `There are no workers for {{ $labels.platform }}`,
		description: `No worker of the platform {{ $labels.platform }} is left, and there were {{ $value | printf "%.0f" }} for most of the last day. ` +
			`What needs that platform waits. Look for what they have in common: a host, a zone, an image.`},
	{alert: "CIWorkersGone", lasting: "5m", severity: critical,
		expr:    `all:workers:count == 0 and max_over_time(all:workers:count[1d]) > 0`,
		summary: `There are no workers`,
		description: `No web node has heard of any worker for the staleness limit, and within a day there were some. Nothing can be built. ` +
			`Look whether web nodes can be reached by workers, and whether their events still arrive (SignalboxNoEvents).`},
}}

var targetAlerts = group{name: "signalbox-targets", about: "Whether there is a Signalbox, and whether it serves all scrapes with the mapping it was given.", rules: []rule{
	{alert: "SignalboxDown", lasting: "5m", severity: critical,
		expr:    `up == 0 and on (instance, job) last_over_time(signalbox_build_info[1d])`,
		summary: `Signalbox on {{ $labels.instance }} does not answer`,
		description: `Prometheus cannot scrape {{ $labels.instance }} (job {{ $labels.job }}). Look whether the process runs, ` +
			`and at the target's error in Prometheus.`},
	{alert: "SignalboxAbsent", lasting: "10m", severity: critical,
		expr:    `absent(signalbox_build_info)`,
		summary: `There is no Signalbox`,
		description: `Prometheus has no target that is Signalbox, so none of its other alerts can fire. Look at the targets ` +
			`and at the scrape configuration.`},
	{alert: "SignalboxScrapesRefused", lasting: "5m", severity: warning,
		expr:    `increase(signalbox_scrapes_refused_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} refuses scrapes`,
		description: `{{ $value | printf "%.0f" }} scrapes in a quarter of an hour found too many under way. Find who scrapes too often or reads too slowly, ` +
			`or raise --prometheus-max-scrapes-in-flight.`},
	{alert: "SignalboxMappingReloadFailed", lasting: "5m", severity: warning,
		expr:    `signalbox_mapping_last_reload_successful == 0`,
		summary: `Signalbox on {{ $labels.instance }} could not reload its mapping file`,
		description: `The mapping file was refused, so what was loaded before is still in force. The log says what is wrong; ` +
			`signalbox check tells it too.`},
}}

var eventAlerts = group{name: "signalbox-events", about: "Events that do not become metrics.", rules: []rule{
	{alert: "SignalboxNoEvents", lasting: "10m", severity: critical,
		expr:    `rate(signalbox_events_received_total[5m]) == 0 and increase(signalbox_events_received_total[1d]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} receives no events`,
		description: `There were events within a day, and {{ $value }} a second for five minutes. A scheduler that runs always sends some: ` +
			`look whether it does, and whether it reaches the intake.`},
	{alert: "SignalboxInputEnded", lasting: "2m", severity: warning,
		expr:    `signalbox_input_up == 0`,
		summary: `Standard input of Signalbox on {{ $labels.instance }} has ended`,
		description: `What Signalbox on {{ $labels.instance }} reads events from has ended, and it waits for others that may never come. ` +
			`Look what became of the program before the pipe, and start both again.`},
	{alert: "SignalboxInputWithoutEvents", lasting: "5m", severity: warning,
		expr: `sum without (outcome) (increase(signalbox_input_lines_total{outcome=~"rejected|skipped"}[15m])) > 0
			and sum without (outcome) (increase(signalbox_input_lines_total{outcome=~"known|unknown"}[15m])) == 0`,
		summary: `No line on standard input of Signalbox on {{ $labels.instance }} is an event`,
		description: `{{ $value | humanize }} lines came in a quarter of an hour, and none was an event. The web node has to run with ` +
			`CONCOURSE_EMIT_TO_LOGS=true and CONCOURSE_LOG_LEVEL=debug, and nothing may be put before its lines.`},
	{alert: "SignalboxEventsDropped", lasting: "5m", severity: warning,
		expr:    `increase(signalbox_emitter_events_dropped_total[15m]) > 0`,
		summary: `The emitter {{ $labels.emitter }} on {{ $labels.instance }} drops events`,
		description: `{{ $value | printf "%.0f" }} events in a quarter of an hour found the queue of {{ $labels.emitter }} full. ` +
			`Find what makes it slow, or raise --buffer-size.`},
	{alert: "SignalboxQueueNearlyFull", lasting: "5m", severity: warning,
		expr:    `signalbox_emitter_queue_length / (signalbox_emitter_queue_capacity > 0) > 0.8`,
		summary: `The queue of {{ $labels.emitter }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full`,
		description: `{{ $value | humanizePercentage }} of the queue of {{ $labels.emitter }} is taken. Once it is full, events are dropped; ` +
			`find what makes the emitter slow.`},
	{alert: "SignalboxEventsRejected", lasting: "15m", severity: warning,
		expr:    `increase(signalbox_events_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejects events ({{ $labels.reason }})`,
		description: `{{ $value | printf "%.0f" }} events in a quarter of an hour were rejected for at least one metric ({{ $labels.reason }}). ` +
			`The log has the events' names, and what is missing or wrong.`},
	{alert: "SignalboxEventsUnknown", lasting: "1h", severity: info,
		expr:    `increase(signalbox_events_unknown_total[1h]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} gets events that no rule knows`,
		description: `{{ $value | printf "%.0f" }} events in an hour have a name that no rule knows. The log has the names. ` +
			`Map them in a mapping file, or name them there as silent.`},
}}

var seriesAlerts = group{name: "signalbox-series", about: "Metrics with too many series.", rules: []rule{
	{alert: "SignalboxSeriesLimitNear", lasting: "15m", severity: warning,
		expr:    `signalbox_series / on (instance, job) group_left () signalbox_series_limit > 0.8`,
		summary: `{{ $labels.metric }} has {{ $value | humanizePercentage }} of the series it may have`,
		description: `On {{ $labels.instance }}, {{ $labels.metric }} has {{ $value | humanizePercentage }} of the series that a metric may have. ` +
			`Find the label that grows, drop it or give the metric an idle TTL, or raise --prometheus-max-series-per-metric.`},
	{alert: "SignalboxSeriesOverflow", lasting: "5m", severity: warning,
		expr:    `increase(signalbox_series_refused_total[15m]) > 0`,
		summary: `{{ $labels.metric }} has no room for more series`,
		description: `On {{ $labels.instance }}, {{ $value | printf "%.0f" }} updates in a quarter of an hour were for series of {{ $labels.metric }} beyond the limit. ` +
			`Counters and histograms count them under __overflow__, gauges lose them. Drop the label that grows, or raise --prometheus-max-series-per-metric.`},
	{alert: "SignalboxAgentSeriesLimitNear", lasting: "15m", severity: warning,
		expr:    `signalbox_agent_series / signalbox_agent_series_limit > 0.8`,
		summary: `Agents have {{ $value | humanizePercentage }} of the series they may have`,
		description: `On {{ $labels.instance }}, series of agents are at {{ $value | humanizePercentage }} of their limit. ` +
			`Aggregate them (--agent-metrics-aggregate-by), or raise --agent-metrics-max-series.`},
}}

var pushAlerts = group{name: "signalbox-pushes", about: "What jobs and agents push.", rules: []rule{
	{alert: "SignalboxPushGroupsGrowing", lasting: "1h", severity: warning,
		expr: `signalbox_push_groups > 1.5 * (signalbox_push_groups offset 1d)
			and signalbox_push_groups > (signalbox_push_groups offset 1d) + 100
			and increase(signalbox_push_groups_expired_total[1d]) == 0`,
		summary: `Groups of pushed metrics grow on {{ $labels.instance }}, and none expires`,
		description: `There are {{ $value }} groups, over half more than a day ago, and none expired since. They stay for ever: ` +
			`push with ?ttl=, set --push-ttl, or delete groups that are done with.`},
	{alert: "SignalboxPushGroupsLimitNear", lasting: "15m", severity: warning,
		expr:    `signalbox_push_groups / signalbox_push_groups_limit > 0.8`,
		summary: `There are {{ $value | humanizePercentage }} of the groups that there may be on {{ $labels.instance }}`,
		description: `Groups of pushed metrics are at {{ $value | humanizePercentage }} of their limit; beyond it pushes are answered 429. ` +
			`Let groups expire (--push-ttl), delete some, or raise --push-max-groups.`},
	{alert: "SignalboxPushSeriesLimitNear", lasting: "15m", severity: warning,
		expr:    `(signalbox_push_series + signalbox_push_sums) / signalbox_push_series_limit > 0.8`,
		summary: `Pushed series are at {{ $value | humanizePercentage }} of their limit on {{ $labels.instance }}`,
		description: `Series of groups and sums of them are at {{ $value | humanizePercentage }} of their limit; beyond it pushes are answered 429. ` +
			`Let groups expire (--push-ttl), aggregate them (--push-aggregate-by), or raise --push-max-series.`},
	{alert: "SignalboxPushesRejected", lasting: "15m", severity: warning,
		expr:    `increase(signalbox_pushes_rejected_total{reason!="not_stored"}[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejects pushes ({{ $labels.reason }})`,
		description: `{{ $value | printf "%.0f" }} pushes in a quarter of an hour were refused ({{ $labels.reason }}). ` +
			`The answer to the client, and the log, say what is wrong with them.`},
	{alert: "SignalboxAgentMetricsRejected", lasting: "15m", severity: warning,
		expr:    `increase(signalbox_agent_metrics_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejects metrics of agents ({{ $labels.reason }})`,
		description: `{{ $value | printf "%.0f" }} metrics of agents in a quarter of an hour were refused ({{ $labels.reason }}). ` +
			`The answer to the agent, and the log, say which and why.`},
	{alert: "SignalboxAgentUpdatesRejected", lasting: "15m", severity: warning,
		expr:    `increase(signalbox_agent_updates_rejected_total[15m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} rejects updates of agents ({{ $labels.reason }})`,
		description: `{{ $value | printf "%.0f" }} updates of agents in a quarter of an hour were refused as a whole ({{ $labels.reason }}). ` +
			`The answer to the agent says why: base labels that are missing, unknown or not valid, or an agent that went away too early.`},
	{alert: "SignalboxPushStorageFailing", lasting: "1m", severity: critical,
		expr:    `increase(signalbox_push_storage_flush_failures_total[5m]) > 0`,
		summary: `Signalbox on {{ $labels.instance }} cannot bring pushes to disk`,
		description: `{{ $value | printf "%.0f" }} attempts in five minutes failed, and pushes are answered 500. They are tried again every second. ` +
			`Look whether the disk is full or read-only.`},
	{alert: "SignalboxPushStorageDamaged", lasting: "1m", severity: critical,
		expr:    `signalbox_push_storage_damaged == 1 or signalbox_push_storage_restore_failures_total > 0`,
		summary: `The file with pushed groups on {{ $labels.instance }} is damaged`,
		description: `What could be read of it was kept, and the log says where the damaged file is or which groups could not be restored. ` +
			`Look at the disk; the alert ends with the next start that finds nothing wrong.`},
}}
