package main

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

var _ = Describe("Translating a query", func() {
	var inherited, modern *language

	BeforeEach(func() {
		var err error
		inherited, err = newLanguage(catalog.Inherited, "concourse")
		Expect(err).NotTo(HaveOccurred())
		modern, err = newLanguage(catalog.Modern, "ci")
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("keeps the inherited names, and translates them into the modern naming", func(query, wantInherited, wantModern string) {
		for l, want := range map[*language]string{inherited: wantInherited, modern: wantModern} {
			translated, _, err := l.translate(query)
			Expect(err).NotTo(HaveOccurred())
			Expect(strings.Join(strings.Fields(translated), " ")).To(Equal(want))
		}
	},
		Entry("names", `error_logs`, `concourse_error_logs`, `ci_error_logs_total`),
		Entry("histograms", `steps_wait_duration_bucket`, `concourse_steps_wait_duration_bucket`, `ci_steps_wait_duration_seconds_bucket`),
		Entry("labels of selectors", `steps_waiting{teamName=~"$team"}`,
			`concourse_steps_waiting{teamName=~"$team"}`, `ci_steps_waiting{team=~"$team"}`),
		Entry("labels of aggregations", `sum by (teamName, type) (rate(steps_wait_duration_count[5m]))`,
			`sum by (teamName, type) (rate(concourse_steps_wait_duration_count[5m]))`,
			`sum by (team, type) (rate(ci_steps_wait_duration_seconds_count[5m]))`),
		Entry("labels of matches", `steps_waiting and on (teamName) steps_wait_duration_count`,
			`concourse_steps_waiting and on (teamName) concourse_steps_wait_duration_count`,
			`ci_steps_waiting and on (team) ci_steps_wait_duration_seconds_count`),
		Entry("milliseconds", `rate(gc_gc_build_collector_duration_sum[$__rate_interval]) / 1000`,
			`rate(concourse_gc_gc_build_collector_duration_sum[$__rate_interval]) / 1000`,
			`rate(ci_gc_build_collector_duration_seconds_sum[$__rate_interval])`),
		Entry("a value that is already in seconds", `builds_duration_seconds_sum / 1000`,
			`concourse_builds_duration_seconds_sum / 1000`, `ci_builds_duration_seconds_sum / 1000`),
		Entry("label_replace that one naming does not need", `sum by (team) (label_replace(steps_waiting, "team", "$1", "teamName", "(.*)"))`,
			`sum by (team) (label_replace(concourse_steps_waiting, "team", "$1", "teamName", "(.*)"))`,
			`sum by (team) (ci_steps_waiting)`),
		Entry("label_replace that both namings need", `label_replace(steps_waiting, "teamName", "all", "teamName", "")`,
			`label_replace(concourse_steps_waiting, "teamName", "all", "teamName", "")`,
			`label_replace(ci_steps_waiting, "teamName", "all", "team", "")`),
		Entry("recorded series", `team:builds_finished:rate5m`, `team:concourse_builds_finished:rate5m`, `team:ci_builds_finished:rate5m`),
		Entry("metrics outside the catalog", `up{job="signalbox"}`, `up{job="signalbox"}`, `up{job="signalbox"}`),
	)

	DescribeTable("rejects", func(query, why string) {
		for _, l := range []*language{inherited, modern} {
			_, _, err := l.translate(query)
			Expect(err).To(MatchError(ContainSubstring(why)))
		}
	},
		Entry("unknown metrics", `build_finished`, `build_finished is not a series of the inherited catalog`),
		Entry("a histogram without suffix", `builds_duration_seconds`, `builds_duration_seconds is not a series`),
		Entry("milliseconds", `rate(jobs_schedulingDuration_sum[5m])`, `divide by 1000`),
		Entry("a comparison in milliseconds", `jobs_schedulingDuration_sum > 5`, `the left side of ">" is in milliseconds`),
		Entry("a sum of seconds and milliseconds", `1 + jobs_schedulingDuration_sum`, `the right side of "+" is in milliseconds`),
	)

	It("translates legends and variables", func() {
		_, t, err := modern.translate(`max by (jobName) (builds_latest_completed_build_status)`)
		Expect(err).NotTo(HaveOccurred())
		Expect(t.legend("job {{jobName}}")).To(Equal("job {{job}}"))
		Expect(modern.translateVariable(`label_values(steps_waiting{type="task"}, teamName)`)).
			To(Equal(`label_values(ci_steps_waiting{type="task"}, team)`))
		Expect(modern.translateVariable(`metrics(.*)`)).Error().To(MatchError(ContainSubstring("expected label_values")))
	})
})
