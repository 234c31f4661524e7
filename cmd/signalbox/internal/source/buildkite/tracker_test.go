package buildkite_test

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
	BeforeEach(func() { tracked = payloadtest.Track(at.Add(2 * time.Hour)) })

	It("observe the times of jobs once, in any order", func() {
		deliver("job.scheduled")
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver("job.started")
		Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
		deliver("job.finished-passed", "job.finished-passed", "job.started", "job.scheduled")
		want := map[string][]float64{"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {25}, "ci job run time": {180}}
		Expect(tracked.Events).To(Equal(want))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())

		tracked = payloadtest.Track(at.Add(2 * time.Hour))
		deliver("job.finished-passed", "job.started", "job.scheduled")
		Expect(tracked.Events).To(Equal(want))
		Expect(tracked.Last("ci job queue time")).To(HaveKeyWithValue("runner_class", "default"))
	})

	It("observe the times of builds", func() {
		deliver("build.scheduled")
		Expect(tracked.Gauge("ci runs active", "state", "pending")).To(Equal(1.0))
		deliver("build.running", "build.failing")
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		deliver("build.finished-failed", "build.finished-failed", "build.running", "build.scheduled", "build.failing")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run queue time": {8}, "ci run time": {171}}))
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
	})

	It("keep a blocked build active until it ends", func() {
		deliver("build.scheduled", "build.running", "build.finished-blocked")
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		Expect(tracked.Events).NotTo(HaveKey("ci run finished"))
		deliver("build.running", "build.finished-passed", "build.finished-blocked")
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run queue time": {8}, "ci run time": {240}}))
	})

	It("observe nothing of a job that is canceled in the queue", func() {
		deliver("job.scheduled", "job.finished-canceled-never-started")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "cancellation"))
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("observe nothing of a job that expired in the queue", func() {
		tracked = payloadtest.Track(at.Add(30 * 24 * time.Hour).Add(time.Minute))
		deliver("job.finished-expired")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci job queued": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("result", "error"), HaveKeyWithValue("error_type", "expired")))
	})

	It("observe nothing of a build that is skipped", func() {
		deliver("build.scheduled", "build.skipped", "build.skipped")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci run queued": {1}, "ci run finished": {1}}))
		Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("result", "skip"))
	})

	It("count a retry as another job, and its build again", func() {
		deliver("build.scheduled", "build.running", "job.started", "job.finished-failed", "build.finished-failed")
		again := func(fixture string, v values) {
			v["build.started_at"] = "2026-03-04T10:10:30.874Z"
			tracked.Apply(decode(fixture, v))
		}
		again("build.running", values{})
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		deliver("job.finished-retry-manual", "build.finished-failed", "build.running")
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		for range 2 {
			again("build.finished-passed", values{"build.finished_at": "2026-03-04T10:12:30.874Z"})
		}
		deliver("build.finished-failed", "build.running")
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		Expect(tracked.Events["ci run finished"]).To(Equal([]float64{1, 1}))
		Expect(tracked.Events["ci run time"]).To(Equal([]float64{171, 120}))
		Expect(tracked.Events["ci run queue time"]).To(Equal([]float64{8}))
		Expect(tracked.Last("ci run finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
		Expect(tracked.Events["ci job finished"]).To(Equal([]float64{1, 1}))
		Expect(tracked.Last("ci job finished")).To(And(HaveKeyWithValue("result", "success"), HaveKeyWithValue("retry", "true")))
	})

	It("are the same from EventBridge", func() {
		tracked = payloadtest.Track(time.Date(2019, 8, 11, 7, 0, 0, 0, time.UTC))
		tracked.Apply(decode("eventbridge-build_created", values{"time": "2019-08-11T06:01:12Z"}))
		deliver("eventbridge-build_started", "eventbridge-job_scheduled", "eventbridge-job_started", "eventbridge-job_finished", "eventbridge-build_finished")
		deliver("eventbridge-job_started", "eventbridge-build_started", "eventbridge-build_finished")
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run queue time": {4}, "ci run time": {19},
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {2}, "ci job run time": {19}}))
		Expect(tracked.Gauge("ci runs active", "", "")).To(BeZero())
		Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count agents by queue and state, in any order", func() {
		connected := decode("agent.connected", values{"agent.connected_at": at.Format(time.RFC3339Nano)})
		stopping := decode("agent.stopping", values{"agent.connected_at": at.Format(time.RFC3339Nano)})
		agents := func(state string) float64 { return tracked.Gauge("ci workers", "state", state) }
		tracked.Apply(connected)
		Expect(agents("available")).To(Equal(1.0))
		tracked.Apply(stopping)
		Expect(agents("available")).To(BeZero())
		Expect(agents("busy")).To(Equal(1.0))
		deliver("agent.stopped", "agent.disconnected", "agent.disconnected")
		tracked.Apply(stopping)
		tracked.Apply(connected)
		Expect(agents("busy") + agents("available")).To(BeZero())
		Expect(agents("offline")).To(Equal(1.0))
		Expect(tracked.Gauge("ci workers", "queue", "default")).To(Equal(1.0))
		Expect(tracked.Events).To(BeEmpty())
	})

	It("count agents that are lost", func() {
		tracked.Apply(decode("agent.connected", values{"agent.connected_at": at.Format(time.RFC3339Nano)}))
		deliver("agent.lost", "agent.lost")
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci worker lost": {1}}))
		Expect(tracked.Last("ci worker lost")).To(HaveKeyWithValue("queue", "default"))
		Expect(tracked.Gauge("ci workers", "state", "offline")).To(Equal(1.0))
	})
})
