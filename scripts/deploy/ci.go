package main

import "fmt"

// Regular expressions that match results. Runs, jobs and deployments that were canceled
// or skipped, or whose result is unknown, do not count in shares.
const (
	unsuccessful = `failure|error|timeout`
	decided      = `success|` + unsuccessful
)

// Matchers of labels of the catalog ci. ref_kind is empty for systems that do not
// report which branch is the default one, such as Concourse. tier is empty for systems
// that do not report tiers.
const (
	onDefault    = `ref_kind=~"default|"`
	inProduction = `tier=~"production|"`

	ofSystems      = `system=~"$system"`
	ofRepositories = ofSystems + `,repository=~"$repository"`
	ofClasses      = ofSystems + `,runner_class=~"$runner_class"`
	ofEnvironments = ofRepositories + `,environment=~"$environment"`
)

// The variables that several dashboards of the catalog ci share.
var (
	systemVariable = variable{
		name: "system", label: "System",
		query:       `label_values(ci_runs_finished_total, system)`,
		description: "CI systems that have finished runs.",
	}
	repositoryVariable = variable{
		name: "repository", label: "Repository",
		query:       `label_values(ci_runs_finished_total{` + ofSystems + `}, repository)`,
		description: "Repositories of the selected systems. For Concourse, these are its teams.",
	}
)

// shareOf returns a query for a part as a share of a whole that has the same labels. If
// the part is missing, the share is 0. If the whole is 0, the query returns nothing for
// it.
func shareOf(part, whole string) string {
	return fmt.Sprintf(`(%s or 0 * %s) / (%s > 0)`, part, whole, whole)
}

// ciRuns returns a query for the number of runs that finished in an hour, summed by
// labels, or in total if there are none.
func ciRuns(by, matchers string) string {
	return sumBy(by, `system_repository_pipeline_ref_kind_result:ci_runs_finished:increase1h{`+matchers+`}`)
}

func sumBy(by, expr string) string {
	if by != "" {
		by = "by (" + by + ") "
	}
	return fmt.Sprintf(`sum %s(%s)`, by, expr)
}

// quantileOf returns a query for a quantile of the observations of a histogram in a
// window, by labels. It counts the first observation of each series.
func quantileOf(q float64, by, histogram, matchers, window string) string {
	labels := "le"
	if by != "" {
		labels += ", " + by
	}
	return fmt.Sprintf(`histogram_quantile(%g, %s) >= 0`, q, increaseOf(labels, fmt.Sprintf(`%s_bucket{%s}`, histogram, matchers), window))
}

// meanOf returns a query for the mean of the observations of a histogram in a window, by
// labels.
func meanOf(by, histogram, matchers, window string) string {
	return fmt.Sprintf(`%s / (%s > 0)`,
		increaseOf(by, fmt.Sprintf(`%s_sum{%s}`, histogram, matchers), window),
		increaseOf(by, fmt.Sprintf(`%s_count{%s}`, histogram, matchers), window))
}
