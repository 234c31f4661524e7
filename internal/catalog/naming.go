package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A Naming determines the names of the metrics of the catalog Concourse and of their
// labels. An event updates the same families in either naming. The zero value means
// Inherited.
type Naming string

// The namings. If a metric name occurs in both, it refers to the same family in both.
const (
	Inherited Naming = "inherited" // the names of Concourse's web node
	Modern    Naming = "modern"    // names that follow Prometheus' naming practices
)

// rename converts a rule from the inherited naming to its modern form.
func rename(r *rule.Rule) {
	if form, ok := modernForms[r.Metric]; ok {
		r.Metric = form.metric
		if form.seconds != nil {
			r.Divide, r.Buckets = 1000, slices.Clone(form.seconds)
			r.Help = strings.Replace(r.Help, "milliseconds", "seconds", 1)
		}
	}
	for i, l := range r.Labels {
		if name, ok := modernLabels[l.Name]; ok {
			r.Labels[i].Name = name
		}
	}
	slices.SortFunc(r.Labels, func(a, b rule.Label) int { return strings.Compare(a.Name, b.Name) })
}

// A modernForm describes how the modern form of a family differs from the inherited
// one.
type modernForm struct {
	metric string

	// seconds contains the buckets, in seconds, if the family is a histogram whose
	// inherited form observes milliseconds. It is nil for other families.
	seconds []float64
}

// workBuckets are the buckets for work of the web node, which normally takes
// milliseconds, but can take minutes if the database or a worker is slow.
var workBuckets = []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 300}

// modernForms maps the inherited names of families to their modern forms. Families
// whose inherited names already follow Prometheus' practices are not listed. They keep
// their names, so that as many dashboards and rules as possible work with both namings.
var modernForms = map[string]modernForm{
	"error_logs": {metric: "error_logs_total"},

	// Jobs and builds. builds_finished cannot become builds_finished_total, because
	// another family, without labels, has that name.
	"jobs_schedulingDuration":              {metric: "jobs_scheduling_duration_seconds", seconds: workBuckets},
	"builds_finished":                      {metric: "job_builds_finished_total"},
	"builds_latest_completed_build_status": {metric: "builds_latest_completed_status"},

	// Waiting for workers. These already observe seconds.
	"tasks_wait_duration": {metric: "tasks_wait_duration_seconds"},
	"steps_wait_duration": {metric: "steps_wait_duration_seconds"},

	// Volumes and caches.
	"volumes_volumes_streamed":              {metric: "volumes_streamed_total"},
	"volumes_volumes_streamed_via_fallback": {metric: "volumes_streamed_via_fallback_total"},
	"caches_get_step_cache_hits":            {metric: "caches_get_step_hits_total"},
	"caches_streamed_resource_caches":       {metric: "caches_streamed_total"},

	// Garbage collection.
	"volumes_orphaned_volumes_to_be_deleted":                 {metric: "volumes_orphaned_total"},
	"gc_creating_containers_to_be_garbage_collected":         {metric: "gc_creating_containers_found_total"},
	"gc_created_containers_to_be_garbage_collected":          {metric: "gc_created_containers_found_total"},
	"gc_failed_containers_to_be_garbage_collected":           {metric: "gc_failed_containers_found_total"},
	"gc_destroying_containers_to_be_garbage_collected":       {metric: "gc_destroying_containers_found_total"},
	"gc_created_volumes_to_be_garbage_collected":             {metric: "gc_created_volumes_found_total"},
	"gc_destroying_volumes_to_be_garbage_collected":          {metric: "gc_destroying_volumes_found_total"},
	"gc_failed_volumes_to_be_garbage_collected":              {metric: "gc_failed_volumes_found_total"},
	"gc_gc_build_collector_duration":                         {metric: "gc_build_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_worker_collector_duration":                        {metric: "gc_worker_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_resource_cache_use_collector_duration":            {metric: "gc_resource_cache_use_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_resource_config_collector_duration":               {metric: "gc_resource_config_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_resource_cache_collector_duration":                {metric: "gc_resource_cache_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_task_cache_collector_duration":                    {metric: "gc_task_cache_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_resource_config_check_session_collector_duration": {metric: "gc_resource_config_check_session_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_artifact_collector_duration":                      {metric: "gc_artifact_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_container_collector_duration":                     {metric: "gc_container_collector_duration_seconds", seconds: workBuckets},
	"gc_gc_volume_collector_duration":                        {metric: "gc_volume_collector_duration_seconds", seconds: workBuckets},
}

// Hint returns a suggestion to append to an error about an unknown metric: the metric
// that has this name in the other naming, the catalog that has it but is not selected,
// or the known metric with the most similar name, in this order. It returns an empty
// string if it finds none.
func Hint(metric string, known []string, selected []Name) string {
	for inherited, form := range modernForms {
		switch {
		case metric == inherited && slices.Contains(known, form.metric):
			return fmt.Sprintf(": with --prometheus-naming=modern, its name is %q", form.metric)
		case metric == form.metric && slices.Contains(known, inherited):
			return fmt.Sprintf(": with --prometheus-naming=inherited, its name is %q", inherited)
		}
	}
	if hint := metricHint(metric, selected); hint != "" {
		return ": " + hint
	}
	return spelling.Hint(metric, known)
}

// modernLabels maps the inherited names of labels to their modern names. A label has
// the same modern name in all families, so that queries can join them.
var modernLabels = map[string]string{
	"dbname":       "pool", // the attribute is the name of a connection pool
	"jobName":      "job",
	"pipelineName": "pipeline",
	"teamId":       "team_id",
	"teamName":     "team",
	"workerTags":   "worker_tags",
}
