package catalog

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// Upper bounds of buckets, in seconds.
var (
	runTimeBuckets   = []float64{10, 30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 14400, 21600}
	queueTimeBuckets = []float64{1, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400}
	leadTimeBuckets  = []float64{300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800, 1209600}
)

const (
	// renamedAfter is the idle TTL of families, so that the series of pipelines and
	// environments that were renamed or removed disappear.
	renamedAfter = 7 * 24 * time.Hour

	// InactiveAfter is the idle TTL of gauges of current activity. Sources set values
	// other than 0 again and again, and 0 once: the series then stays at 0 for an hour.
	InactiveAfter = time.Hour
)

// ci contains the rules for the events of any CI system. The names are the same in both
// namings. No label has an unlimited number of values by default: branches, commits,
// jobs, runners and IDs are for exemplars and for mapping files.
var ci = describe(inNamespace(CI, []rule.Rule{
	// Runs.
	{Event: "ci run queued", Metric: "runs_queued_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of runs queued.", Labels: ciLabels("pipeline", "repository", "system")},
	{Event: "ci run started", Metric: "runs_started_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of runs started.", Labels: ciLabels("pipeline", "repository", "system")},
	{Event: "ci run finished", Metric: "runs_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of runs finished, by result.", Labels: ciLabels("pipeline", "ref_kind", "repository", "result", "system")},
	runErrors("failure"),
	runErrors("error"),
	runErrors("timeout"),
	{Event: "ci run queue time", Metric: "run_queue_duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that runs waited before they started, in seconds.", Labels: ciLabels("pipeline", "repository", "system"), Buckets: queueTimeBuckets},
	{Event: "ci run time", Metric: "run_duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time from the start to the end of runs, in seconds.", Labels: ciLabels("pipeline", "repository", "result", "system"), Buckets: runTimeBuckets,
		Exemplar: []rule.ExemplarLabel{{Name: "run_id", Attribute: "run_id"}}},
	{Event: "ci runs active", Metric: "runs_active", Type: rule.Gauge, Operation: rule.Set, IdleTTL: InactiveAfter,
		Help: "Number of runs that have not finished, by state.", Labels: ciLabels("state", "system")},

	// Jobs.
	{Event: "ci job finished", Metric: "jobs_finished_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of jobs finished, by result.", Labels: ciLabels("pipeline", "repository", "result", "retry", "runner_class", "system")},
	{Event: "ci job queue time", Metric: "job_queue_duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time that jobs waited for a runner, in seconds.", Labels: ciLabels("runner_class", "system"), Buckets: queueTimeBuckets},
	{Event: "ci job run time", Metric: "job_duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time from the start to the end of jobs, in seconds.", Labels: ciLabels("repository", "result", "runner_class", "system"), Buckets: runTimeBuckets,
		Exemplar: []rule.ExemplarLabel{{Name: "job_id", Attribute: "job_id"}}},
	{Event: "ci jobs active", Metric: "jobs_active", Type: rule.Gauge, Operation: rule.Set, IdleTTL: InactiveAfter,
		Help: "Number of jobs that have not finished, by state.", Labels: ciLabels("runner_class", "state", "system")},
	{Event: "ci oldest job waiting", Metric: "oldest_job_waiting_seconds", Type: rule.Gauge, Operation: rule.Set, IdleTTL: InactiveAfter,
		Help: "Time that the oldest waiting job has waited for a runner, in seconds.", Labels: ciLabels("runner_class", "system")},
	{Event: "ci tests finished", Metric: "tests_total", Type: rule.Counter, Operation: rule.Add,
		Help: "Number of tests finished, by outcome.", Labels: ciLabels("outcome", "repository", "system")},

	// Workers.
	{Event: "ci workers", Metric: "workers", Type: rule.Gauge, Operation: rule.Set, IdleTTL: InactiveAfter,
		Help: "Number of workers, by state.", Labels: ciLabels("queue", "state", "system")},
	{Event: "ci worker lost", Metric: "workers_lost_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of workers that disappeared without signing off.", Labels: ciLabels("queue", "system")},

	// Deployments and incidents.
	{Event: "ci deployment finished", Metric: "deployments_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of deployments finished, by result.", Labels: ciLabels("environment", "repository", "result", "system", "tier")},
	{Event: "ci deployment run time", Metric: "deployment_duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time from the start to the end of deployments, in seconds.", Labels: ciLabels("environment", "repository", "system"), Buckets: runTimeBuckets},
	{Event: "ci last deployment", Metric: "last_deployment_timestamp_seconds", Type: rule.Gauge, Operation: rule.Set,
		Help: "Time of the last successful deployment, in seconds since the Unix epoch.", Labels: ciLabels("environment", "repository", "system")},
	{Event: "ci change lead time", Metric: "change_lead_time_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time from commits to their successful deployments, in seconds.", Labels: ciLabels("environment", "repository", "system"), Buckets: leadTimeBuckets},
	{Event: "ci incident opened", Metric: "incidents_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of incidents.", Labels: ciLabels("environment", "service", "system")},
	{Event: "ci incident time to restore", Metric: "incident_time_to_restore_seconds", Type: rule.Histogram, Operation: rule.Observe,
		Help: "Time from the beginning of incidents to their resolution, in seconds.", Labels: ciLabels("environment", "service", "system"), Buckets: leadTimeBuckets},
}), ciEvents)

