package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page of a running daemon", func() {
	It("shows hints at first, and then events and pushes without being reloaded", func() {
		d := startDaemon("--intake-bind-port=" + freePort())
		t := open(d.page, wide)
		eval[bool](t, `window.sameDocument = true`)
		Expect(t.text("#health")).To(HavePrefix("Healthy"))
		Expect(t.text("#events")).To(ContainSubstring("No events received yet"))
		Expect(t.text("#events code")).To(Equal(`curl -d '{"name": "builds started"}' ` + d.intake + `/api/v1/events`))
		Expect(t.text("#workers")).To(ContainSubstring("No worker has sent a heartbeat in the last 2 min"))
		Expect(t.text("#groups")).To(ContainSubstring("There are no pushed groups"))
		Expect(t.text("#scrapes")).To(ContainSubstring("No scrapes yet"))

		d.emit(`{"name": "jobs scheduled", "value": 3}
			{"name": "worker containers", "value": 12, "attributes": {"worker": "w1", "platform": "linux", "team_name": "main"}}
			{"name": "deploy finished"}`)
		d.push("/metrics/job/unit", "tests_total 312\n")
		d.post("/api/v1/agent-metrics", "application/json", strings.NewReader(
			`{"labels": {"username": "alice"}, "metrics": [{"name": "builds_total", "type": "counter", "value": 3}]}`))
		d.scrape()

		Eventually(func() []string { return t.rows("events") }).Should(ConsistOf(
			HavePrefix("jobs scheduled |"), HavePrefix("worker containers |")))
		Eventually(func() []string { return t.rows("workers") }).Should(ConsistOf(HavePrefix("w1 | linux | main | – | 12 | – | – |")))
		Eventually(func() []string { return t.rows("unknown") }).Should(ConsistOf(HavePrefix("deploy finished add a rule | 1 |")))
		Eventually(func() []string { return t.rows("groups") }).Should(ConsistOf(HavePrefix("job=unit |")))
		Eventually(func() []string { return t.rows("agents") }).Should(ConsistOf(ContainSubstring("username=alice")))
		Eventually(func() []string { return t.rows("scrapes") }).Should(HaveLen(1))

		d.emitEvent("worker containers", 13, map[string]string{"worker": "w1", "platform": "linux", "team_name": "main"})
		Eventually(func() []string { return t.rows("workers") }).Should(ConsistOf(HavePrefix("w1 | linux | main | – | 13 |")))

		Expect(eval[bool](t, `window.sameDocument === true`)).To(BeTrue())
		Expect(t.problems()).To(BeEmpty())
	})

	Context("when the user works with it", func() {
		var (
			s *fakeServer
			t *tab
			o object
		)
		names := func() list { return o["events"].(object)["names"].(list) }
		BeforeEach(func() {
			o = fullOverview()
			s = newFakeServer(startDaemon(), o)
			t = open(s.page, wide)
		})

		It("keeps the focus, the selection, open details and the scroll position", func() {
			eval[bool](t, `(() => {
				document.querySelector("#unknown details.rule").open = true;
				document.querySelector('[aria-label="Plot build finished alone"]').focus();
				document.querySelector("#workers .scroll").scrollTop = 120;
				const message = document.querySelector("#rejections td.wide bdi");
				document.getSelection().selectAllChildren(message);
				scrollTo(0, 300);
				return true;
			})()`)
			// Values change in all of these places.
			names()[9].(object)["per_second"] = 5000
			o["events"].(object)["unknown_names"].(list)[0].(object)["count"] = 1300
			for _, w := range o["workers"].(object)["list"].(list) {
				w.(object)["containers"] = 7
			}
			s.show(o)
			t.refreshed()
			t.refreshed()

			Expect(t.rows("unknown")[0]).To(ContainSubstring("| 1,300 |"))
			Expect(eval[[]any](t, `[
				document.querySelector("#unknown details.rule").open,
				document.activeElement.ariaLabel,
				document.querySelector("#workers .scroll").scrollTop,
				document.getSelection().toString(),
				scrollY,
			]`)).To(Equal([]any{true, "Plot build finished alone", 120.0, `the attribute "team_name" is missing`, 300.0}))
		})

		It("does not move rows while they have the focus, and sorts them afterwards", func() {
			t.eventually(`document.querySelector("#events tbody th").innerText === "http response time"`)
			eval[bool](t, `document.querySelector('[aria-label="Plot lock held alone"]').focus() === undefined`)
			names()[4].(object)["per_second"] = 9999
			o["events"].(object)["names"] = append(names(), object{"name": "new one", "received": 1, "per_second": 7777, "history": list{1}})
			s.show(o)
			t.refreshed()
			Expect(t.column("events", 0)[:2]).To(Equal([]string{"http response time", "worker containers"}))
			Expect(t.column("events", 0)[16]).To(Equal("new one"))
			eval[bool](t, `document.activeElement.blur() === undefined`)
			t.refreshed()
			Expect(t.column("events", 0)[:2]).To(Equal([]string{"lock held", "new one"}))
		})

		It("sends no requests while it is paused or hidden, and continues afterwards", func() {
			t.click("#pause")
			Expect(t.text("#refreshed")).To(HavePrefix("Paused "))
			requests := t.overviewRequests()
			Consistently(t.overviewRequests, "3s").Should(Equal(requests))
			t.click("#pause")
			t.eventually(fmt.Sprintf(`fetched.length >= %d`, len(requests)+2))

			hide := `(() => {
				Object.defineProperty(document, "hidden", {value: %t, configurable: true});
				document.dispatchEvent(new Event("visibilitychange"));
				return true;
			})()`
			eval[bool](t, fmt.Sprintf(hide, true))
			requests = t.overviewRequests()
			Consistently(t.overviewRequests, "3s").Should(Equal(requests))
			eval[bool](t, fmt.Sprintf(hide, false))
			t.eventually(fmt.Sprintf(`fetched.length >= %d`, len(requests)+2))
		})

		It("requests longer lists when the user asks for more rows", func() {
			Expect(t.text("#groups .foot")).To(HavePrefix("The first 4 of 412 rows."))
			t.click("#groups .foot button")
			Expect(t.overviewRequests()).To(ContainElement("api/v1/overview?limit=1000"))
		})

		It("shows each error of the mapping file separately, and the first one in the health", func() {
			o["mapping"].(object)["error"] = "mapping.yaml:3: first\nmapping.yaml:7: second\n"
			s.show(o)
			t.refreshed()
			Expect(eval[[]string](t, `[...document.querySelectorAll("#mapping dd.bad")].map((error) => error.innerText)`)).
				To(Equal([]string{"mapping.yaml:3: first", "mapping.yaml:7: second"}))
			Expect(t.text("#health")).To(And(ContainSubstring("mapping.yaml:3: first"), Not(ContainSubstring("second"))))
		})

		It("says that unknown events have become known", func() {
			o["events"].(object)["unknown_names"], o["events"].(object)["unknown_other"] = list{}, 0
			s.show(o)
			t.refreshed()
			Expect(t.text("#unknown")).To(And(ContainSubstring("1,871 events"), ContainSubstring("are known now")))
			Expect(t.text("#health")).To(ContainSubstring("1,871 unknown events"))
		})

		It("puts names with outer spaces and empty names in quotes", func() {
			unknown := list{}
			for i, name := range []string{" ", "", "deploy ", "deploy"} {
				unknown = append(unknown, object{"name": name, "count": 9 - i, "last": ago(0)})
			}
			o["events"].(object)["unknown_names"] = unknown
			s.show(o)
			t.refreshed()
			Expect(eval[[]string](t, `[...document.querySelectorAll("#unknown tbody th > span:not(.muted)")].map((name) =>
				getComputedStyle(name, "::before").content + name.innerText)`)).
				To(Equal([]string{`"“" `, `"“"`, `"“"deploy `, `nonedeploy`}))
		})

		DescribeTable("has room for suggested rules", func(width int64) {
			t.look(look{width: width, height: 900})
			eval[bool](t, `[...document.querySelectorAll("#unknown details.rule")].map((d) => d.open = true).length > 0`)
			t.eventually(`document.querySelectorAll("#unknown pre").length > 1`)
			Expect(eval[[]int](t, `(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.querySelector("#unknown .scroll"))`)).
				To(HaveEach(eval[int](t, `document.querySelector("#unknown .scroll").clientWidth`)))
		},
			Entry("on a phone", int64(390)),
			Entry("on a laptop", int64(1280)),
			Entry("on a large screen", int64(1920)),
		)

		It("shows that events have stopped arriving", func() {
			health := func(silent int) string {
				rates := list{}
				for range 359 - silent {
					rates = append(rates, 10)
				}
				for range silent + 1 {
					rates = append(rates, 0)
				}
				o["events"].(object)["history"], o["events"].(object)["last_slot_seconds"] = rates, 4
				s.show(o)
				t.refreshed()
				return t.text("#health")
			}
			Expect(health(20)).NotTo(ContainSubstring("No events for"))
			Expect(health(40)).To(ContainSubstring("No events for 6 min"))
			Expect(health(359)).To(ContainSubstring("No events for more than an hour"))
		})

		It("shows problems with the storage file of pushed groups", func() {
			groups := o["groups"].(object)
			groups["damaged_file"], groups["storage_error"] = "/data/pushed.db.damaged-7", "no space left on device"
			s.show(o)
			t.refreshed()
			Expect(t.text("#health")).To(And(
				ContainSubstring("Pushes cannot be stored: no space left on device"),
				ContainSubstring("has been moved to /data/pushed.db.damaged-7")))
		})

		It("plots the whole history that the summary describes", func() {
			var rates list
			for range 31 { // five minutes, and the current slot
				rates = append(rates, 10)
			}
			rates[0] = 1500
			o["events"].(object)["history"], o["events"].(object)["last_slot_seconds"] = rates, 4
			s.show(o)
			t.refreshed()
			Expect(t.text("#plot-summary")).To(ContainSubstring("maximum 1,500 events/s"))
			line := eval[string](t, `document.querySelector("#plot .line").getAttribute("d")`)
			Expect(strings.Count(line, " ")).To(Equal(2*len(rates)), line)
		})

		It("shows the type of a family on one line", func() {
			Expect(eval[bool](t, `[...document.querySelectorAll("#families td.type bdi")].every((type) => type.getClientRects().length === 1)`)).To(BeTrue())
		})

		It("requests longer lists while it is paused, and stays paused", func() {
			t.click("#pause")
			requests := append(t.overviewRequests(), "api/v1/overview?limit=1000")
			t.click("#groups .foot button")
			Expect(t.overviewRequests()).To(Equal(requests))
			Consistently(t.overviewRequests, "3s").Should(Equal(requests))
			Expect(t.text("#refreshed")).To(HavePrefix("Paused "))
		})

		It("shows the time of the overview if the server sends the same one again", func() {
			t.eventually(`document.querySelector("#refreshed").innerText.startsWith("As of ")`)
			s.handle(func(w http.ResponseWriter, _ *http.Request) {
				o["time"] = time.Now()
				json.NewEncoder(w).Encode(o) //nolint:errcheck // the page may have been closed
			})
			t.eventually(`document.querySelector("#refreshed").innerText.startsWith("Updated ")`)
		})

		It("shows the start and the end of a last slot that is shorter than the others", func() {
			o["events"].(object)["last_slot_seconds"] = 4
			s.show(o)
			t.refreshed()
			value := `document.querySelector(".plot").ariaValueText`
			eval[bool](t, `document.querySelector(".plot").focus() === undefined`)
			Expect(eval[string](t, value)).To(MatchRegexp(`:06 to \S+:10$`))
			t.press(kb.ArrowLeft)
			Expect(eval[string](t, value)).To(MatchRegexp(`:56 to \S+:06$`))
		})
	})
})
