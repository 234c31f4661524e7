package gitlab_test

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
	BeforeEach(func() { tracked = payloadtest.Track(time.Date(2023, 1, 10, 15, 0, 0, 0, time.UTC)) })

	It("observe the durations that GitLab measured", func() {
		deliver("build-life_a-1-created")
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
		deliver("build-life_a-2-pending")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("build-life_a-3-running")
		Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
		deliver("build-life_a-4-success", "build-life_a-4-success", "build-life_a-2-pending", "build-life_a-3-running")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {3.19}, "ci job run time": {49.503592}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count a retry as another job", func() {
		deliver("build-life_b_retry-1-running", "build-life_b_retry-2-failed-runner_system_failure")
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("result", "error"), HaveKeyWithValue("retry", "false"), HaveKeyWithValue("error_type", "runner_system_failure")))
		deliver("build-life_b_retry-3-retry-pending", "build-life_b_retry-4-retry-success")
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
		Expect(tracked.Events["ci job finished"]).To(Equal([]float64{1, 1}))
		Expect(tracked.Events["ci job queue time"]).To(Equal([]float64{3.19, 9}))
	})

	It("observe nothing of jobs that never started", func() {
		deliver("build-life_c-canceled-in-queue", "build-life_d-skipped", "build-life_e-failed-stuck_or_timeout_failure")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1, 1, 1}, "ci job finished": {1, 1, 1}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count both ends of a pipeline whose job is retried", func() {
		tracked = payloadtest.Track(time.Date(2016, 8, 12, 16, 0, 0, 0, time.UTC))
		deliver("pipeline-life_a-1-created", "pipeline-life_a-2-pending")
		Expect(tracked.Gauge("ci runs active", "state", "pending")).To(Equal(1.0))
		deliver("pipeline-life_a-3-running", "pipeline-life_a-4-failed")
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		Expect(tracked.Last("ci run finished")).To(And(HaveKeyWithValue("result", "failure"), HaveKeyWithValue("retry", "false")))
		deliver("pipeline-life_a-5-running-again-after-job-retry")
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		deliver("pipeline-life_a-6-success-second-finish", "pipeline-life_a-4-failed", "pipeline-life_a-6-success-second-finish")
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		Expect(tracked.Last("ci run finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1, 1}, "ci run finished": {1, 1}, "ci run queue time": {12}, "ci run time": {63, 80}}))
	})

	It("reopen a pipeline when a job is retried, but not because its start is delivered late", func() {
		tracked = payloadtest.Track(time.Date(2016, 8, 12, 16, 0, 0, 0, time.UTC))
		running := func(startedAt string) {
			tracked.Apply(decode("pipeline-life_a-3-running", values{"builds": []any{values{"status": "running", "started_at": startedAt}}}))
		}
		running("2016-08-12 15:23:40 UTC")
		deliver("pipeline-life_a-4-failed")
		running("2016-08-12 15:23:40 UTC")
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		running("2016-08-12 15:30:00 UTC")
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
	})

	It("measure deployments from running", func() {
		tracked = payloadtest.Track(time.Date(2021, 4, 28, 20, 0, 0, 0, time.UTC))
		deliver("deployment-running", "deployment-success")
		Expect(tracked.Events["ci deployment finished"]).To(Equal([]float64{1}))
		Expect(tracked.Events["ci deployment run time"]).To(Equal([]float64{60}))
	})
})
