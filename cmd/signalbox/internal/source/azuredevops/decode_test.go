package azuredevops_test

import (
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

const (
	run     = "life_a-5-run-completed-succeeded"
	build   = "life_a-6-build.complete-succeeded"
	waiting = "life_a-2-job-waiting"
	running = "life_a-3-job-running"
	job     = "life_a-4-job-completed-succeeded"
)

var _ = Describe("Decode", func() {
	DescribeTable("ignores", func(event string, resource values, reason string) {
		body, err := json.Marshal(values{"eventType": event, "resource": resource})
		Expect(err).NotTo(HaveOccurred())
		d, err := azuredevops.Decode(nil, body)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(Equal(reason))
	},
		Entry("other events", "git.push", nil, `the event "git.push" is not about runs, jobs or builds`),
		Entry("payloads without an event", "", nil, `the event "" is not about runs, jobs or builds`),
		Entry("stages", "ms.vss-pipelines.stage-state-changed-event", values{"run": values{"id": 1, "state": "completed", "result": "succeeded"}},
			"stages are not counted, only their runs and jobs"),
		Entry("approvals", "ms.vss-pipelinechecks-events.approval-pending", nil, `the event "ms.vss-pipelinechecks-events.approval-pending" is not about runs, jobs or builds`),
		Entry("jobs without a resource", "ms.vss-pipelines.job-state-changed-event", nil, "no id"),
		Entry("jobs without a run", "ms.vss-pipelines.job-state-changed-event", values{"job": values{"id": "1", "state": "waiting"}}, "no id"),
		Entry("runs without an id", "ms.vss-pipelines.run-state-changed-event", values{"run": values{"state": "inProgress"}}, "no id"),
		Entry("runs without a result", "ms.vss-pipelines.run-state-changed-event", values{"run": values{"id": 1, "state": "completed"}}, "the result is missing"),
		Entry("builds without a resource", "build.complete", nil, "the result is missing"),
	)

	It("returns an error if the body is not JSON", func() {
		_, err := azuredevops.Decode(nil, []byte("x"))
		Expect(err).To(MatchError(ContainSubstring("not JSON")))
	})

	DescribeTable("results", func(word, result string) {
		for _, fixture := range []string{run, build, job} {
			c := change(fixture, values{"resource.run.result": word, "resource.job.result": word, "resource.result": word})
			Expect(c.State).To(Equal(tracker.Ended))
			Expect(c.Result).To(Equal(result))
			Expect(c.Attributes.RawResult).To(Equal(word))
		}
		Expect(change("build.complete-v1", values{"resource.status": word}).Result).To(Equal(result))
	},
		Entry(nil, "succeeded", "success"), Entry(nil, "failed", "failure"), Entry(nil, "partiallySucceeded", "failure"), Entry(nil, "rejected", "failure"),
		Entry(nil, "canceled", "cancellation"), Entry(nil, "stopped", "cancellation"), Entry(nil, "skipped", "skip"),
	)

	It("counts unknown results as the result other, and ignores unknown states", func() {
		for _, fixture := range []string{run, build, job} {
			d := decode(fixture, values{"resource.run.result": "odd", "resource.job.result": "odd", "resource.result": "odd"})
			Expect(d.Outcome).To(Equal(payload.Unmapped))
			Expect(d.Reason).To(Equal(`unknown result "odd"`))
			Expect(d.Changes[0].Result).To(Equal("other"))
		}
		for _, fixture := range []string{run, job} {
			d := decode(fixture, values{"resource.run.state": "odd", "resource.job.state": "odd"})
			Expect(d.Outcome).To(Equal(payload.Unmapped))
			Expect(d.Changes).To(BeEmpty())
		}
	})

	DescribeTable("repositories", func(fixture string, v values, want, owner string) {
		c := change(fixture, v)
		Expect(c.Attributes.Repository).To(Equal(want))
		Expect(c.Attributes.Owner).To(Equal(owner))
	},
		Entry("the one with the pipeline, which is not the first one", run, nil, "octo-org/Web shop/shop", "octo-org/Web shop"),
		Entry("the same for jobs", job, nil, "octo-org/Web shop/shop", "octo-org/Web shop"),
		Entry("the same for builds", build, nil, "octo-org/Web shop/shop", "octo-org/Web shop"),
		Entry("the first one, on GitHub", run, values{"resource.repositories": []any{values{"url": "https://api.github.com/repos/octo-org/api"}}}, "octo-org/api", "octo-org"),
		Entry("a clone URL", "build.complete-partiallySucceeded", nil, "octo-org/shop", "octo-org"),
		Entry("the old host", run, values{"resource.repositories": []any{values{"url": "https://octo-org.visualstudio.com/Web/_git/shop"}}}, "Web/shop", "Web"),
		Entry("the project if there is none", run, values{"resource.repositories": nil}, "octo-org/b5497e2a-550a-57fc-b755-60efa0c77ddb", "octo-org"),
		Entry("the project if its URL is not one", run, values{"resource.repositories": []any{values{"url": "git@ssh.dev.azure.com:v3/a/b/c"}}}, "octo-org/b5497e2a-550a-57fc-b755-60efa0c77ddb", "octo-org"),
		Entry("the project if there is only the organization, as for TFVC", "build.complete-canceled-never-started-tfvc", nil, "octo-org/b5497e2a-550a-57fc-b755-60efa0c77ddb", "octo-org"),
		Entry("nothing", build, values{"resource.repository": nil, "resource.url": nil, "resource._links": nil}, "", ""),
	)

	DescribeTable("pipelines", func(folder, name, want string) {
		Expect(change(run, values{"resource.pipeline.folder": folder, "resource.pipeline.name": name}).Attributes.Pipeline).To(Equal(want))
		Expect(change(job, values{"resource.pipeline.folder": folder, "resource.pipeline.name": name}).Attributes.Pipeline).To(Equal(want))
		Expect(change(build, values{"resource.definition.path": folder, "resource.definition.name": name}).Attributes.Pipeline).To(Equal(want))
	},
		Entry(nil, `\`, "shop", "shop"), Entry(nil, "", "shop", "shop"), Entry(nil, `\team a`, "shop", "team a/shop"), Entry(nil, `\team a\web`, "shop", "team a/web/shop"),
	)

	DescribeTable("refs", func(ref, branch, kind string) {
		for _, fixture := range []string{run, job, build} {
			c := change(fixture, values{"resource.run.resources.repositories.self.refName": ref, "resource.sourceBranch": ref})
			Expect(c.Attributes.Branch).To(Equal(branch))
			Expect(c.Attributes.RefKind).To(Equal(kind))
		}
	},
		Entry(nil, "refs/heads/feature/x", "feature/x", ""), Entry(nil, "refs/tags/v1", "v1", "tag"),
		Entry(nil, "refs/pull/12/merge", "pull/12/merge", "pull_request"), Entry(nil, "$/Web shop/main", "$/Web shop/main", ""), Entry(nil, "", "", ""),
	)

	DescribeTable("versions in old builds", func(version, branch, commit string) {
		c := change("build.complete-v1", values{"resource.sourceGetVersion": version})
		Expect(c.Attributes.Branch).To(Equal(branch))
		Expect(c.Attributes.Commit).To(Equal(commit))
	},
		Entry(nil, "LG:refs/heads/main:600c52d2", "main", "600c52d2"), Entry("of TFVC", "C123", "", ""), Entry(nil, "LG:", "", ""), Entry(nil, "", "", ""),
	)

	DescribeTable("triggers of builds", func(reason, want string) {
		Expect(change(build, values{"resource.reason": reason}).Attributes.Trigger).To(Equal(want))
	},
		Entry(nil, "individualCI", "push"), Entry(nil, "batchedCI", "push"), Entry(nil, "schedule", "schedule"), Entry(nil, "scheduleForced", "schedule"),
		Entry(nil, "manual", "manual"), Entry(nil, "userCreated", "manual"), Entry(nil, "pullRequest", "pull_request"), Entry(nil, "buildCompletion", "buildCompletion"),
	)

	It("keeps organizations apart", func() {
		for _, fixture := range []string{run, build, job} {
			Expect(change(fixture, nil).Instance).To(Equal("161cb870-046b-510b-8cee-b4da5759b712"))
		}
	})

	It("reads times with seven digits", func() {
		Expect(change(job, nil).Ended).To(Equal(time.Date(2026, 3, 4, 10, 3, 7, 126666700, time.UTC)))
	})
})

var _ = Describe("Runs", func() {
	DescribeTable("states", func(state string, want tracker.State) {
		c := change("life_a-1-run-inProgress", values{"resource.run.state": state})
		Expect(c.State).To(Equal(want))
		Expect(c.Reopens).To(BeFalse())
	}, Entry(nil, "inProgress", tracker.Started), Entry(nil, "canceling", tracker.Started))

	It("have the same id in both events about their end", func() {
		Expect(change(run, nil).ID).To(Equal(change(build, nil).ID))
	})

	It("last from their creation to their end, and have no queue time", func() {
		c := change(run, nil)
		Expect(c.Ended.Sub(c.Started)).To(Equal(190500 * time.Millisecond))
		Expect(c.Queued).To(BeZero())
		Expect(*change(build, nil).RunTime).To(Equal(190502882100 * time.Nanosecond))
	})

	It("never started if a build has no start", func() {
		Expect(change("build.complete-canceled-never-started-tfvc", nil).NeverStarted).To(BeTrue())
		Expect(change(build, nil).NeverStarted).To(BeFalse())
	})

	It("last from their start if a build does not say when it was queued", func() {
		Expect(*change("build.complete-v1", nil).RunTime).To(Equal(123860 * time.Millisecond))
	})
})

var _ = Describe("Jobs", func() {
	DescribeTable("states", func(state string, want tracker.State) {
		c := change(running, values{"resource.job.state": state})
		Expect(c.State).To(Equal(want))
	}, Entry(nil, "waiting", tracker.Queued), Entry(nil, "running", tracker.Started), Entry(nil, "inProgress", tracker.Started))

	It("are queued and started when the events were created", func() {
		Expect(change(waiting, nil).Queued).To(Equal(time.Date(2026, 3, 4, 10, 0, 14, 500e6, time.UTC)))
		Expect(change(running, nil).Started).To(Equal(time.Date(2026, 3, 4, 10, 0, 46, 750e6, time.UTC)))
	})

	It("have the run time that Azure DevOps reports", func() {
		Expect(*change(job, nil).RunTime).To(Equal(149530 * time.Millisecond))
		Expect(change(job, nil).Started).To(BeZero())
		Expect(change(job, values{"resource.job.startTime": "2026-03-04T10:04:00Z"}).RunTime).To(BeNil())
	})

	It("never started if they have no start", func() {
		Expect(change("life_c-4-job-completed-canceled", nil).NeverStarted).To(BeTrue())
		Expect(change(job, nil).NeverStarted).To(BeFalse())
	})

	It("have an id of their run and attempt, because jobs of other runs and attempts have the same one", func() {
		const id = "5168/12f1170f-54f2-53f3-20dd-22fc7dff55f9/"
		Expect(change(job, nil).ID).To(Equal(id + "1"))
		Expect(change(job, nil).RunID).To(Equal("5168"))
		Expect(change(job, nil).Attributes.Retry).To(Equal("false"))
		Expect(change(job, values{"resource.job.attempt": payloadtest.Removed}).ID).To(Equal(id + "1"))
		Expect(change(job, values{"resource.job.attempt": 2}).ID).To(Equal(id + "2"))
		Expect(change(job, values{"resource.job.attempt": 2}).Attributes.Retry).To(Equal("true"))
	})
})
