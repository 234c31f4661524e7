package azuredevops_test

import (
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// These specs check that the tracker counts and measures what the decoder returns.
var _ = Describe("Tracked deliveries", func() {
	var tracked *payloadtest.Tracked
	deliver := func(fixtures ...string) {
		GinkgoHelper()
		for _, fixture := range fixtures {
			tracked.Apply(decode(fixture, nil))
		}
	}
	expectIdle := func() {
		GinkgoHelper()
		for _, gauge := range []string{"ci runs active", "ci jobs active"} {
			Expect(tracked.Gauge(gauge, "", "")).To(BeZero())
		}
	}
	lifeA := []string{"life_a-1-run-inProgress", "life_a-2-job-waiting", "life_a-3-job-running", "life_a-4-job-completed-succeeded",
		"life_a-5-run-completed-succeeded", "life_a-6-build.complete-succeeded"}
	BeforeEach(func() { tracked = payloadtest.Track(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)) })

	It("observe the queue time of a job by the times of two events", func() {
		deliver(lifeA[:2]...)
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		deliver(lifeA[2:]...)
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run time": {190.5},
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {32.25}, "ci job run time": {149.53}}))
		expectIdle()
	})

	It("count each run and job once, in any order and twice", func() {
		for range 50 {
			tracked = payloadtest.Track(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC))
			order := append(lifeA[:len(lifeA):len(lifeA)], lifeA...)
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			deliver(order...)
			for _, name := range []string{"ci run queued", "ci run started", "ci run finished", "ci job queued", "ci job started", "ci job finished"} {
				Expect(tracked.Events[name]).To(Equal([]float64{1}), "%s: %q", name, order)
			}
			Expect(tracked.Events["ci job run time"]).To(Equal([]float64{149.53}), "%q", order)
			Expect(tracked.Events["ci job queue time"]).To(Or(BeEmpty(), Equal([]float64{32.25})), "%q", order)
			Expect(tracked.Events["ci run time"]).To(HaveExactElements(BeNumerically("~", 190.5, .01)), "%q", order)
			for _, c := range tracked.Stats().Anomalies {
				Expect(c.Count).To(BeZero(), "%s: %q", c.Name, order)
			}
			expectIdle()
		}
	})

	It("do not count the end of a run twice if an event about it is created only later", func() {
		tracked.Apply(decode("life_a-5-run-completed-succeeded", nil))
		tracked.Apply(decode("life_a-1-run-inProgress", values{"createdDate": "2026-03-04T10:03:30Z"}))
		Expect(tracked.Events["ci run finished"]).To(Equal([]float64{1}))
		expectIdle()
	})

	It("count a job that is run again as another job, and its run's end as another end", func() {
		deliver("life_b-1-job-waiting", "life_b-2-job-running", "life_b-3-job-completed-failed", "life_b-4-run-completed-failed")
		Expect(tracked.Last("ci run finished")).To(And(HaveKeyWithValue("result", "failure"), HaveKeyWithValue("retry", "false")))
		deliver("life_b-5-run-inProgress-again", "life_b-6-job-waiting-attempt2", "life_b-7-job-running-attempt2", "life_b-8-job-completed-succeeded-attempt2",
			"life_b-9-run-completed-succeeded-again", "life_b-9-run-completed-succeeded-again", "life_b-4-run-completed-failed")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1, 1}, "ci run finished": {1, 1}, "ci run time": {68},
			"ci job queued": {1, 1}, "ci job started": {1, 1}, "ci job finished": {1, 1}, "ci job queue time": {5, 40}, "ci job run time": {60, 50}}))
		Expect(tracked.Last("ci run finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
		expectIdle()
	})

	It("observe no times of a job that is canceled in the queue", func() {
		deliver("life_c-1-run-inProgress", "life_c-2-job-waiting", "life_c-3-run-canceling", "life_c-4-job-completed-canceled", "life_c-5-run-completed-canceled")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run time": {121}, "ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "cancellation"))
		expectIdle()
	})

	It("count runs of two organizations with the same id", func() {
		deliver(lifeA...)
		for _, fixture := range lifeA {
			tracked.Apply(decode(fixture, values{"resourceContainers.collection.id": "x"}))
		}
		Expect(tracked.Events["ci run finished"]).To(Equal([]float64{1, 1}))
		Expect(tracked.Events["ci job queue time"]).To(Equal([]float64{32.25, 32.25}))
	})
})
