package cdevents_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cdevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

var _ = Describe("Events", func() {
	DescribeTable("are the same in each version and mode", func(one, other string) {
		a, b := decode(one, nil), decode(other, nil)
		Expect(a.Changes).NotTo(BeEmpty())
		Expect(b).To(Equal(a))
	},
		Entry(nil, "v0.4.1-pipelinerun_queued", "v0.5.1-pipelinerun_queued"),
		Entry(nil, "v0.4.1-pipelinerun_finished", "v0.5.1-pipelinerun_finished"),
		Entry(nil, "v0.4.1-taskrun_finished", "v0.5.1-taskrun_finished"),
		Entry(nil, "v0.4.1-service_upgraded", "v0.5.1-service_upgraded"),
		Entry(nil, "v0.4.1-incident_resolved", "v0.5.1-incident_resolved"),
		Entry(nil, "v0.5.1-pipelinerun_finished", "v0.5.1-pipelinerun_finished-structured"),
		Entry(nil, "v0.5.1-service_deployed", "v0.5.1-service_deployed-structured"),
	)

	It("are the same in a batch", func() {
		f := payloadtest.One(GinkgoTB(), "testdata/v0.5.1-batch")
		batch, err := cdevents.Decode(f.Header, f.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(batch.ID).To(BeEmpty())
		Expect(batch.Changes).To(Equal(append(decode("v0.5.1-pipelinerun_queued", nil).Changes, decode("v0.5.1-pipelinerun_started", nil).Changes...)))
	})

	It("are decoded whatever the version of their type", func() {
		for _, version := range []string{"", ".", ".9.9.9", ".0.3.0-draft"} {
			Expect(change("v0.5.1-pipelinerun_finished", values{"context.type": "dev.cdevents.pipelinerun.finished" + version}).Result).To(Equal("failure"))
		}
	})

	DescribeTable("are ignored", func(kind, reason string) {
		d := decode("v0.5.1-pipelinerun_finished", values{"context.type": kind})
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(ContainSubstring(reason))
	},
		Entry(nil, "dev.cdevents.change.merged.0.3.0", `the subject "change"`),
		Entry(nil, "dev.cdevents.environment.created.0.3.0", `the subject "environment"`),
		Entry(nil, "dev.cdevents.artifact.published.0.3.0", `the subject "artifact"`),
		Entry(nil, "dev.cdevents.testsuiterun.finished.0.3.0", "only the test cases"),
		Entry(nil, "dev.cdevents.testcaserun.started.0.3.0", "when they finish"),
		Entry(nil, "dev.cdevents.service.removed.0.3.0", "does not report a deployment"),
		Entry(nil, "dev.cdevents.service.published.0.3.0", "does not report a deployment"),
		Entry(nil, "dev.cdevents.", `the subject ""`),
		Entry(nil, "dev.cdeventsx.tool-thing.done.0.1.0", "not a type of CDEvents"),
		Entry(nil, "dev.tekton.event.taskrun.started.v1", "not a type of CDEvents"),
	)

	It("are ignored if they are of another type, whatever their data", func() {
		header := http.Header{"Content-Type": {"text/plain"}, "Ce-Type": {"com.example.note"}}
		Expect(cdevents.Decode(header, []byte("hello"))).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", ContainSubstring(`"com.example.note"`))))
		Expect(cdevents.Decode(header, []byte(`{"context": {"type": "dev.cdevents.pipelinerun.queued.0.3.0"}, "subject": {"id": "1"}`))).To(HaveField("Outcome", payload.Ignored))
		header.Set("Ce-Type", "dev.cdevents.pipelinerun.queued.0.3.0")
		_, err := cdevents.Decode(header, []byte("hello"))
		Expect(err).To(MatchError(ContainSubstring("not JSON")))
	})

	DescribeTable("are unmapped", func(kind string) {
		d := decode("v0.5.1-pipelinerun_finished", values{"context.type": kind})
		Expect(d).To(And(HaveField("Outcome", payload.Unmapped), HaveField("Changes", BeEmpty()), HaveField("Reason", `unknown predicate "exploded"`)))
	},
		Entry(nil, "dev.cdevents.pipelinerun.exploded.0.3.0"), Entry(nil, "dev.cdevents.taskrun.exploded.0.3.0"),
		Entry(nil, "dev.cdevents.service.exploded.0.3.0"), Entry(nil, "dev.cdevents.incident.exploded.0.3.0"), Entry(nil, "dev.cdevents.testcaserun.exploded.0.3.0"),
	)

	It("take what the event itself lacks from the CloudEvent", func() {
		c := change("v0.5.1-pipelinerun_started", values{"context": nil, "subject.id": nil, "subject.source": nil})
		Expect(c).To(Equal(change("v0.5.1-pipelinerun_started", nil)))
	})

	It("have IDs and sources of any length", func() {
		long := strings.Repeat("a", 1000)
		c := change("v0.5.1-taskrun_started", values{"subject.id": long, "subject.source": long, "subject.content.pipelineRun.id": long})
		Expect([]string{c.ID, c.Instance, c.RunID}).To(HaveEach(And(HavePrefix("sha256:"), HaveLen(39))))
		Expect(change("v0.5.1-taskrun_started", values{"subject.id": long + "b"}).ID).NotTo(Equal(c.ID))
	})

	DescribeTable("have outcomes", func(outcome any, result string) {
		d := decode("v0.5.1-pipelinerun_finished", values{"subject.content.outcome": outcome})
		Expect(d.Changes).To(HaveLen(1))
		Expect(d.Changes[0].Result).To(Equal(result))
		Expect(d.Outcome == payload.Unmapped).To(Equal(result == "other"))
	},
		Entry(nil, "success", "success"), Entry(nil, "failure", "failure"), Entry(nil, "cancel", "cancellation"), Entry(nil, "error", "error"),
		Entry("of version 0.4", "Failure", "failure"), Entry(nil, "pass", "success"), Entry(nil, "timeout", "timeout"), Entry(nil, "skipped", "skip"),
		Entry(nil, "exploded", "other"), Entry("missing", nil, "other"),
	)

	It("of builds have no outcome, and are about other objects than pipelines", func() {
		c := change("v0.5.1-build_finished", nil)
		Expect(c).To(And(HaveField("Kind", tracker.Run), HaveField("Result", "success"), HaveField("ID", "build mySubject123")))
		Expect(change("v0.5.1-build_finished", values{"subject.content.outcome": "failure"}).Result).To(Equal("failure"))
	})

	DescribeTable("of services are deployments", func(predicate, result string) {
		c := change("v0.5.1-service_deployed", values{"context.type": "dev.cdevents.service." + predicate + ".0.3.0", "context.id": "7", "subject.content.environment.id": "production"})
		Expect(c).To(And(HaveField("Kind", tracker.Deployment), HaveField("ID", "7"), HaveField("Result", result), HaveField("State", tracker.Ended)))
		Expect(c.Attributes).To(Equal(tracker.Attributes{Service: "mySubject123", Environment: "production", Tier: "production", RawResult: predicate}))
	},
		Entry(nil, "deployed", "success"), Entry(nil, "upgraded", "success"), Entry(nil, "rolledback", "failure"),
	)

	DescribeTable("of test cases", func(fixture, outcome, want string) {
		v := values{}
		if outcome != "" {
			v["subject.content.outcome"] = outcome
		}
		Expect(change(fixture, v).Tests).To(Equal([]tracker.TestCount{{Outcome: want, Count: 1}}))
	},
		Entry(nil, "v0.4.1-testcaserun_finished", "", "passed"), Entry(nil, "v0.5.1-testcaserun_finished", "", "passed"), Entry(nil, "v0.5.1-testcaserun_skipped", "", "skipped"),
		Entry(nil, "v0.5.1-testcaserun_finished", "failure", "failed"), Entry(nil, "v0.5.1-testcaserun_finished", "error", "error"),
		Entry(nil, "v0.5.1-testcaserun_finished", "cancel", "skipped"), Entry(nil, "v0.5.1-testcaserun_finished", "exploded", "error"),
	)
})

var _ = Describe("The tracker", func() {
	now := time.Date(2026, 3, 4, 10, 5, 0, 0, time.UTC)
	life := []string{"v0.5.1-pipelinerun-life_a-1-queued", "v0.5.1-pipelinerun-life_a-2-started", "v0.5.1-pipelinerun-life_a-3-finished-success"}

	It("knows queue time and run time from the events before", func() {
		t := payloadtest.Track(now)
		for _, name := range append(life, life...) {
			t.Apply(decode(name, nil))
		}
		Expect(t.Events).To(Equal(map[string][]float64{"ci run queued": {1}, "ci run started": {1}, "ci run queue time": {15}, "ci run finished": {1}, "ci run time": {240}}))
		Expect(t.Last("ci run finished")).To(And(HaveKeyWithValue("pipeline", "my-pipeline"), HaveKeyWithValue("result", "success"), HaveKeyWithValue("instance", "/event/source/123")))
		Expect(t.Gauge("ci runs active", "", "")).To(BeZero())
	})

	It("counts once in any order", func() {
		t := payloadtest.Track(now)
		for _, name := range []string{life[2], life[0], life[1], life[2]} {
			t.Apply(decode(name, nil))
		}
		Expect(t.Events).To(Equal(map[string][]float64{"ci run queued": {1}, "ci run started": {1}, "ci run finished": {1}}))
	})

	// Events about the same object have other IDs. A batch can repeat events of another.
	It("counts incidents, deployments and test cases once", func() {
		t := payloadtest.Track(now)
		at := func(s string) values { return values{"context.timestamp": "2026-03-04T10:" + s + "Z"} }
		for range 2 {
			t.Apply(decode("v0.5.1-incident_detected", at("00:00")))
			t.Apply(decode("v0.5.1-incident_reported", at("01:00")))
			t.Apply(decode("v0.5.1-incident_resolved", at("04:00")))
			t.Apply(decode("v0.5.1-service_deployed", at("00:00")))
			t.Apply(decode("v0.5.1-testcaserun_finished", at("00:00")))
		}
		v := at("02:00")
		v["context.id"] = "another"
		t.Apply(decode("v0.5.1-service_deployed", v))
		Expect(t.Events).To(And(
			HaveKeyWithValue("ci incident opened", []float64{1}), HaveKeyWithValue("ci incident resolved", []float64{1}), HaveKeyWithValue("ci incident time to restore", []float64{240}),
			HaveKeyWithValue("ci deployment finished", []float64{1, 1}), HaveKeyWithValue("ci tests finished", []float64{1})))
		Expect(t.Last("ci incident resolved")).To(And(HaveKeyWithValue("service", "myApp"), HaveKeyWithValue("environment", "prod1")))
	})
})
