package tekton_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tekton"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// withReason returns values with a reason of the condition Succeeded.
func withReason(reason any) values {
	return values{"taskRun.status.conditions": []any{
		values{"type": "Other", "reason": "Cancelled"}, nil, values{"type": "Succeeded", "reason": reason},
	}}
}

var _ = Describe("Task runs", func() {
	DescribeTable("have results", func(reason, result, errorType string) {
		c := change("taskrun.failed", withReason(reason))
		Expect(c).To(And(HaveField("State", tracker.Ended), HaveField("Result", result)))
		Expect(c.Attributes.ErrorType).To(Equal(errorType))
		Expect(c.Attributes.RawResult).To(Equal(reason))
	},
		Entry(nil, "Failed", "failure", "Failed"),
		Entry(nil, "NewReason", "failure", "NewReason"),
		Entry(nil, "TaskRunTimeout", "timeout", "TaskRunTimeout"),
		Entry(nil, "PipelineRunTimeout", "timeout", "PipelineRunTimeout"),
		Entry(nil, "TaskRunCancelled", "cancellation", ""),
		Entry(nil, "Cancelled", "cancellation", ""),
		Entry(nil, "CancelledRunningFinally", "cancellation", ""),
		Entry(nil, "StoppedRunningFinally", "cancellation", ""),
		Entry(nil, "TaskRunImagePullFailed", "error", "TaskRunImagePullFailed"),
		Entry(nil, "StepOOM", "error", "StepOOM"),
		Entry(nil, "CouldntGetTask", "error", "CouldntGetTask"),
		Entry(nil, "TaskRunValidationFailed", "error", "TaskRunValidationFailed"),
	)

	It("have a result without a reason", func() {
		Expect(change("taskrun.failed", values{"taskRun.status.conditions": "x"})).To(And(HaveField("Result", "failure"), HaveField("Attributes.RawResult", "failed")))
		Expect(change("taskrun.successful", values{"taskRun.status": nil})).To(And(HaveField("Result", "success"), HaveField("NeverStarted", false)))
	})

	It("never started if they were canceled in the queue", func() {
		Expect(change("taskrun.failed-cancelled", nil).NeverStarted).To(BeFalse())
		Expect(change("taskrun.failed-cancelled", values{"taskRun.status.startTime": nil}).NeverStarted).To(BeTrue())
	})

	It("belong to the pipeline run with the UID in a label, or that owns them", func() {
		Expect(change("taskrun.queued", nil)).To(And(HaveField("Kind", tracker.Job), HaveField("RunID", "")))
		Expect(change("taskrun.queued", values{"taskRun.metadata.labels": values{"tekton.dev/pipelineRunUID": "7"}}).RunID).To(Equal("7"))
		Expect(change("taskrun.queued", values{"taskRun.metadata.ownerReferences": []any{nil, values{"kind": "Other", "uid": "1"}, values{"kind": "PipelineRun", "uid": "7"}}}).RunID).To(Equal("7"))
	})

	It("are both run and job if they belong to no pipeline run", func() {
		d := decode("taskrun.started", values{"taskRun.metadata.labels": values{"tekton.dev/task": "curl"}})
		Expect(d.Changes).To(HaveLen(2))
		run, job := d.Changes[0], d.Changes[1]
		Expect(run).To(And(HaveField("Kind", tracker.Run), HaveField("Attributes.Pipeline", "curl"), HaveField("Attributes.Job", "")))
		Expect(job).To(And(HaveField("Kind", tracker.Job), HaveField("Attributes.Pipeline", "curl"), HaveField("Attributes.Job", "curl"), HaveField("RunID", run.ID)))
	})

	DescribeTable("have names that do not differ for each run", func(labels values, spec any, want string) {
		labels["tekton.dev/pipelineRun"] = "ci-run-6gplk"
		c := change("taskrun.started", values{"taskRun.metadata.labels": labels, "taskRun.spec.taskRef": spec})
		Expect(c.Attributes.Job).To(Equal(want))
	},
		Entry(nil, values{"tekton.dev/pipelineTask": "build", "tekton.dev/task": "make"}, nil, "build"),
		Entry(nil, values{"tekton.dev/task": "make"}, nil, "make"),
		Entry(nil, values{}, values{"name": "curl"}, "curl"),
		Entry(nil, values{}, nil, "curl-run"),
	)

	It("are ignored while they continue, and if they are missing", func() {
		Expect(decode("taskrun.unknown", nil)).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", "the taskrun continues")))
		Expect(decode("taskrun.started", values{"taskRun": nil})).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", "the taskrun is missing")))
	})

	DescribeTable("are ignored or unmapped if the type is not known", func(kind string, outcome payload.Outcome, reason string) {
		f := payloadtest.One(GinkgoTB(), "testdata/taskrun.started")
		f.Header.Set("ce-type", kind)
		d, err := tekton.Decode(f.Header, f.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(d).To(And(HaveField("Outcome", outcome), HaveField("Reason", ContainSubstring(reason)), HaveField("Changes", BeEmpty())))
	},
		Entry(nil, "dev.tekton.event.customrun.started.v1", payload.Ignored, `the kind "customrun"`),
		Entry(nil, "dev.tekton.event.taskrun.exploded.v1", payload.Unmapped, `unknown state "exploded"`),
		Entry(nil, "dev.cdevents.taskrun.started.0.3.0", payload.Ignored, "not a type of Tekton's events"),
	)

	It("are ignored if they are of another type, whatever their data", func() {
		Expect(tekton.Decode(http.Header{"Ce-Type": {"com.example.note"}}, []byte("hello"))).To(HaveField("Outcome", payload.Ignored))
		_, err := tekton.Decode(http.Header{"Ce-Type": {"dev.tekton.event.taskrun.started.v1"}}, []byte("hello"))
		Expect(err).To(MatchError(ContainSubstring("not JSON")))
	})
})

var _ = Describe("Pipeline runs", func() {
	DescribeTable("have names that do not differ for each run", func(v values, want string) {
		Expect(change("pipelinerun.started", v).Attributes.Pipeline).To(Equal(want))
	},
		Entry(nil, values{"pipelineRun.metadata.labels": values{"tekton.dev/pipeline": "a"}}, "a"),
		Entry(nil, values{"pipelineRun.metadata.labels": nil}, "ci"),
		Entry(nil, values{"pipelineRun.metadata.labels": nil, "pipelineRun.spec": nil}, "curl-run"),
		Entry(nil, values{"pipelineRun.metadata.labels": nil, "pipelineRun.spec": nil, "pipelineRun.metadata.generateName": nil}, ""),
	)
})

var _ = Describe("The tracker", func() {
	track := func(names ...string) *payloadtest.Tracked {
		GinkgoHelper()
		t := payloadtest.Track(time.Date(2026, 3, 4, 10, 5, 0, 0, time.UTC))
		for _, name := range names {
			t.Apply(decode(name, nil))
		}
		Expect(t.Gauge("ci runs active", "", "") + t.Gauge("ci jobs active", "", "")).To(BeZero())
		return t
	}
	want := map[string][]float64{
		"ci run queued": {1}, "ci run started": {1}, "ci run queue time": {7}, "ci run finished": {1}, "ci run time": {180},
		"ci job queued": {1}, "ci job started": {1}, "ci job queue time": {7}, "ci job finished": {1}, "ci job run time": {180},
	}

	// A restarted controller sends its events again, with other IDs.
	It("counts once, in any order", func() {
		Expect(track("pipelinerun.queued", "taskrun.queued", "pipelinerun.started", "taskrun.started", "pipelinerun.running", "taskrun.running",
			"taskrun.successful", "pipelinerun.successful", "taskrun.successful", "pipelinerun.successful").Events).To(Equal(want))
		Expect(track("pipelinerun.successful", "taskrun.successful", "taskrun.running", "pipelinerun.started", "taskrun.queued", "pipelinerun.queued").Events).To(Equal(want))
	})
})
