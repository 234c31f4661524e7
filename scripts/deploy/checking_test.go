package main

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Checking queries", func() {
	v := vocabulary{}
	v.add("builds_total", false, "team", "status")
	v.add("seconds", true, "team")
	v.add("info", false, "version")

	DescribeTable("accepts existing metrics and labels", func(query string, labels ...string) {
		has, err := v.check(query)
		Expect(err).NotTo(HaveOccurred())
		Expect(has).To(Equal(labelsOf(labels...)))
	},
		Entry("a selector", `builds_total{status="failed"}`, "team", "status", "instance", "job"),
		Entry("an aggregation", `sum by (team) (rate(builds_total[$__rate_interval]))`, "team"),
		Entry("without", `sum without (instance, job) (builds_total)`, "team", "status"),
		Entry("a quantile", `histogram_quantile(0.9, sum by (le, team) (rate(seconds_bucket[5m])))`, "team"),
		Entry("a join", `builds_total * on (instance) group_left (version) info`, "team", "status", "instance", "job", "version"),
		Entry("a match", `sum by (team) (builds_total) / on (team) sum by (team) (seconds_count)`, "team"),
		Entry("a set operator", `topk(3, builds_total) and on (instance) info`, "team", "status", "instance", "job"),
		Entry("label_replace", `sum by (crew) (label_replace(builds_total, "crew", "$1", "team", "(.*)"))`, "crew"),
		Entry("numbers", `time() - 5`),
	)

	DescribeTable("rejects unknown metrics and labels", func(query, why string) {
		_, err := v.check(query)
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("a misspelled metric", `sum(rate(build_total[5m]))`, `unknown metric "build_total"`),
		Entry("a histogram by the name of its family", `rate(seconds[5m])`, `unknown metric "seconds"`),
		Entry("a misspelled label", `builds_total{state="failed"}`, `got the label "state", expected one of ["instance" "job" "status" "team"]`),
		Entry("a misspelled label of by", `sum by (teem) (builds_total)`, `"teem"`),
		Entry("a misspelled label of without", `sum without (teem) (builds_total)`, `"teem"`),
		Entry("a misspelled label of on", `builds_total and on (host) info`, `"host"`),
		Entry("a label of on that is missing on one side", `builds_total / on (team) group_left () info`, `"team"`),
		Entry("a misspelled label of group_left", `builds_total * on (instance) group_left (release) info`, `"release"`),
		Entry("a label that is summed away", `sum by (status) (sum by (team) (builds_total))`, `"status"`),
		Entry("a quantile without buckets", `histogram_quantile(0.9, sum by (team) (rate(seconds_bucket[5m])))`, `"le"`),
		Entry("a misspelled label to replace", `label_replace(builds_total, "crew", "$1", "teem", "(.*)")`, `"teem"`),
		Entry("sides that never match", `sum by (team) (builds_total) / sum(builds_total)`, `never matches`),
	)

	It("checks the labels of legends, annotations and variables", func() {
		has := labelsOf("team")
		Expect(checkLegend("{{team}} of all", has)).To(Succeed())
		Expect(checkLegend("{{teem}}", has)).To(MatchError(ContainSubstring(`"teem"`)))
		Expect(checkTemplate("Team {{ $labels.team }}: {{ $value }}", has)).To(Succeed())
		Expect(checkTemplate("Team {{ $labels.teem }}", has)).To(MatchError(ContainSubstring(`"teem"`)))
		Expect(v.checkVariable(`label_values(builds_total{team=~"$team"}, status)`)).To(Succeed())
		Expect(v.checkVariable(`label_values(builds_total, state)`)).To(MatchError(ContainSubstring(`"state"`)))
		Expect(v.checkVariable(`label_values(build_total, status)`)).To(MatchError(ContainSubstring(`"build_total"`)))
	})
})
