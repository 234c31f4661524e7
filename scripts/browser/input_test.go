package browser

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page of a daemon that reads events from standard input", func() {
	It("tells that it has ended, and how events come from a log", func() {
		d := startDaemon("--stdin", "--stdin-format=lager") // which is at its end at once
		Eventually(func() any { return d.overview()["input"].(object)["ended_at"] }).ShouldNot(BeNil())
		t := open(d.page, wide)
		Expect(t.text("#health")).To(And(HavePrefix("Attention"), MatchRegexp(`(?i)standard input ended \d+ s ago`)))
		Expect(t.text("#input")).To(MatchRegexp(`^Standard input: 0 events, 0 lines of the log skipped; ended \d+ s ago\.$`))
		Expect(t.text("#events code")).To(Equal("CONCOURSE_EMIT_TO_LOGS=true\nCONCOURSE_LOG_LEVEL=debug"))
		Expect(t.text("#events")).NotTo(ContainSubstring("curl"))
		Expect(t.trouble()).To(BeEmpty())
	})

	It("tells what became of its lines, and what is wrong with them", func() {
		o := emptyOverview()
		s := newStage(startDaemon(), o)
		t := open(s.page, wide)
		Expect(eval[bool](t, `document.querySelector("#input").hidden`)).To(BeTrue())
		becomes := func(input object) {
			o["input"] = input
			s.show(o)
			t.refreshed()
		}

		becomes(object{"format": "lager"})
		Expect(t.text("#health")).NotTo(ContainSubstring("input"), "it has just started")
		o["started"] = ago(2 * time.Minute)
		becomes(object{"format": "lager"})
		Expect(t.text("#health")).To(And(HavePrefix("Attention"), MatchRegexp("(?i)no line has come on standard input")))

		becomes(object{"format": "lager", "skipped": 19})
		Expect(t.text("#health")).To(And(HavePrefix("All well"), Not(ContainSubstring("input"))))
		Expect(t.text("#input")).To(Equal("Standard input: 0 events, 19 lines of the log skipped."))

		becomes(object{"format": "lager", "rejected": 12, "skipped": 1300})
		Expect(t.text("#health")).To(And(HavePrefix("Attention"), MatchRegexp("(?i)none of 1,312 lines of standard input is an event")))
		Expect(t.text("#input")).To(Equal("Standard input: 0 events, 12 lines rejected, 1,300 lines of the log skipped."))

		becomes(object{"format": "lager", "accepted": 1, "unknown": 1, "skipped": 1300})
		Expect(t.text("#health")).To(And(HavePrefix("All well"), Not(ContainSubstring("input"))))
		Expect(t.text("#input")).To(Equal("Standard input: 1 event, 1 of them unknown, 1,300 lines of the log skipped."))

		becomes(object{"format": "events", "accepted": 7, "ended_at": ago(3 * time.Minute)})
		Expect(t.text("#health")).To(And(HavePrefix("Attention"), MatchRegexp("(?i)standard input ended 3 min ago")))
		Expect(t.text("#input")).To(Equal("Standard input: 7 events; ended 3 min ago."))
		Expect(t.text("#events code")).To(HavePrefix("curl "))

		becomes(object{"format": "events", "accepted": 7, "ended_at": ago(3 * time.Minute), "error": "line 8: input/output error"})
		Expect(t.text("#health")).To(And(HavePrefix("Trouble"),
			MatchRegexp("(?i)standard input could not be read to its end: line 8: input/output error")))
		Expect(t.trouble()).To(BeEmpty())
	})
})
