package browser

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"
)

// expectHarmless checks that no text from a client had an effect on the page.
func (t *tab) expectHarmless() {
	GinkgoHelper()
	Expect(eval[string](t, `String(window.ran)`)).To(Equal("undefined"), "a script ran")
	Expect(t.problems()).To(BeEmpty())
	Expect(eval[int](t, `document.querySelectorAll("script, img, iframe, object, embed, style, base, form").length`)).
		To(Equal(2), "the page's script and its icon")
	t.expectFits()
}

// expectFits checks that the page is not wider than the screen.
func (t *tab) expectFits() {
	GinkgoHelper()
	Expect(eval[[]string](t, `(() => {
		const width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= width) return [];
		return [...document.querySelectorAll("body *")]
			.filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll, pre"))
			.map((e) => e.outerHTML.slice(0, 100)).concat("the page is " + document.documentElement.scrollWidth + " wide");
	})()`)).To(BeEmpty())
}

var _ = Describe("Text from a malicious client", func() {
	It("is harmless after it has passed through the daemon", func() {
		d := startDaemon("--intake-max-label-value-bytes=20000")
		for i, text := range hostileTexts {
			d.emitEvent("worker containers", float64(i), map[string]string{
				"worker": fmt.Sprintf("%d %s", i, text), "platform": text + " ", "team_name": text, "tags": text})
			d.emitEvent("error log", 1, map[string]string{"message": text})
			if text != "" {
				d.emitEvent(text, 1, nil)
			}
		}
		d.push("/metrics/job/%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E/branch/%E2%80%AEgpj", "x 1\n")
		for _, l := range []look{wide, narrow} {
			t := open(d.page, l)
			t.eventually(fmt.Sprintf(`document.querySelectorAll("#workers tbody tr").length === %d`, len(hostileTexts)))
			t.eventually(`document.querySelectorAll("#unknown tbody tr").length > 10`)
			Expect(t.text("#workers")).To(ContainSubstring(hostileTexts[0]), "markup is shown as text")
			Expect(t.text("#groups")).To(ContainSubstring(`branch=\u202egpj`))
			t.refreshed()
			t.expectHarmless()
		}
	})

	It("is harmless everywhere on the page", func() {
		s := newFakeServer(startDaemon(), hostileOverview())
		for _, l := range []look{wide, narrow, {width: 320, height: 600, dark: true}} {
			t := open(s.page, l)
			eval[bool](t, `[...document.querySelectorAll("details")].map((d) => d.open = true).length > 0`)
			t.refreshed()
			t.expectHarmless()
		}
	})

	It("has its invisible characters escaped", func() {
		s := newFakeServer(startDaemon(), hostileOverview())
		t := open(s.page, wide)
		settings := t.column("settings", 1)
		Expect(settings).To(ContainElements(
			"‹U+202E›gnp.exe‹U+202C› ‹U+2066›isolated‹U+2069› ‹U+200F›marks‹U+200E› zero‹U+200B›width",
			"line‹U+000A›feed‹U+0009›tab‹U+0000›nul‹U+001B›[31mred‹U+0085›‹U+2028›",
			"שלום worker عربي", "__proto__", "–",
		))
		By("distinguishing escapes from text that looks like one")
		Expect(eval[int](t, `[...document.querySelectorAll("#settings td")]
			.filter((cell) => cell.innerText === "‹U+202E›" && !cell.querySelector(".escape")).length`)).To(Equal(1))
		By("isolating right-to-left text")
		Expect(eval[string](t, `getComputedStyle(document.querySelector("#settings bdi")).unicodeBidi`)).To(Equal("isolate"))
	})

	It("is cut if it is long, and can be opened with the keyboard", func() {
		s := newFakeServer(startDaemon(), hostileOverview())
		t := open(s.page, wide)
		long := `[...document.querySelectorAll("#settings td details")].find((d) => d.innerText.startsWith("0123456789"))`
		Expect(eval[int](t, long+`.querySelector("summary bdi").textContent.length`)).To(Equal(80))
		Expect(eval[bool](t, long+`.querySelector("p").checkVisibility()`)).To(BeFalse())
		eval[bool](t, long+`.querySelector("summary").focus() === undefined`)
		t.press("\r")
		t.eventually(long + `.querySelector("p").checkVisibility()`)
		t.refreshed()
		Expect(eval[string](t, long+`.querySelector("p").innerText`)).To(Equal(
			strings.Repeat("0123456789", 410)[:4096] + " and 6,144 more characters, which are in the JSON"))
	})

	It("is quoted correctly in suggested rules", func() {
		s := newFakeServer(startDaemon(), hostileOverview())
		t := open(s.page, wide)
		eval[bool](t, `[...document.querySelectorAll("#unknown details.rule")].map((d) => d.open = true).length > 0`)
		t.eventually(`document.querySelectorAll("#unknown pre").length === ` + fmt.Sprint(len(hostileTexts)))
		metrics := map[string]string{} // by event
		for _, text := range eval[[]string](t, `[...document.querySelectorAll("#unknown pre")].map((pre) => pre.textContent)`) {
			var file struct {
				Rules []struct{ Event, Metric, Type, Help, Operation string }
			}
			Expect(yaml.Unmarshal([]byte(text), &file)).To(Succeed(), text)
			Expect(file.Rules).To(HaveLen(1))
			rule := file.Rules[0]
			Expect(rule.Type+" "+rule.Operation).To(Equal("counter inc"), text)
			Expect(rule.Metric).To(MatchRegexp(`^[a-z][a-z0-9_]{0,120}_total$`))
			Expect(rule.Help).To(ContainSubstring(rule.Event))
			metrics[rule.Event] = rule.Metric
		}
		for _, text := range hostileTexts {
			Expect(metrics).To(HaveKey(text))
		}
		Expect(metrics[" spaces  within "]).To(Equal("spaces_within_total"))
		Expect(metrics[""]).To(Equal("events_total"))
	})
})

