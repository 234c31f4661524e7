package gitea_test

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
	// received is when all deliveries are received.
	received := at.Add(7 * time.Second)
	BeforeEach(func() { tracked = payloadtest.Track(received) })

	It("observe the queue time and run time of a job", func() {
		deliver("workflow_job-life_a-2-queued")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("workflow_job-life_a-3-in_progress", "workflow_job-life_a-4-completed-success")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {9}, "ci job run time": {120}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
		for _, c := range tracked.Stats().Anomalies {
			Expect(c.Count).To(BeZero(), c.Name)
		}
	})

	It("observe the queue time of a job that waited for other jobs from the time at which it is queued", func() {
		deliver("workflow_job-life_a-1-waiting-blocked-by-needs")
		Expect(tracked.Gauge("ci jobs active", "state", "blocked")).To(Equal(1.0))
		deliver("workflow_job-life_a-2-queued", "workflow_job-life_a-1-waiting-blocked-by-needs")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("workflow_job-life_a-3-in_progress", "workflow_job-life_a-4-completed-success")
		Expect(tracked.Events["ci job queue time"]).To(Equal([]float64{2}))
	})

	It("count a job once, in the wrong order and twice", func() {
		for range 2 {
			deliver("workflow_job-life_a-4-completed-success", "workflow_job-life_a-3-in_progress", "workflow_job-life_a-2-queued", "workflow_job-life_a-1-waiting-blocked-by-needs")
		}
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {9}, "ci job run time": {120}}))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("observe nothing of a job that is cancelled in the queue", func() {
		deliver("workflow_job-life_a-2-queued", "workflow_job-completed-cancelled-in-queue")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "cancellation"))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("give jobs the pipeline of their run", func() {
		deliver("workflow_run-life_b_rerun-1-requested", "workflow_job-life_b_rerun-3-completed-failure")
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("pipeline", "CI"), HaveKeyWithValue("ref_kind", "default"), HaveKeyWithValue("trigger", "push")))
	})

	It("observe the times of each attempt", func() {
		tracked = payloadtest.Track(at.Add(time.Hour))
		deliver("workflow_run-life_b_rerun-1-requested", "workflow_job-life_b_rerun-1-queued", "workflow_job-life_b_rerun-2-in_progress",
			"workflow_run-life_b_rerun-2-in_progress", "workflow_job-life_b_rerun-3-completed-failure", "workflow_run-life_b_rerun-3-completed-failure")
		Expect(tracked.Events["ci run time"]).To(Equal([]float64{210}))
		deliver("workflow_run-life_b_rerun-4-rerun-requested-attempt2", "workflow_job-life_b_rerun-4-rerun-queued-attempt2", "workflow_job-life_b_rerun-5-rerun-in_progress-attempt2",
			"workflow_run-life_b_rerun-5-rerun-in_progress-attempt2", "workflow_job-life_b_rerun-6-rerun-completed-success-attempt2", "workflow_run-life_b_rerun-6-rerun-completed-success-attempt2")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1, 1}, "ci run started": {1, 1}, "ci run finished": {1, 1}, "ci run time": {210, 300},
			"ci job queued": {1, 1}, "ci job started": {1, 1}, "ci job finished": {1, 1}, "ci job queue time": {12, 5}, "ci job run time": {210, 300}}))
		for _, event := range []string{"ci run finished", "ci job finished"} {
			Expect(tracked.Last(event)).To(And(HaveKeyWithValue("retry", "true"), HaveKeyWithValue("result", "success"), HaveKeyWithValue("pipeline", "CI")))
		}
		Expect(tracked.Gauge("ci runs active", "", "") + tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	// Before Gitea 1.27, the run has no attempt, and the job is in attempt 0 until it
	// starts, keeps its ID, and keeps the time of its creation.
	It("observe the times of each attempt before Gitea 1.27", func() {
		tracked = payloadtest.Track(at.Add(time.Hour))
		for range 2 {
			for _, n := range []string{"1-requested", "2-in_progress", "3-completed-failure", "4-rerun-requested-attempt2", "5-rerun-in_progress-attempt2", "6-rerun-completed-success-attempt2"} {
				tracked.Apply(decode("workflow_run-life_b_rerun-"+n, values{"workflow_run.run_attempt": 0, "workflow_run.previous_attempt_url": payloadtest.Removed}))
			}
			for i, n := range []string{"1-queued", "2-in_progress", "3-completed-failure", "4-rerun-queued-attempt2", "5-rerun-in_progress-attempt2", "6-rerun-completed-success-attempt2"} {
				tracked.Apply(decode("workflow_job-life_b_rerun-"+n, values{"workflow_job.run_attempt": []int{0, 1, 1, 1, 2, 2}[i], "workflow_job.id": 502, "workflow_job.created_at": "2026-03-04T10:00:00Z"}))
			}
		}
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1, 1}, "ci run finished": {1, 1}, "ci run time": {210, 300},
			"ci job queued": {1, 1}, "ci job started": {1, 1}, "ci job finished": {1, 1}, "ci job queue time": {12}, "ci job run time": {210, 300}}))
		Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("retry", "true"))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("retry", "true"))
		Expect(tracked.Gauge("ci runs active", "", "") + tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count runs of Forgejo once, although a success after a failure is delivered twice", func() {
		deliver("action_run_success", "action_run_recover", "action_run_success")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run queue time": {9}, "ci run time": {120}}))
		tracked.Apply(decode("action_run_success", values{"run.started": "2026-03-04T10:10:00Z", "run.stopped": "2026-03-04T10:11:00Z"})) // again
		Expect(tracked.Events["ci run time"]).To(Equal([]float64{120, 60}))
		Expect(tracked.Events["ci run queue time"]).To(Equal([]float64{9}))
		Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("retry", "true"))
	})

	It("count jobs of Forgejo without times", func() {
		deliver("workflow_job_blocked-life_c-1")
		Expect(tracked.Gauge("ci jobs active", "state", "blocked")).To(Equal(1.0))
		deliver("workflow_job_waiting-life_c-2")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("workflow_job_running-life_c-3")
		Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
		deliver("workflow_job_success-life_c-4", "workflow_job_success-life_c-4")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("pipeline", "ci.yml"), HaveKeyWithValue("runner_class", "ubuntu-latest")))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})
})