// runErrors counts runs with one of the results that mean that something went wrong.
func runErrors(result string) rule.Rule {
	return rule.Rule{Event: "ci run finished", Metric: "run_errors_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Number of runs that failed, could not be run or timed out, by type of error.",
		When: &rule.Condition{Attribute: "result", Value: result}, Labels: ciLabels("error_type", "pipeline", "repository", "system")}
}

// ciLabels returns labels with the names of their attributes. The system, and what a
// family is divided by, must not be empty.
func ciLabels(names ...string) (labels []rule.Label) {
	for _, name := range names {
		l := rule.Label{Name: name, Attribute: name}
		if slices.Contains([]string{"system", "result", "state", "outcome"}, name) {
			l.Required = rule.NonEmpty
		}
		labels = append(labels, l)
	}
	return labels
}

// inNamespace sets what the rules of the catalog have in common.
func inNamespace(name Name, rules []rule.Rule) []rule.Rule {
	for i := range rules {
		r := &rules[i]
		r.Namespace = string(name)
		r.NativeHistogram = r.Type == rule.Histogram
		if r.IdleTTL == 0 {
			r.IdleTTL = renamedAfter
		}
	}
	return rules
}

// concourseAsCI contains rules for events of Concourse that update families of ci. They
// apply only if both catalogs are selected. A build is a run: its team is the
// repository, because the name of a pipeline is unique only in its team. The steps of a
// build wait for workers as jobs of other systems wait for runners, so they are the
// jobs, with the tags of the worker as the class of the runner. Gauges of which
// Concourse reports several values for one series of ci are omitted.
var concourseAsCI = describe([]rule.Rule{
	asCI("builds started", "runs_started_total", rule.Rule{Operation: rule.Add}),
	asCI("builds running", "runs_active", rule.Rule{Operation: rule.Set}, instead("state", "executing")),
	asCI("build finished", "runs_finished_total", rule.Rule{Operation: rule.Inc}),
	asCI("build finished", "run_errors_total", rule.Rule{Operation: rule.Inc, When: statusIs("failed")}),
	asCI("build finished", "run_errors_total", rule.Rule{Operation: rule.Inc, When: statusIs("errored")}),
	asCI("build finished", "run_duration_seconds", rule.Rule{Operation: rule.Observe, Divide: 1000,
		Exemplar: []rule.ExemplarLabel{{Name: "run_id", Attribute: "build_id"}}}),
	asCI("steps waiting duration", "job_queue_duration_seconds", rule.Rule{Operation: rule.Observe}),
	asCI("worker state", "workers", rule.Rule{Operation: rule.Set, When: &rule.Condition{Attribute: "state", Value: "running"}}, always("state", "state", "available")),
	asCI("worker state", "workers", rule.Rule{Operation: rule.Set, When: &rule.Condition{Attribute: "state", Value: "stalled"}}, always("state", "state", "offline")),
}, concourseEvents)

// concourseLabels are the labels of ci whose values Concourse's events have under other
// names, or not at all.
var concourseLabels = []rule.Label{
	instead("system", "concourse"),
	{Name: "repository", Attribute: "team_name"},
	{Name: "runner_class", Attribute: "workerTags"},
	{Name: "result", Attribute: "build_status", Required: rule.Present, Replace: buildResults},
	always("error_type", "build_status", "_OTHER"),
}

// buildResults are the results in the catalog ci for the statuses of Concourse's
// builds.
var buildResults = []rule.Replacement{
	{Match: "succeeded", With: "success"}, {Match: "failed", With: "failure"},
	{Match: "errored", With: "error"}, {Match: "aborted", With: "cancellation"},
}

// ResultOfBuild returns the result in the catalog ci for the status of a build of
// Concourse, or an empty string if the status is unknown.
func ResultOfBuild(status string) string {
	for _, r := range buildResults {
		if r.Match == status {
			return r.With
		}
	}
	return ""
}

// instead returns a label with a fixed value for events without the attribute.
func instead(name, value string) rule.Label {
	return rule.Label{Name: name, Attribute: name, Replace: []rule.Replacement{{Match: "", With: value}}}
}

// always returns a label with a fixed value, whatever the value of the attribute. An
// attribute that other rules for the event use costs nothing.
func always(name, attribute, value string) rule.Label {
	return rule.Label{Name: name, Attribute: attribute, Replace: []rule.Replacement{{Match: ".*", With: value}}}
}

// asCI returns a rule for an event of Concourse that updates a family of ci. update
// contains what the rule does not have in common with the other rules of the family.
// labels replace those of concourseLabels.
func asCI(event, metric string, update rule.Rule, labels ...rule.Label) rule.Rule {
	family := ci[slices.IndexFunc(ci, func(r rule.Rule) bool { return r.Metric == metric })].Clone()
	update.Event, update.Metric, update.Namespace = event, metric, family.Namespace
	update.Type, update.Help, update.IdleTTL = family.Type, family.Help, family.IdleTTL
	update.Buckets, update.NativeHistogram = family.Buckets, family.NativeHistogram
	for _, l := range family.Labels {
		known := slices.Concat(labels, concourseLabels)
		if i := slices.IndexFunc(known, func(k rule.Label) bool { return k.Name == l.Name }); i >= 0 {
			l = known[i]
		}
		update.Labels = append(update.Labels, l)
	}
	return update
}
