package circleci_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

const (
	run = "life_a-3-workflow-failed"
	job = "life_a-2-job-test-failed"
	app = "life_c-2-workflow-canceled" // of an integration with trigger_parameters
)

var _ = Describe("Decode", func() {
	DescribeTable("ignores", func(event, body, reason string) {
		d, err := circleci.Decode(http.Header{"Circleci-Event-Type": {event}}, []byte(body))
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(Equal(reason))
	},
		Entry("other events", "ping", `{}`, `the event "ping" is not about workflows or jobs`),
		Entry("payloads without an event", "", `{"workflow":{"id":"1","status":"success"}}`, `the event "" is not about workflows or jobs`),
		Entry("workflows that are missing", "workflow-completed", `{"workflow":null}`, "the status is missing"),
		Entry("jobs that are missing", "job-completed", `{}`, "the status is missing"),
		Entry("workflows without an id", "workflow-completed", `{"workflow":{"status":"success"}}`, "no id"),
		Entry("jobs without an id", "job-completed", `{"job":{"id":null,"status":"success"}}`, "no id"),
	)

	It("returns an error if the body is not JSON", func() {
		_, err := circleci.Decode(nil, []byte("x"))
		Expect(err).To(MatchError(ContainSubstring("not JSON")))
	})

	It("takes the event from the body, because it is signed", func() {
		d, err := circleci.Decode(http.Header{"Circleci-Event-Type": {"job-completed"}}, []byte(`{"type":"workflow-completed","workflow":{"id":"1","status":"success"}}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Changes[0].Kind).To(Equal(tracker.Run))
	})

	It("takes the ID of the delivery from the body", func() {
		Expect(decode(run, values{"id": "x"}).ID).To(Equal("x"))
	})

	DescribeTable("results", func(status, result, errorType string) {
		for _, fixture := range []string{run, job} {
			c := change(fixture, values{"workflow.status": status, "job.status": status})
			Expect(c.State).To(Equal(tracker.Ended))
			Expect(c.Result).To(Equal(result))
			Expect(c.Attributes.RawResult).To(Equal(status))
			Expect(c.Attributes.ErrorType).To(Equal(errorType))
		}
	},
		Entry(nil, "success", "success", ""), Entry(nil, "failed", "failure", ""), Entry(nil, "canceled", "cancellation", ""),
		Entry(nil, "error", "error", "error"), Entry(nil, "unauthorized", "error", "unauthorized"),
		Entry(nil, "infrastructure_fail", "error", "infrastructure_fail"), Entry(nil, "timedout", "timeout", "timedout"), Entry(nil, "not_run", "skip", ""),
	)

	It("counts unknown statuses as the result other", func() {
		d := decode(run, values{"workflow.status": "exploded"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Reason).To(Equal(`unknown status "exploded"`))
		Expect(d.Changes[0].Result).To(Equal("other"))
	})

	DescribeTable("branches and tags", func(fixture string, v values, branch, kind string) {
		c := change(fixture, v)
		Expect(c.Attributes.Branch).To(Equal(branch))
		Expect(c.Attributes.RefKind).To(Equal(kind))
	},
		Entry("a branch", run, nil, "main", ""),
		Entry("a tag", "workflow-success-tag", nil, "v1.2.3", "tag"),
		Entry("the pull request of a fork", "workflow-error", nil, "pull/17", "pull_request"),
		Entry("a branch of another integration", app, nil, "main", ""),
		Entry("a tag of another integration", "workflow-success-gitlab-tag", nil, "v1.2.3", "tag"),
		Entry("neither", run, values{"pipeline.vcs": nil}, "", ""),
	)

	It("takes the commit from either integration", func() {
		Expect(change(run, nil).Attributes.Commit).To(Equal("26e5907633a0ba228c2b817664b3d23a66e634ac"))
		Expect(change(app, nil).Attributes.Commit).To(HaveLen(40))
	})

	DescribeTable("triggers", func(fixture, path, word, want string) {
		Expect(change(fixture, values{path: word}).Attributes.Trigger).To(Equal(want))
	},
		Entry(nil, run, "pipeline.trigger.type", "webhook", "push"),
		Entry(nil, run, "pipeline.trigger.type", "api", "api"),
		Entry(nil, run, "pipeline.trigger.type", "schedule", "schedule"),
		Entry(nil, run, "pipeline.trigger.type", "scheduled_pipeline", "schedule"),
		Entry(nil, app, "pipeline.trigger_parameters.circleci.event_type", "push", "push"),
		Entry(nil, app, "pipeline.trigger_parameters.circleci.event_type", "pull_request", "pull_request"),
	)

	It("names the repository after the organization and the project", func() {
		Expect(change(run, nil).Attributes.Repository).To(Equal("octo-org/shop"))
		Expect(change(app, nil).Attributes.Repository).To(Equal("octo-org/till"))
		Expect(change(app, nil).Attributes.Owner).To(Equal("octo-org"))
		Expect(change(app, values{"organization": nil}).Attributes.Repository).To(Equal("till"))
	})

	It("takes the instance from the URL of the workflow", func() {
		Expect(change(run, nil).Instance).To(BeEmpty())
		for _, fixture := range []string{run, job} {
			Expect(change(fixture, values{"workflow.url": "https://Circle.example.com/pipelines/x"}).Instance).To(Equal("circle.example.com"))
		}
	})
})

var _ = Describe("Workflows", func() {
	It("last from their creation to their end, and have no queue time", func() {
		c := change(run, nil)
		Expect(c.Ended.Sub(c.Started)).To(Equal(191 * time.Second))
		Expect(c.Queued).To(BeZero())
		Expect(c.NeverStarted).To(BeFalse())
	})

	It("end when the event happened if nothing else is known", func() {
		c := change(run, values{"workflow.stopped_at": payloadtest.Removed})
		Expect(c.Ended).To(BeZero())
		Expect(c.Time).To(Equal(time.Date(2026, 3, 4, 10, 3, 11, 900e6, time.UTC)))
	})
})

var _ = Describe("Jobs", func() {
	It("last from their start to their end, and have no queue time", func() {
		c := change(job, nil)
		Expect(c.Ended.Sub(c.Started)).To(Equal(184 * time.Second))
		Expect(c.Queued).To(BeZero())
		Expect(c.NeverStarted).To(BeFalse())
	})

	DescribeTable("never started", func(fixture string, v values) {
		Expect(change(fixture, v).NeverStarted).To(BeTrue())
	},
		Entry("without a start", "life_c-1-job-canceled-never-started", nil),
		Entry("without the field", job, values{"job.started_at": payloadtest.Removed}),
		Entry("if they are not authorized", "job-unauthorized", nil),
	)

	It("have a page below that of their workflow", func() {
		Expect(change(job, nil).Attributes.URL).To(HaveSuffix("/workflows/73d12e63-485b-536a-8bd8-ef06f5e3e843/jobs/202"))
		Expect(change(job, values{"job.number": nil}).Attributes.URL).To(BeEmpty())
		Expect(change("life_c-1-job-canceled-never-started", nil).Attributes.URL).To(BeEmpty())
	})

	It("have the id of their workflow if it is known", func() {
		Expect(change(job, nil).RunID).To(Equal(change(run, nil).ID))
		Expect(change("life_c-1-job-canceled-never-started", nil).RunID).To(BeEmpty())
	})
})
