package browser

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Reports of other parts of the program", func() {
	var (
		o object
		s *fakeServer
		t *tab
	)
	BeforeEach(func() {
		o = emptyOverview()
		o["scrapes"] = fullOverview()["scrapes"]
		s = newFakeServer(startDaemon(), o)
		t = open(s.page, wide)
	})
	show := func(reports ...any) {
		GinkgoHelper()
		o["reports"] = reports
		s.show(o)
		t.refreshed()
	}
	lines := func() []string {
		return eval[[]string](t, `[...document.querySelectorAll("#reports p")].map((line) => line.innerText)`)
	}
	findings := func() []string {
		return eval[[]string](t, `[...document.querySelectorAll("#health .finding")].map((f) => f.className + " " + f.getAttribute("href") + " " + f.textContent)`)
	}

	It("have their lines below the heading of the events", func() {
		Expect(eval[bool](t, `document.querySelector("#reports").hidden`)).To(BeTrue())
		show(report("Standard input: 7 events; ended 5 s ago."), report(""), report("Journal: 3 entries."))
		Expect(lines()).To(Equal([]string{"Standard input: 7 events; ended 5 s ago.", "Journal: 3 entries."}))
		Expect(t.text("#health")).To(HavePrefix("Healthy"))
		show(report("Journal: 4 entries."))
		Expect(lines()).To(Equal([]string{"Journal: 4 entries."}))
		show()
		Expect(eval[bool](t, `document.querySelector("#reports").hidden`)).To(BeTrue())
		Expect(t.problems()).To(BeEmpty())
	})

	It("have their findings among the page's own, the worst first", func() {
		note, warn, bad := finding("note", "slow", "it is slow"), finding("warn", "full", "it is full"), finding("bad", "broken", "it is broken")
		show(report("", note))
		Expect(t.text("#health")).To(HavePrefix("Healthy"))
		Expect(findings()).To(Equal([]string{"finding note #events it is slow"}))

		show(report("", warn), report("", note))
		Expect(t.text("#health")).To(HavePrefix("Warnings"))

		show(report("", bad, finding("fatal", "odd", "its level is unknown")), report("", warn))
		Expect(t.text("#health")).To(HavePrefix("Problems"))
		Expect(findings()).To(Equal([]string{
			"finding bad #events it is broken", "finding warn #events it is full", "finding note #events its level is unknown"}))
		Expect(eval[string](t, `document.querySelector("#health-spoken").textContent`)).To(Equal("Problems: broken, full, odd."))

		By("showing all findings of the same kind")
		show(report("", warn), report("", finding("bad", "full", "it is full, too")))
		Expect(findings()).To(Equal([]string{"finding bad #events it is full, too", "finding warn #events it is full"}))

		By("keeping the focus while findings change")
		eval[bool](t, `document.querySelector("#health .warn").focus() === undefined`)
		show(report("", finding("bad", "full", "it is full, too"), bad), report("", warn))
		Expect(findings()).To(HaveLen(3))
		Expect(eval[string](t, `document.activeElement.textContent`)).To(HavePrefix("it is full"))
		show()
		Expect(findings()).To(BeEmpty())
		Expect(t.problems()).To(BeEmpty())
	})

	It("explain how to send events until the first event arrives", func() {
		Expect(t.text("#events .hint")).To(Equal("No events received yet."))
		r := report("")
		r["help"] = list{object{"section": "events", "text": "Set these variables:"}, object{"section": "events", "snippet": "A=1\nB=2"},
			object{"section": "events", "text": "Then <b>restart</b> {hostname}."}, object{"section": "groups", "text": "Push."}}
		show(r)
		Expect(eval[[]string](t, `[...document.querySelectorAll("#events .hint p, #events .hint code")].map((e) => e.innerText)`)).
			To(Equal([]string{"Set these variables:", "A=1\nB=2", "Then <b>restart</b> 127.0.0.1."}))
		Expect(t.text("#events .hint button")).To(Equal("Copy"))
		Expect(t.text("#groups .hint")).To(MatchRegexp(`There are no pushed groups\.\s+Push\.`))
		show(report("A line."))
		Expect(t.text("#events .hint")).To(Equal("No events received yet."))

		By("not doing so after unknown events")
		o["events"].(object)["received"], o["events"].(object)["unknown"] = 2, 2
		show(r)
		Expect(t.text("#events .hint")).To(Equal("No known events received yet."))
	})

	It("have their invisible characters escaped", func() {
		r := report("gnp\u202Egpj \x00", finding("warn", "odd", "a\u200Bb"))
		r["help"] = list{object{"section": "events", "text": "c\u202Ed"}, object{"section": "events", "snippet": "e\u202Ef\ng"}}
		show(r)
		Expect(lines()).To(Equal([]string{"gnp‹U+202E›gpj ‹U+0000›"}))
		Expect(findings()).To(Equal([]string{"finding warn #events a‹U+200B›b"}))
		Expect(t.text("#events .hint")).To(And(ContainSubstring("c‹U+202E›d"), ContainSubstring("e‹U+202E›f\ng")))
	})
})

var _ = Describe("The page of a program that does not accept pushes", func() {
	It("has no sections for pushed groups and agents", func() {
		o := fullOverview()
		s := newFakeServer(startDaemon(), o)
		t := open(s.page, wide)
		visible := func() []bool {
			return eval[[]bool](t, `["#groups", "#agents", "nav a[href='#groups']", "nav a[href='#agents']"].map((e) => document.querySelector(e).checkVisibility())`)
		}
		Expect(visible()).To(HaveEach(true))
		delete(o, "groups")
		delete(o, "agents")
		s.show(o)
		t.refreshed()
		Expect(visible()).To(HaveEach(false))
		Expect(t.text("#health")).To(ContainSubstring("163,217 series"))
		Expect(t.rows("workers")).To(HaveLen(19))
		Expect(t.problems()).To(BeEmpty())
		s.show(fullOverview())
		t.refreshed()
		Expect(visible()).To(HaveEach(true))
	})
})
