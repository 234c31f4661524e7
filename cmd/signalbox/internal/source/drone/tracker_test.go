package drone_test

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
	BeforeEach(func() { tracked = payloadtest.Track(at.Add(time.Hour)) })

	It("observe the times of a build and its stages", func() {
		deliver(pending)
		Expect(tracked.Gauge("ci runs active", "state", "pending")).To(Equal(1.0))
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		deliver(running)
		Expect(tracked.Gauge("ci runs active", "state", "executing")).To(Equal(1.0))
		Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
		deliver(success)
		Expect(tracked.Events).To(Equal(map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run queue time": {10}, "ci run time": {120},
			"ci job queued": {1}, "ci job started": {1}, "ci job finished": {1}, "ci job queue time": {10}, "ci job run time": {120}}))
		Expect(tracked.Gauge("ci runs active", "", "") + tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("count a build once, in the wrong order and twice", func() {
		for range 2 {
			deliver(success, running, pending)
		}
		for _, event := range []string{"ci run queued", "ci run started", "ci run finished", "ci job queued", "ci job started", "ci job finished"} {
			Expect(tracked.Events[event]).To(Equal([]float64{1}), event)
		}
		Expect(tracked.Events["ci job queue time"]).To(Equal([]float64{10}))
	})

	It("observe nothing of a build that is killed in the queue", func() {
		deliver(pending)
		tracked.Apply(decode(killed, values{"build.started": created + 30, "build.stages": []values{{
			"id": 1, "status": "skipped", "created": created, "updated": created + 30, "started": created + 30, "stopped": created + 30}}}))
		Expect(tracked.Events).To(Equal(map[string][]float64{"ci run queued": {1}, "ci job queued": {1}, "ci run finished": {1}, "ci job finished": {1}}))
		Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("result", "cancellation"))
		Expect(tracked.Last("ci job finished")).To(HaveKeyWithValue("result", "skip"))
		Expect(tracked.Gauge("ci runs active", "", "") + tracked.Gauge("ci jobs active", "", "")).To(BeZero())
	})

	It("measure the queue time of a stage from the end of the stages that it depends on", func() {
		stage := func(status string, updated, started int) {
			tracked.Apply(decode(running, values{"build.stages": []values{{
				"id": 7, "status": status, "created": created, "updated": created + updated, "started": started, "depends_on": []string{"build"}}}}))
		}
		stage("waiting_on_dependencies", 0, 0)
		Expect(tracked.Gauge("ci jobs active", "state", "blocked")).To(Equal(1.0))
		stage("pending", 100, 0)
		Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
		stage("running", 103, created+103)
		Expect(tracked.Events["ci job queue time"]).To(Equal([]float64{3}))
	})
})
