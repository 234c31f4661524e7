package browser

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page when the server is away", func() {
	It("says since when, and recovers", func() {
		s := newStage(startDaemon(), fullOverview())
		t := open(s.page, wide)
		Expect(eval[bool](t, `document.querySelector("#away").hidden`)).To(BeTrue())

		s.say(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusServiceUnavailable) })
		t.eventually(`!document.querySelector("#away").hidden`)
		Expect(t.text("#away")).To(MatchRegexp(`^No answer from the server since \d\d:\d\d:\d\d: it answered 503\. Next try in \d s\.$`))
		Expect(eval[string](t, `document.querySelector("#health-spoken").textContent`)).To(HavePrefix("No answer from the server since "))
		Expect(t.rows("workers")).To(HaveLen(19), "what was known stays")

		s.show(emptyOverview())
		t.eventually(`document.querySelector("#away").hidden`)
		Expect(t.rows("workers")).To(BeEmpty())
		Expect(eval[string](t, `document.querySelector("#health-spoken").textContent`)).To(HavePrefix("All well"))
	})

	It("asks less and less often", func() {
		s := newStage(startDaemon(), fullOverview())
		t := open(s.page, wide)
		s.say(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusInternalServerError) })
		t.eventually(`waits.at(-1) === 30000`)
		Expect(eval[[]float64](t, `waits.slice(-5)`)).To(Equal([]float64{2000, 4000, 8000, 16000, 30000}))
		Expect(t.text("#away")).To(HaveSuffix(" Next try in 30 s."))
	})

	It("says so when the server is gone", func() {
		d := startDaemon()
		t := open(d.page, wide)
		d.kill()
		t.eventually(`document.querySelector("#away").innerText.includes("it cannot be reached")`)
	})
})
