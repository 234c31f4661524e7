package browser

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page of a daemon that has replayed a Concourse node's events", Ordered, ContinueOnFailure, func() {
	var (
		d *daemon
		t *tab
		o object
	)
	BeforeAll(func() {
		d = startDaemon()
		d.replay()
		for range 3 {
			d.emitEvent("deploy finished", 1, nil)
		}
		d.emitEvent("build finished", 1, map[string]string{"team_name": "main"})
		d.push("/metrics/job/unit/branch/main?ttl=1h", "tests_total 312\ntests_failed 2\n")
		d.scrape()
		// The daemon reuses an overview for a short time.
		Eventually(func() any { return d.overview()["scrapes"] }).Should(HaveLen(1))
		Eventually(func() any { return d.overview()["groups"].(object)["total"] }).Should(BeEquivalentTo(1))
		// Label values are counted in the background.
		Eventually(func() any { return d.overview()["families"].(object)["list"].(list)[0].(object)["labels"] }).ShouldNot(BeNil())
		t = open(d.page, wide)
		o = d.overview()
	})

	It("summarizes the health", func() {
		Expect(t.text("#health")).To(And(
			HavePrefix("Warnings"), ContainSubstring(" events/s, 15 workers, "), ContainSubstring("rejected, the latest "),
			ContainSubstring("3 events with 1 unknown name")))
		Expect(t.text("#build")).To(MatchRegexp(`, up (\d min )?\d+ s$`))
	})

	It("lists the events by name, with the daemon's counts", func() {
		var expected []any
		for _, name := range o["events"].(object)["names"].(list) {
			n := name.(object)
			expected = append(expected, MatchRegexp(`^%s .*\| %s$`, regexp.QuoteMeta(n["name"].(string)), grouped(n["received"])))
		}
		Expect(len(expected)).To(BeNumerically(">", 40))
		Expect(t.rows("events")).To(ConsistOf(expected...))
	})

	It("plots their rate", func() {
		Eventually(func() string { return eval[string](t, `document.querySelector("#plot .line").getAttribute("d")`) }).
			Should(MatchRegexp(`^M[\d. L]+$`))
		Expect(t.text("#plot-summary")).To(MatchRegexp(`^Over the last \d+ .*: average [\d,.]+ events/s, maximum [\d,.]+ events/s at \d\d:\d\d\.$`))
	})

	It("lists the unknown events", func() {
		Expect(t.rows("unknown")).To(ConsistOf(MatchRegexp(`^deploy finished add a rule \| 3 \| .* ago$`)))
	})

	It("lists the rejections, with an example of each", func() {
		Expect(t.rows("rejections")).To(ContainElements(
			MatchRegexp(`^missing_attribute \| 1 \| .* ago \| .*build_status.* event build finished, metric concourse_builds_finished$`),
			MatchRegexp(`^empty_attribute \| \d+ \| .*"platform"`),
		))
	})

	It("lists the workers, with the time until they are removed", func() {
		Expect(t.rows("workers")).To(And(HaveLen(15), ContainElement(
			MatchRegexp(`^beta \| linux \| – \| special \| \d+ \| \d+ \| \d+ \| .* ago \| in (\d min )?\d+ s$`))))
	})

	It("lists the families with the most series, and the number of values of their labels", func() {
		largest := o["families"].(object)["list"].(list)[0].(object)
		label := largest["labels"].(list)[0].(object)
		Expect(t.rows("families")[0]).To(MatchRegexp(`^%s \| %s \| %v \| .* %% \| %s %v .*\| 0$`,
			largest["name"], largest["type"], largest["series"], label["name"], label["values"]))
	})

	It("lists the pushed groups", func() {
		Expect(t.rows("groups")).To(ConsistOf(MatchRegexp(`^(job=unit|branch=main) (job=unit|branch=main) \| \d \| .* \| – \| in (1 h|59 min)$`)))
	})

	It("lists the scrapes", func() {
		Expect(t.rows("scrapes")).To(ConsistOf(MatchRegexp(`^.* \| \d.*s \| \d.*B \| openmetrics.* \| 200 \| 127\.0\.0\.1.* Prometheus/3\.12\.0$`)))
	})

	It("lists emitters and settings", func() {
		Expect(t.rows("emitters")).To(ContainElement("Prometheus | none | 0"))
		Expect(t.rows("settings")).To(ContainElement("prometheus-bind-ip | 127.0.0.1"))
		Expect(t.text("#mapping")).To(ContainSubstring("The built-in rules are in use"))
	})

	It("plots only one event when the user selects it", func() {
		t.click(`#events button[aria-label="Plot lock held alone"]`)
		Expect(t.text(".plot-title")).To(ContainSubstring("lock held"))
		Expect(eval[string](t, `document.querySelector(".plot").getAttribute("aria-label")`)).To(Equal("Events per second, lock held"))
		t.refreshed()
		Expect(eval[[]string](t, `[...document.querySelectorAll("#events tbody [aria-pressed=true]")].map((b) => b.ariaLabel)`)).
			To(Equal([]string{"Plot lock held alone"}))
		t.click(".plot-title button")
		Expect(t.text(".plot-title")).To(ContainSubstring("in total"))
	})

	It("sends requests only to the daemon, and has no errors", func() {
		t.refreshed()
		page, err := url.Parse(d.page)
		Expect(err).NotTo(HaveOccurred())
		Expect(t.requestedURLs()).NotTo(BeEmpty())
		for _, requested := range t.requestedURLs() {
			u, err := url.Parse(requested)
			Expect(err).NotTo(HaveOccurred())
			Expect(u.Host).To(Equal(page.Host), requested)
		}
		Expect(t.problems()).To(BeEmpty())
	})

	It("is tested with overviews that have the same fields as the daemon's", func() {
		// With an agent, no list of the daemon's overview is empty. The name of the
		// event has a hint, because it resembles a known one.
		d.emitEvent("builds startd", 1, nil)
		d.post("/api/v1/agent-metrics", "application/json", strings.NewReader(
			`{"labels": {"username": "alice"}, "metrics": [{"name": "builds_total", "type": "counter", "value": 3}]}`))
		Eventually(func() any { return d.overview()["agents"].(object)["total"] }).Should(BeEquivalentTo(1))
		real, fixture := fields(d.overview()), fields(fullOverview())
		// This daemon has no mapping file, no sources and few builds, which have a test of
		// their own, and its reports have only help.
		absent := func(field string, _ bool) bool {
			return strings.HasPrefix(field, "mapping.") || strings.HasPrefix(field, "reports.") || strings.HasPrefix(field, "sources.") ||
				strings.HasPrefix(field, "builds.")
		}
		maps.DeleteFunc(fixture, absent)
		maps.DeleteFunc(real, absent)
		Expect(real).To(Equal(fixture))
	})
})

// fields returns the paths of all values in an overview.
func fields(value any) map[string]bool {
	found := map[string]bool{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case object:
			for name, inner := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		case list:
			for _, inner := range v {
				walk(path, inner)
			}
		default:
			found[path] = true
		}
	}
	walk("", value)
	return found
}

// grouped returns a count as the page shows it: "12,345".
func grouped(count any) string {
	digits := fmt.Sprint(count)
	if number, ok := count.(float64); ok { // from JSON
		digits = strconv.FormatFloat(number, 'f', 0, 64)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
