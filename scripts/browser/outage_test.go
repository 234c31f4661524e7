package browser

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page when the server does not answer", func() {
	It("shows since when, and recovers", func() {
		s := newFakeServer(startDaemon(), fullOverview())
		t := open(s.page, wide)
		Expect(eval[bool](t, `document.querySelector("#outage").hidden`)).To(BeTrue())

		s.handle(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusServiceUnavailable) })
		t.eventually(`!document.querySelector("#outage").hidden`)
		Expect(t.text("#outage")).To(MatchRegexp(`^No update since \d\d:\d\d:\d\d: .* 503\. Retrying in \d s\.$`))
		Expect(eval[string](t, `document.querySelector("#health-spoken").textContent`)).To(HavePrefix("No update since "))
		Expect(t.rows("workers")).To(HaveLen(19), "the latest overview stays")

		s.show(emptyOverview())
		t.eventually(`document.querySelector("#outage").hidden`)
		Expect(t.rows("workers")).To(BeEmpty())
		Expect(eval[string](t, `document.querySelector("#health-spoken").textContent`)).To(HavePrefix("Healthy"))
	})

	It("sends fewer and fewer requests", func() {
		s := newFakeServer(startDaemon(), fullOverview())
		t := open(s.page, wide)
		s.handle(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusInternalServerError) })
		t.eventually(`waits.at(-1) === 30000`)
		Expect(eval[[]float64](t, `waits.slice(-5)`)).To(Equal([]float64{2000, 4000, 8000, 16000, 30000}))
		Expect(t.text("#outage")).To(HaveSuffix(" Retrying in 30 s."))
	})

	It("shows that the server has stopped", func() {
		d := startDaemon()
		t := open(d.page, wide)
		d.kill()
		t.eventually(`document.querySelector("#outage").innerText.includes("cannot be reached")`)
	})
})
