package browser

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// faint lists the texts whose contrast with what is behind them is below 4.5, as it
// is computed: WCAG 2, success criterion 1.4.3.
const faint = `(() => {
	const rgba = (colour) => {
		const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
		return [r, g, b, a];
	};
	const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
	const behind = (e) => {
		if (!e) return [255, 255, 255, 1];
		const own = rgba(getComputedStyle(e).backgroundColor);
		return own[3] === 1 ? own : over(own, behind(e.parentElement));
	};
	const light = (colour) => {
		const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const found = [];
	for (const e of document.querySelectorAll("body *")) {
		const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
		if (!text || !e.checkVisibility() || e.closest(".unseen, .skip, noscript")) continue;
		const style = getComputedStyle(e);
		const back = behind(e);
		const front = over(rgba(e instanceof SVGElement ? style.fill : style.color), back);
		const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) found.push(text.slice(0, 40) + ": " + ratio.toFixed(2));
	}
	return found;
})()`

// unnamed lists what has no name, no role or no place for a screen reader.
const unnamed = `(() => {
	const found = [];
	const want = (selector, ok, what) => {
		const all = [...document.querySelectorAll(selector)];
		if (!all.length) found.push("there is no " + selector);
		found.push(...all.filter((e) => !ok(e)).map((e) => what + ": " + e.outerHTML.slice(0, 120)));
	};
	const label = (e) => e.getAttribute("aria-label") ||
		document.getElementById(e.getAttribute("aria-labelledby"))?.textContent || e.textContent.trim();
	for (const landmark of ["header", "nav", "main"]) {
		if (document.querySelectorAll(landmark).length !== 1) found.push("not one " + landmark);
	}
	if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
	want("section, nav", (e) => e.hasAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby")), "no name");
	want("main section > h2", () => true, "");
	want("table", (e) => e.caption?.textContent && e.tHead, "no caption or head");
	want("thead th", (e) => e.scope === "col" && e.hasAttribute("aria-sort"), "no scope or order");
	want("tbody th", (e) => e.scope === "row", "no scope");
	want("button, a, input, [tabindex]:not(main), summary", label, "no name");
	want("img", (e) => e.hasAttribute("alt"), "no alt");
	want("[role=slider]", (e) => e.getAttribute("aria-valuetext") && e.getAttribute("aria-describedby"), "no value");
	want("time", (e) => !Number.isNaN(Date.parse(e.dateTime)) && e.title, "no absolute time");
	want("nav a", (e) => document.querySelector(e.getAttribute("href")), "goes nowhere");
	want("svg", (e) => e.getAttribute("aria-hidden") === "true", "not hidden");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	found.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => "twice: #" + id));
	const live = [...document.querySelectorAll("[aria-live], [role=alert], [role=status]")].map((e) => e.id);
	if (live.join() !== "health-spoken") found.push("speaks by itself: " + live);
	if (!document.documentElement.lang || !document.title) found.push("no language or title");
	return found;
})()`

var _ = Describe("The page for everybody", func() {
	var s *stage
	BeforeEach(func() { s = newStage(startDaemon(), fullOverview()) })

	DescribeTable("has contrast",
		func(l look) {
			t := open(s.page, l)
			eval[bool](t, `[...document.querySelectorAll("details")].map((d) => d.open = true).length > 0`)
			t.refreshed()
			Expect(eval[[]string](t, faint)).To(BeEmpty())
		},
		Entry("in light", wide),
		Entry("in dark", look{width: 1440, height: 900, dark: true}),
		Entry("on a phone", narrow),
		Entry("on a phone in dark", look{width: 390, height: 844, dark: true}),
	)

	It("is dark where the system is", func() {
		ground := `getComputedStyle(document.body).backgroundColor`
		t := open(s.page, wide)
		Expect(eval[string](t, ground)).To(Equal("rgb(244, 245, 247)"))
		t.look(look{width: 1440, height: 900, dark: true})
		t.eventually(ground + ` === "rgb(14, 18, 23)"`)
	})

	It("has landmarks, names, captions and one live region", func() {
		Expect(eval[[]string](open(s.page, wide), unnamed)).To(BeEmpty())
	})

	It("says what changed in how it stands, and not the numbers that change all the time", func() {
		t := open(s.page, wide)
		spoken := `document.querySelector("#health-spoken").textContent`
		Expect(eval[string](t, spoken)).To(Equal("Trouble: the mapping file was not loaded, families are nearly full, " +
			"events rejected, pushes refused, workers silent, events that no rule knows."))
		eval[bool](t, `new MutationObserver(() => window.spoke = true).observe(
			document.querySelector("#health-spoken"), {childList: true, characterData: true, subtree: true}) === undefined`)
		o := fullOverview()
		o["events"].(object)["per_second"] = 1234.5
		s.show(o)
		t.refreshed()
		Expect(t.text("#health")).To(ContainSubstring("1,235 events/s"))
		Expect(eval[bool](t, `window.spoke === undefined`)).To(BeTrue())
	})

	It("says where the JSON is to those who run no scripts", func() {
		t := open(s.page, wide)
		Expect(eval[string](t, `document.querySelector("noscript").textContent`)).To(ContainSubstring("api/v1/overview"))
	})

	DescribeTable("is no wider than the screen",
		func(l look) {
			t := open(s.page, l)
			t.fits()
			Expect(t.trouble()).To(BeEmpty())
		},
		Entry("of a small phone", look{width: 320, height: 568}),
		Entry("of a phone", narrow),
		Entry("of a tablet", look{width: 820, height: 1180}),
		Entry("of a laptop", wide),
		Entry("of a wall", look{width: 3840, height: 2160}),
	)

	DescribeTable("shows its tables without scrolling sideways",
		func(width int64) {
			t := open(s.page, look{width: width, height: 900})
			Expect(eval[[]string](t, `[...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth).
				map((e) => e.closest("section").id)`)).To(BeEmpty())
		},
		Entry("on a phone", int64(390)),
		Entry("on a small screen", int64(1100)),
		Entry("on a laptop", int64(1280)),
		Entry("on a desk", int64(1440)),
		Entry("on a large screen", int64(1920)),
	)

	It("works behind a path prefix", func() {
		t := open(s.page, wide)
		Expect(t.asked()).To(HaveEach(HavePrefix(s.page)))
		Expect(eval[string](t, `document.querySelector('a[href="metrics"]').href`)).To(Equal(s.page + "metrics"))
	})
})
