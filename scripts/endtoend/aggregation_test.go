//go:build e2e

package endtoend

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Aggregated metrics of short jobs", Ordered, func() {
	const jobs = 200
	var box gateway

	// series returns the only series of a metric on the page. To Prometheus, an empty
	// label is the same as no label.
	series := func(name string) string {
		GinkgoHelper()
		var found []string
		for _, line := range box.page() {
			if strings.HasPrefix(line, name+"{") {
				found = append(found, strings.ReplaceAll(line, `instance="",`, ""))
			}
		}
		Expect(found).To(HaveLen(1), name)
		return found[0]
	}
	run := func(n int) string { return fmt.Sprintf("unit/run/%d", n) }

	BeforeAll(func() {
		box = startSignalbox("--push-aggregate-by=job").gateway()
	})

	It("sums counters, histograms and gauges", func() {
		for n := range jobs {
			box.push(http.MethodPut, run(n), `# TYPE tests_total counter
tests_total 312
# TYPE seconds histogram
seconds_bucket{le="1"} 2
seconds_bucket{le="5"} 3
seconds_bucket{le="+Inf"} 4
seconds_sum 10.5
seconds_count 4
# TYPE in_flight gauge
in_flight 2
`)
		}
		Expect(series("tests_total")).To(Equal(`tests_total{job="unit"} 62400`))
		Expect(series("seconds")).To(Equal(`seconds{job="unit"} count 800 sum 2100 le1 400 le5 600`))
		Expect(series("in_flight")).To(Equal(`in_flight{job="unit"} 400`))
	})

	It("keeps series with different labels apart", func() {
		box.push(http.MethodPut, "lint/run/1", "# TYPE findings_total counter\nfindings_total{kind=\"a\"} 1\nfindings_total{kind=\"b\"} 2\n")
		box.push(http.MethodPut, "lint/run/2", "# TYPE findings_total counter\nfindings_total{kind=\"a\"} 10\n")
		Expect(box.page()).To(ContainElements(
			MatchRegexp(`^findings_total{(instance="",)?job="lint",kind="a"} 11$`),
			MatchRegexp(`^findings_total{(instance="",)?job="lint",kind="b"} 2$`),
		))
	})

	It("continues the sum when a job restarts at zero", func() {
		box.push(http.MethodPut, run(0), "# TYPE tests_total counter\ntests_total 12\n")
		Expect(series("tests_total")).To(Equal(`tests_total{job="unit"} 62412`))
	})

	It("rejects a histogram with other buckets", func() {
		a := box.send(http.MethodPut, "/metrics/job/unit/run/other", nil, []byte("# TYPE seconds histogram\nseconds_bucket{le=\"2\"} 1\nseconds_sum 1\nseconds_count 1\n"))
		Expect(a.status).To(Equal(http.StatusBadRequest), a.body)
		Expect(a.body).To(ContainSubstring("seconds"))
		Expect(series("seconds")).To(Equal(`seconds{job="unit"} count 800 sum 2100 le1 400 le5 600`))
	})

	It("keeps the sums of counters after the groups are deleted", func() {
		for n := range jobs {
			box.delete(run(n))
		}
		Expect(series("tests_total")).To(Equal(`tests_total{job="unit"} 62412`))
		Expect(series("seconds")).To(Equal(`seconds{job="unit"} count 800 sum 2100 le1 400 le5 600`))
		Expect(box.page()).NotTo(ContainElement(HavePrefix("in_flight{")))

		box.push(http.MethodPut, run(0), "# TYPE tests_total counter\ntests_total 1\n")
		Expect(series("tests_total")).To(Equal(`tests_total{job="unit"} 62413`))
	})
})

var _ = DescribeTable("Aggregated gauges", func(by string, want string) {
	box := startSignalbox("--push-aggregate-by=job", "--push-aggregate-gauges="+by).gateway()
	for n, v := range []string{"1", "7", "4"} {
		box.push(http.MethodPut, fmt.Sprintf("unit/run/%d", n), "# TYPE x gauge\nx "+v+"\n")
	}
	Expect(box.page()).To(ContainElement(MatchRegexp(`^x{(instance="",)?job="unit"} %s$`, want)))
},
	Entry("sum", "sum", "12"),
	Entry("last", "last", "4"),
	Entry("max", "max", "7"),
	Entry("min", "min", "1"),
	Entry("mean", "mean", "4"),
)
