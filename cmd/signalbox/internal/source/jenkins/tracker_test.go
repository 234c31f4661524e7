package jenkins_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
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

	Describe("of the notification plugin", func() {
		const queued, started, completed, finalized = "notification-queued", "notification-started", "notification-completed-success", "notification-finalized-success"
		once := map[string][]float64{
			"ci run queued": {1}, "ci run started": {1}, "ci run queue time": {3}, "ci run finished": {1}, "ci run time": {120},
			"ci job queued": {1}, "ci job started": {1}, "ci job queue time": {3}, "ci job finished": {1}, "ci job run time": {120},
			"ci tests finished": {208, 2},
		}
		active := func() [2]float64 {
			return [2]float64{tracked.Gauge("ci runs active", "", ""), tracked.Gauge("ci jobs active", "", "")}
		}
		BeforeEach(func() { tracked = payloadtest.Track(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)) })

		It("are a run and a job, with the exact queue time", func() {
			deliver(queued)
			Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
			deliver(started)
			Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
			deliver(completed, finalized, started, queued, completed)
			Expect(tracked.Events).To(Equal(once))
			Expect(active()).To(Equal([2]float64{}))
		})

		It("count the same in other orders, apart from queue times that a lost start prevents", func() {
			deliver(completed, started, finalized, queued)
			Expect(tracked.Events["ci run finished"]).To(Equal([]float64{1}))
			Expect(tracked.Events["ci job run time"]).To(Equal([]float64{120}))
			Expect(active()).To(Equal([2]float64{}))
		})

		It("end with FINALIZED if COMPLETED is lost", func() {
			deliver(queued, started, finalized)
			delete(tracked.Events, "ci tests finished") // this one has none
			expected := map[string][]float64{}
			for name, v := range once {
				if name != "ci tests finished" {
					expected[name] = v
				}
			}
			Expect(tracked.Events).To(Equal(expected))
		})

		It("observe no time of a build that was not built", func() {
			deliver("notification-completed-not_built")
			Expect(tracked.Last("ci run finished")).To(HaveKeyWithValue("result", "skip"))
			Expect(tracked.Events).NotTo(HaveKey("ci run time"))
		})
	})

	Describe("of the CloudEvents plugin", func() {
		const queued, left, started, completed, finalized = "cloudevents-queue_entered_waiting", "cloudevents-queue_left", "cloudevents-job_started", "cloudevents-job_completed", "cloudevents-job_finalized"
		BeforeEach(func() { tracked = payloadtest.Track(time.Date(2021, 7, 18, 15, 30, 0, 0, time.UTC)) })

		It("are a job that waits and leaves the queue, and then a run and this job", func() {
			deliver(queued)
			Expect(tracked.Gauge("ci jobs active", "state", "pending")).To(Equal(1.0))
			deliver(left)
			Expect(tracked.Gauge("ci jobs active", "", "")).To(BeZero())
			deliver(started)
			Expect(tracked.Gauge("ci jobs active", "state", "executing")).To(Equal(1.0))
			deliver(completed, finalized, started, left, queued)
			Expect(tracked.Events).To(Equal(map[string][]float64{
				"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}, "ci run time": {5.583},
				"ci job queued": {1}, "ci job started": {1}, "ci job queue time": {0.023}, "ci job finished": {1}, "ci job run time": {5.583},
			}))
			Expect(tracked.Gauge("ci jobs active", "", "") + tracked.Gauge("ci runs active", "", "")).To(BeZero())
		})

		It("count a node that was cut off as lost", func() {
			deliver("cloudevents-node_offline")
			Expect(tracked.Events).To(Equal(map[string][]float64{"ci worker lost": {1}}))
			Expect(tracked.Gauge("ci workers", "state", "offline")).To(Equal(1.0))
			deliver("cloudevents-node_online")
			Expect(tracked.Gauge("ci workers", "state", "available")).To(Equal(1.0))
		})

		It("ignore events about the configuration of jobs, and others", func() {
			for _, fixture := range []string{"cloudevents-job_created", "cloudevents-job_updated"} {
				Expect(decode(fixture, nil).Outcome).To(Equal(payload.Ignored))
			}
		})
	})
})
