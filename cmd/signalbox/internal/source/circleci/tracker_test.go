package circleci_test

import (
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
	BeforeEach(func() { tracked = payloadtest.Track(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)) })

	It("count each workflow and job once, in the wrong order and twice", func() {
		for range 2 {
			deliver("life_b-3-workflow-success", "life_a-3-workflow-failed", "life_a-2-job-test-failed", "life_b-2-job-deploy-success",
				"life_b-1-job-test-success", "life_a-1-job-lint-success")
		}
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1, 1}, "ci run started": {1, 1}, "ci run finished": {1, 1}, "ci run time": {240, 191},
			"ci job queued": {1, 1, 1, 1}, "ci job started": {1, 1, 1, 1}, "ci job finished": {1, 1, 1, 1}, "ci job run time": {184, 54, 172, 46.5}}))
		for _, gauge := range []string{"ci runs active", "ci jobs active"} {
			Expect(tracked.Gauge(gauge, "", "")).To(BeZero())
		}
	})

	It("observe no time of a job that never started", func() {
		deliver("life_c-1-job-canceled-never-started", "life_c-2-workflow-canceled")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run time": {120}, "ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "cancellation"))
	})

	It("give jobs the workflow's name", func() {
		deliver("life_a-2-job-test-failed")
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("pipeline", "build-and-deploy"), HaveKeyWithValue("job", "test"),
			Not(HaveKey("ref_kind")), HaveKeyWithValue("error_type", "_OTHER"), Not(HaveKey("retry"))))
	})
})
