package demo

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("a demo", func() {
	It("has simulated the past when it starts, and has ended when it is stopped", func() {
		var pushes atomic.Int64
		intake := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pushes.Add(1) }))
		DeferCleanup(intake.Close)
		recorded := &recorder{}
		d := Start(Options{
			Monitor:    newMonitor(recorded),
			Logger:     silent,
			Failures:   silent,
			Intake:     intake.URL,
			Seed:       1,
			Speed:      60,
			StaleAfter: 30 * time.Second,
			AgentTTL:   30 * time.Second,
		})
		Eventually(pushes.Load).Should(BeNumerically(">", 1))
		past := recorded.count("http response time")
		Eventually(func() int { return recorded.count("http response time") }).Should(BeNumerically(">", past))
		summary := d.Stop()
		pushed, started := pushes.Load(), d.simulation.monitor.BuildsStarted.TakeDelta()

		Expect(summary.Past).To(BeNumerically(">", 5_000))
		Expect(summary.Past + summary.Events()).To(BeEquivalentTo(d.simulation.tally.total()))
		Expect(summary.Simulated).To(And(BeNumerically(">", 0), BeNumerically("<=", 60*summary.Elapsed)))
		Expect(summary.Sent).To(BeNumerically("<=", pushed))
		Expect(summary.Failed).To(BeZero())
		Expect(started).To(BeZero(), "counters that were not emitted on Stop")
		Expect(recorded.counts).To(HaveKey("builds started"))
	})
})
