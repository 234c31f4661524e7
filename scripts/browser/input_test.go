package browser

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page of a daemon that reads events from standard input", func() {
	It("shows that standard input has ended, and how to get events from a log", func() {
		d := startDaemon("--stdin", "--stdin-format=lager") // its standard input is empty
		Eventually(func() any { return d.overview()["input"].(object)["ended_at"] }).ShouldNot(BeNil())
		t := open(d.page, wide)
		Expect(t.text("#health")).To(And(HavePrefix("Warnings"), MatchRegexp(`(?i)standard input ended \d+ s ago`)))
		Expect(t.text("#reports")).To(MatchRegexp(`^Standard input: 0 events, 0 log lines skipped; ended \d+ s ago\.$`))
		Expect(t.text("#events code")).To(Equal("CONCOURSE_EMIT_TO_LOGS=true\nCONCOURSE_LOG_LEVEL=debug"))
		Expect(t.text("#events")).NotTo(ContainSubstring("curl"))
		Expect(t.problems()).To(BeEmpty())
	})
})