var _ = Describe("An invalid response", func() {
	DescribeTable("does not break the page",
		func(overview object) {
			s := newFakeServer(startDaemon(), overview)
			t := open(s.page, wide)
			t.refreshed()
			Expect(t.problems()).To(BeEmpty())
			s.show(fullOverview())
			Eventually(func() []string { return t.rows("workers") }).Should(HaveLen(19))
		},
		Entry("if only the time is present", object{"time": ago(0)}),
		Entry("if everything else is null", object{
			"time": ago(0), "started": nil, "build": nil, "settings": nil, "mapping": nil, "reports": nil, "events": nil, "workers": nil,
			"families": nil, "sources": nil, "groups": nil, "agents": nil, "builds": nil, "scrapes": nil, "emitters": nil}),
		Entry("if everything else has the wrong type", object{
			"time": ago(0), "started": 7, "build": list{1}, "settings": object{"name": 1}, "mapping": "x",
			"reports": list{nil, 1, "x", list{}, object{"line": 1, "findings": object{"text": "x"}, "help": "x"},
				object{"line": object{}, "findings": list{nil, "x", object{"level": 1, "kind": list{}, "text": 7}}, "help": list{nil, 1, object{"text": 1, "snippet": list{}}}}},
			"events": object{"received": "many", "per_second": nil, "history": object{}, "slot_seconds": 0, "names": list{nil, 1, "x", list{}},
				"unknown_names": list{object{"name": object{}, "last": "yesterday"}}, "rejections": list{object{"latest": 5}}},
			"workers":  object{"list": list{object{"name": nil, "containers": "12", "last_heartbeat": -1}}},
			"families": object{"list": list{object{"labels": list{nil, object{"name": 1, "values": "x"}}}}},
			"sources":  list{nil, 1, list{}, object{"deliveries": list{1}, "last_error": 1}, object{"description": "x", "deliveries": object{"x": "y"}, "last_error": object{"time": 1}}},
			"builds": object{"runs": list{1}, "jobs": "x", "oldest_waiting_job": 1, "pipelines": object{"list": list{nil, 1, object{"repository": 1, "hour": "x", "day": object{"runs": "x"}}}},
				"runner_classes": list{}, "latest_runs": list{nil, object{"time": 1, "url": 1, "result": nil}}},
			"groups": list{}, "agents": object{"list": list{object{"labels": "x"}}},
			"scrapes": list{object{"time": "0001-01-01T00:00:00Z"}}, "emitters": list{nil}}),
	)

	DescribeTable("counts as a failed request",
		func(body, reason string) {
			s := newFakeServer(startDaemon(), fullOverview())
			t := open(s.page, wide)
			s.handle(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
			t.eventually(`!document.querySelector("#outage").hidden`)
			Expect(t.text("#outage")).To(ContainSubstring(reason))
			Expect(t.problems()).To(BeEmpty())
		},
		Entry("if it is not JSON", "<html>sign in</html>", "is not valid JSON"),
		Entry("if it is not an overview", `{"status": "success"}`, "is not an overview"),
		Entry("if it is null", `null`, "is not an overview"),
	)
})
