package github_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
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
	BeforeEach(func() { tracked = payloadtest.Track(at.Add(7 * time.Hour)) })

	It("observe the queue time and run time of a job", func() {
		deliver("workflow_job-life_a-1-queued")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("workflow_job-life_a-2-in_progress", "workflow_job-life_a-3-completed-success")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {12}, "ci job run time": {210}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count a job once, in the wrong order and twice", func() {
		for range 2 {
			deliver("workflow_job-life_d_out_of_order-1-completed", "workflow_job-life_d_out_of_order-2-in_progress", "workflow_job-life_d_out_of_order-3-queued")
		}
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {5}, "ci job run time": {4}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("observe nothing of a skipped job, and count that its start is before its creation", func() {
		tracked = payloadtest.Track(time.Date(2025, 5, 2, 14, 16, 0, 0, time.UTC))
		deliver("workflow_job-completed-skipped-started-before-created")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "skip"))
		var anomalies []tracker.Count
		for _, c := range tracked.Stats().Anomalies {
			if c.Count > 0 {
				anomalies = append(anomalies, c)
			}
		}
		Expect(anomalies).To(Equal([]tracker.Count{{System: "github", Name: "negative_queue", Count: 1}}))
	})

	It("observe nothing of a job that is cancelled in the queue", func() {
		deliver("workflow_job-life_c_cancelled_in_queue-1-queued", "workflow_job-life_c_cancelled_in_queue-2-completed-cancelled-never-started")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "cancellation"))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("observe the times of each attempt of a run", func() {
		deliver("workflow_run-life_b_rerun-1-requested", "workflow_job-life_a-2-in_progress", "workflow_run-life_b_rerun-2-in_progress",
			"workflow_run-life_b_rerun-3-completed-failure")
		Expect(tracked.Events["ci run queue time"]).To(Equal([]float64{12}))
		Expect(tracked.Events["ci run time"]).To(Equal([]float64{572}))
		deliver("workflow_run-life_b_rerun-4-rerun-requested-attempt2", "workflow_run-life_b_rerun-5-rerun-in_progress-attempt2",
			"workflow_job-life_b_rerun-5-rerun-in_progress-attempt2", "workflow_run-life_b_rerun-6-rerun-completed-success-attempt2")
		Expect(tracked.Events["ci run queue time"]).To(Equal([]float64{12, 5}))
		Expect(tracked.Events["ci run time"]).To(Equal([]float64{572, 303}))
		Expect(tracked.Events["ci run finished"]).To(Equal([]float64{1, 1}))
		Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("retry", "true"))
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
	})

	It("do not count a job that waits for an approval as waiting for a runner", func() {
		tracked = payloadtest.Track(time.Date(2023, 4, 19, 22, 0, 0, 0, time.UTC))
		deliver("workflow_job-queued-with-deployment-status-waiting", "workflow_job-waiting-approval")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(BeZero())
		Expect(tracked.Gauge("ci jobs active", "state", "blocked")).To(Equal(1.0))
	})

	It("give jobs the branch kind of their run", func() {
		deliver("workflow_run-life_b_rerun-1-requested", "workflow_job-life_a-3-completed-success")
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("ref_kind", "default"))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("trigger", "push"))
	})

	It("measure deployments from in_progress, and the lead time from the commit of the run", func() {
		const sha = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
		tracked = payloadtest.Track(time.Date(2019, 5, 15, 16, 0, 0, 0, time.UTC))
		tracked.Apply(decode("workflow_run-requested", values{
			"repository.full_name": "octo-user/Hello-World", "workflow_run.head_sha": sha, "workflow_run.head_commit.id": sha,
			"workflow_run.head_commit.timestamp": "2019-05-15T15:11:25Z", "workflow_run.run_started_at": "2019-05-15T15:12:00Z",
			"workflow_run.created_at": "2019-05-15T15:12:00Z", "workflow_run.updated_at": "2019-05-15T15:12:00Z"}))
		deliver("deployment_status-in_progress")
		tracked.Apply(decode("deployment_status-failure", values{"deployment_status.state": "success"}))
		Expect(tracked.Events["ci deployment finished"]).To(Equal([]float64{1}))
		Expect(tracked.Events["ci deployment run time"]).To(Equal([]float64{30}))
		Expect(tracked.Events["ci change lead time"]).To(Equal([]float64{600}))
		Expect(tracked.Last("ci deployment finished")).To(HaveKeyWithValue("tier", "production"))
	})
})
