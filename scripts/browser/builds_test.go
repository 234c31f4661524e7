package browser

import (
	"maps"
	"strings"

	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The section of builds", func() {
	const visible = `["#builds", "nav a[href='#builds']"].map((e) => document.querySelector(e).checkVisibility())`
	// figures is a script that returns the numbers of active runs and jobs.
	const figures = `[...document.querySelectorAll("#builds .figures > div")].filter((e) => e.checkVisibility()).map((e) => e.innerText.replace(/\s+/g, " ").trim())`

	It("is missing until there is something to show, and then the first one", func() {
		d := startDaemon("--catalog=concourse,ci")
		t := open(d.page, wide)
		Expect(eval[[]bool](t, visible)).To(HaveEach(false))

		run := map[string]string{"system": "github", "repository": "acme/app", "pipeline": "unit", "run_id": "7", "result": "failure", "url": "https://ci.example/7"}
		d.emitEvent("ci run queue time", 4, run)
		d.emitEvent("ci run finished", 1, run)
		d.emitEvent("ci run time", 90, run)
		d.emitEvent("ci job queue time", 8, map[string]string{"system": "github", "runner_class": "large"})
		d.emitEvent("ci jobs active", 5, map[string]string{"system": "github", "state": "pending"})
		d.emitEvent("ci oldest job waiting", 61, map[string]string{"system": "github", "runner_class": "large", "repository": "acme/app", "job": "test", "url": "https://ci.example/8"})
		d.emitEvent("build finished", 60000, map[string]string{"team_name": "main", "pipeline": "core", "job": "unit", "build_id": "1", "build_status": "succeeded"})

		Eventually(func() []string { return t.rows("latest-runs") }).Should(HaveExactElements(
			MatchRegexp(`^main core \| success \| 1 min \| (now|\d+ s ago)$`),
			MatchRegexp(`^acme/app unit \| failure \| 1 min 30 s \| (now|\d+ s ago)$`)))
		Expect(eval[[]bool](t, visible)).To(HaveEach(true))
		Expect(eval[string](t, `document.querySelector("main > section:not([hidden])").id`)).To(Equal("builds"))
		Expect(t.rows("pipelines")).To(ConsistOf(
			MatchRegexp(`^acme/app unit github \| 1 \| 0 % \| 1 min \d\d s \| 1 min \d\d s \| [34].\d s \| [34].\d s$`),
			MatchRegexp(`^main core concourse \| 1 \| 100 % \| (5[7-9] s|1 min( \d s)?) \| (5[7-9] s|1 min( \d s)?) \| – \| –$`)))
		Expect(t.rows("runner-classes")).To(HaveExactElements(MatchRegexp(`^large github \| 1 \| [78](.\d)? s \| [78](.\d)? s$`)))
		Expect(eval[[]string](t, figures)).To(Equal([]string{"Runs executing 0", "Runs pending 0", "Jobs executing 0", "Jobs pending 5",
			"Oldest waiting job 1 min 1 s test acme/app, large, github"}))
		Expect(eval[[]string](t, `[...document.querySelectorAll("#builds a")].map((a) => a.textContent + " " + a.href + " " + a.rel)`)).To(ConsistOf(
			"test https://ci.example/8 noreferrer", "acme/app https://ci.example/7 noreferrer"))
		By("having the same fields as the overviews of other tests")
		Expect(fields(d.overview()["builds"])).To(Equal(fields(fullOverview()["builds"])))
		Expect(t.problems()).To(BeEmpty())
	})

	It("shows the results of the last day or the last hour", func() {
		t := open(newFakeServer(startDaemon(), fullOverview()).page, wide)
		pressed := func() []string {
			return eval[[]string](t, `[...document.querySelectorAll("#builds .period [aria-pressed=true]")].map((b) => b.innerText)`)
		}
		Expect(pressed()).To(Equal([]string{"Last day"}))
		Expect(t.column("pipelines", 1)[0]).To(Equal("1,200"))
		Expect(t.column("runner-classes", 1)[0]).To(Equal("900"))
		eval[bool](t, `document.querySelector("#builds .period button:last-child").focus() === undefined`)
		t.press(kb.Enter)
		Expect(pressed()).To(Equal([]string{"Last hour"}))
		Expect(t.column("pipelines", 1)[0]).To(Equal("60"))
		Expect(t.column("runner-classes", 1)[0]).To(Equal("45"))
		t.refreshed()
		Expect(t.column("pipelines", 1)[0]).To(Equal("60"))
		Expect(pressed()).To(Equal([]string{"Last hour"}))
		Expect(t.problems()).To(BeEmpty())
	})

	It("says what the lists leave out", func() {
		o := hugeOverview(0)
		pipelines := o["builds"].(object)["pipelines"].(object)
		pipelines["list"] = pipelines["list"].(list)[:100]
		s := newFakeServer(startDaemon(), o)
		t := open(s.page, wide)
		Expect(t.text("#pipelines .subtitle")).To(Equal("10,000 pipelines, of which the 200 with the most runs in the last day are listed; 17 forgotten because there were too many"))
		Expect(t.text("#pipelines .foot")).To(HavePrefix("The first 100 of 200 rows."))
		t.click("#pipelines .foot button")
		Eventually(func() []string { return t.overviewRequests() }).Should(ContainElement(HaveSuffix("?limit=1000")))
	})

	It("links only to http and https", func() {
		o := hostileOverview()
		t := open(newFakeServer(startDaemon(), o).page, wide)
		Expect(eval[[]string](t, `[...document.querySelectorAll("#builds a")].map((a) => a.protocol)`)).To(And(HaveEach("https:"), HaveLen((len(hostileTexts)+0)/3)))
		latest := o["builds"].(object)["latest_runs"].(list)
		latest[0].(object)["url"] = "https://github.com@evil.example/"
		Expect(t.problems()).To(BeEmpty())
	})

	It("updates links when the page of a run changes", func() {
		o := fullOverview()
		s := newFakeServer(startDaemon(), o)
		t := open(s.page, wide)
		links := func() string {
			return strings.Join(eval[[]string](t, `[...document.querySelectorAll("#builds .oldest a")].map((a) => a.href)`), " ")
		}
		Expect(links()).To(HaveSuffix("/job/8"))
		job := maps.Clone(o["builds"].(object)["oldest_waiting_job"].(object))
		o["builds"].(object)["oldest_waiting_job"] = job
		for url, expected := range map[string]string{"https://a.example/": "https://a.example/", "": "", "https://x@a.example/": "", "ftp://a.example/": ""} {
			job["url"] = url
			s.show(o)
			t.refreshed()
			Expect(links()).To(Equal(expected), url)
			Expect(t.text("#builds .oldest dd")).To(HavePrefix("8 min archive"))
		}
		o["builds"].(object)["oldest_waiting_job"] = nil
		s.show(o)
		t.refreshed()
		Expect(eval[bool](t, `document.querySelector("#builds .oldest").checkVisibility()`)).To(BeFalse())
		Expect(t.problems()).To(BeEmpty())
	})
})
