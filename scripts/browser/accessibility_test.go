package browser

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// lowContrast is a script that lists the texts whose contrast with their background is
// below 4.5, computed as in WCAG 2, success criterion 1.4.3.
const lowContrast = `(() => {
	const rgba = (color) => {
		const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
		return [r, g, b, a];
	};
	const blend = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
	const background = (e) => {
		if (!e) return [255, 255, 255, 1];
		const own = rgba(getComputedStyle(e).backgroundColor);
		return own[3] === 1 ? own : blend(own, background(e.parentElement));
	};
	const luminance = (color) => {
		const [r, g, b] = color.slice(0, 3).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const found = [];
	for (const e of document.querySelectorAll("body *")) {
		const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
		if (!text || !e.checkVisibility() || e.closest(".visually-hidden, .skip, noscript")) continue;
		const style = getComputedStyle(e);
		const back = background(e);
		const front = blend(rgba(e instanceof SVGElement ? style.fill : style.color), back);
		const [a, b] = [luminance(front), luminance(back)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) found.push(text.slice(0, 40) + ": " + ratio.toFixed(2));
	}
	return found;
})()`

// inaccessible is a script that lists elements without the names, roles and landmarks
// that screen readers need.
const inaccessible = `(() => {
	const found = [];
	const check = (selector, ok, problem) => {
		const all = [...document.querySelectorAll(selector)];
		if (!all.length) found.push("there is no " + selector);
		found.push(...all.filter((e) => !ok(e)).map((e) => problem + ": " + e.outerHTML.slice(0, 120)));
	};
	const label = (e) => e.getAttribute("aria-label") ||
		document.getElementById(e.getAttribute("aria-labelledby"))?.textContent || e.textContent.trim();
	for (const landmark of ["header", "nav", "main"]) {
		if (document.querySelectorAll(landmark).length !== 1) found.push("not exactly one " + landmark);
	}
	if (document.querySelectorAll("h1").length !== 1) found.push("not exactly one h1");
	check("section, nav", (e) => e.hasAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby")), "no name");
	check("main section > h2", () => true, "");
	check("table", (e) => e.caption?.textContent && e.tHead, "no caption or head");
	check("thead th", (e) => e.scope === "col" && e.hasAttribute("aria-sort"), "no scope or order");
	check("tbody th", (e) => e.scope === "row", "no scope");
	check("button, a, input, [tabindex]:not(main), summary", label, "no name");
	check("img", (e) => e.hasAttribute("alt"), "no alt");
	check("[role=slider]", (e) => e.getAttribute("aria-valuetext") && e.getAttribute("aria-describedby"), "no value");
	check("time", (e) => !Number.isNaN(Date.parse(e.dateTime)) && e.title, "no absolute time");
	check("nav a", (e) => document.querySelector(e.getAttribute("href")), "no target");
	check("svg", (e) => e.getAttribute("aria-hidden") === "true", "not hidden");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	found.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => "duplicate: #" + id));
	const live = [...document.querySelectorAll("[aria-live], [role=alert], [role=status]")].map((e) => e.id);
	if (live.join() !== "health-spoken") found.push("live regions: " + live);
	if (!document.documentElement.lang || !document.title) found.push("no language or title");
	return found;
})()`

var _ = Describe("The page", func() {
	var s *fakeServer
	BeforeEach(func() { s = newFakeServer(startDaemon(), fullOverview()) })

	DescribeTable("has sufficient contrast",
		func(l look) {
			t := open(s.page, l)
			eval[bool](t, `[...document.querySelectorAll("details")].map((d) => d.open = true).length > 0`)
			t.refreshed()
			Expect(eval[[]string](t, lowContrast)).To(BeEmpty())
		},
		Entry("in light mode", wide),
		Entry("in dark mode", look{width: 1440, height: 900, dark: true}),
		Entry("on a phone", narrow),
		Entry("on a phone in dark mode", look{width: 390, height: 844, dark: true}),
	)

	It("follows the color scheme of the system", func() {
		background := `getComputedStyle(document.body).backgroundColor`
		t := open(s.page, wide)
		Expect(eval[string](t, background)).To(Equal("rgb(244, 245, 247)"))
		t.look(look{width: 1440, height: 900, dark: true})
		t.eventually(background + ` === "rgb(14, 18, 23)"`)
	})

	It("has landmarks, names, captions and one live region", func() {
		Expect(eval[[]string](open(s.page, wide), inaccessible)).To(BeEmpty())
	})

	It("announces changed findings to screen readers, but not the numbers", func() {
		t := open(s.page, wide)
		announcement := `document.querySelector("#health-spoken").textContent`
		Expect(eval[string](t, announcement)).To(Equal("Problems: reloading the mapping file failed, families near the series limit, " +
			"events rejected, pushes rejected, workers without a recent heartbeat, unknown events."))
		eval[bool](t, `new MutationObserver(() => window.announced = true).observe(
			document.querySelector("#health-spoken"), {childList: true, characterData: true, subtree: true}) === undefined`)
		o := fullOverview()
		o["events"].(object)["per_second"] = 1234.5
		s.show(o)
		t.refreshed()
		Expect(t.text("#health")).To(ContainSubstring("1,235 events/s"))
		Expect(eval[bool](t, `window.announced === undefined`)).To(BeTrue())
	})

	It("has a link to the JSON for browsers without JavaScript", func() {
		t := open(s.page, wide)
		Expect(eval[string](t, `document.querySelector("noscript").textContent`)).To(ContainSubstring("api/v1/overview"))
	})

	DescribeTable("is not wider than the screen",
		func(l look) {
			t := open(s.page, l)
			t.expectFits()
			Expect(t.problems()).To(BeEmpty())
		},
		Entry("of a small phone", look{width: 320, height: 568}),
		Entry("of a phone", narrow),
		Entry("of a tablet", look{width: 820, height: 1180}),
		Entry("of a laptop", wide),
		Entry("of a wall display", look{width: 3840, height: 2160}),
	)

	DescribeTable("has tables that need no horizontal scrolling",
		func(width int64) {
			t := open(s.page, look{width: width, height: 900})
			Expect(eval[[]string](t, `[...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth).
				map((e) => e.closest("section").id)`)).To(BeEmpty())
		},
		Entry("on a phone", int64(390)),
		Entry("on a small screen", int64(1100)),
		Entry("on a laptop", int64(1280)),
		Entry("on a desktop", int64(1440)),
		Entry("on a large screen", int64(1920)),
	)

	It("works behind a path prefix", func() {
		t := open(s.page, wide)
		Expect(t.requestedURLs()).To(HaveEach(HavePrefix(s.page)))
		Expect(eval[string](t, `document.querySelector('a[href="metrics"]').href`)).To(Equal(s.page + "metrics"))
	})
})
