package github_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

var at = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

var _ = Describe("Decode", func() {
	Describe("bodies", func() {
		It("reads the JSON in a form", func() {
			f := payloadtest.One(GinkgoTB(), "testdata/workflow_job-life_a-3-completed-success")
			want, err := github.Decode(f.Header, f.Body)
			Expect(err).NotTo(HaveOccurred())
			for _, form := range []string{"payload=" + url.QueryEscape(string(f.Body)), "a=b&payload=" + url.QueryEscape(string(f.Body)) + "&c"} {
				Expect(github.Decode(f.Header, []byte(form))).To(Equal(want))
			}
		})

		It("does not take JSON with an address in it for a form", func() {
			c := change("workflow_job-life_a-1-queued", values{"workflow_job.html_url": "https://example.com/?a&payload=%7B%7D&b"})
			Expect(c.ID).To(Equal("90001"))
		})

		DescribeTable("returns an error for what is neither", func(body string) {
			_, err := github.Decode(header("workflow_job"), []byte(body))
			Expect(err).To(MatchError(HavePrefix("the body is")))
		},
			Entry(nil, ""), Entry(nil, " "), Entry(nil, "hello"), Entry(nil, "\xff"), Entry(nil, `{"action":"queued"`), Entry(nil, `{} {}`),
			Entry(nil, "payload="), Entry(nil, "payload=%7B"), Entry(nil, "payload=%zz"), Entry(nil, "payload"), Entry(nil, "a=%7B%7D"),
			Entry("deeply nested where a job is expected", `{"workflow_job":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}"),
		)

		DescribeTable("ignores JSON that is not an object, or empty", func(body string) {
			for _, event := range []string{"workflow_job", "workflow_run", "deployment_status", "ping", ""} {
				d, err := github.Decode(header(event), []byte(body))
				Expect(err).NotTo(HaveOccurred())
				Expect(payloadtest.Problems(d)).To(BeEmpty())
				Expect(d.Outcome).To(Equal(payload.Ignored))
			}
		}, Entry(nil, "null"), Entry(nil, "[]"), Entry(nil, "1"), Entry(nil, `"x"`), Entry(nil, "{}"), Entry(nil, "\n{}\n"),
			Entry("deeply nested where nothing is expected", strings.Repeat(`{"a":`, 20_000)+"1"+strings.Repeat("}", 20_000)))
	})

	Describe("events", func() {
		It("ignores an event whose object is null", func() {
			f := payloadtest.One(GinkgoTB(), "testdata/workflow_job-null-workflow_job")
			d, err := github.Decode(f.Header, f.Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(d.Outcome).To(Equal(payload.Ignored))
			Expect(d.Reason).To(Equal("workflow_job is missing"))
		})

		It("guesses the event of a payload without headers", func() {
			for _, name := range []string{"workflow_job-life_a-1-queued", "workflow_run-requested", "deployment_status-pages-with-workflow_run"} {
				f := payloadtest.One(GinkgoTB(), "testdata/"+name)
				d, err := github.Decode(http.Header{}, f.Body)
				Expect(err).NotTo(HaveOccurred())
				Expect(d.Outcome).To(Equal(payload.Useful))
				Expect(name).To(HavePrefix(strings.Fields(d.Event)[0]))
			}
		})

		DescribeTable("ignores unknown actions", func(fixture string, action any) {
			d := decode(fixture, values{"action": action})
			Expect(d.Outcome).To(Equal(payload.Ignored))
			Expect(d.Reason).To(HavePrefix("unknown action"))
		},
			Entry(nil, "workflow_job-life_a-1-queued", "exploded"),
			Entry(nil, "workflow_job-life_a-1-queued", 1),
			Entry(nil, "workflow_run-requested", "exploded"),
			Entry(nil, "workflow_run-requested", payloadtest.Removed),
			Entry(nil, "deployment_status-success", "edited"),
		)

		It("has the time of the change", func() {
			Expect(decode("workflow_job-life_a-3-completed-success", nil).Time()).To(Equal(at.Add(222 * time.Second)))
			Expect(decode("workflow_run-life_b_rerun-2-in_progress", nil).Time()).To(Equal(at.Add(12 * time.Second)))
			Expect(decode("ping", nil).Time()).To(BeZero())
		})
	})

	DescribeTable("conclusions", func(conclusion, result, errorType string, outcome payload.Outcome) {
		for _, object := range []string{"workflow_job-life_a-3-completed-success", "workflow_run-completed-success"} {
			kind, _, _ := strings.Cut(object, "-")
			d := decode(object, values{kind + ".conclusion": conclusion})
			Expect(d.Outcome).To(Equal(outcome))
			Expect(d.Changes).To(HaveLen(1))
			c := d.Changes[0]
			Expect(c.State).To(Equal(tracker.Ended))
			Expect(c.Result).To(Equal(result))
			Expect(c.Attributes.RawResult).To(Equal(conclusion))
			Expect(c.Attributes.ErrorType).To(Equal(errorType))
		}
	},
		Entry(nil, "success", "success", "", payload.Useful),
		Entry(nil, "neutral", "success", "", payload.Useful),
		Entry(nil, "failure", "failure", "", payload.Useful),
		Entry(nil, "startup_failure", "error", "startup_failure", payload.Useful),
		Entry(nil, "stale", "error", "", payload.Useful),
		Entry(nil, "timed_out", "timeout", "timed_out", payload.Useful),
		Entry(nil, "cancelled", "cancellation", "", payload.Useful),
		Entry(nil, "skipped", "skip", "", payload.Useful),
		Entry(nil, "exploded", "other", "", payload.Unmapped),
	)

	DescribeTable("the instance", func(address any, want string) {
		Expect(change("workflow_job-life_a-1-queued", values{"repository.html_url": address}).Instance).To(Equal(want))
	},
		Entry(nil, "https://github.com/octo-org/octo-repo", ""),
		Entry(nil, "https://GitHub.example.com:8443/octo-org/octo-repo", "github.example.com:8443"),
		Entry(nil, "https://octo.ghe.com/octo-org/octo-repo", "octo.ghe.com"),
		Entry(nil, "://", ""),
		Entry(nil, payloadtest.Removed, ""),
		Entry("too long", "https://"+strings.Repeat("a", 100)+"/x", ""),
	)

	It("accepts ids that are strings", func() {
		c := change("workflow_job-life_a-1-queued", values{"workflow_job.id": "5", "workflow_job.run_id": "6", "workflow_job.run_attempt": "2"})
		Expect([]string{c.ID, c.RunID, c.Attempt}).To(Equal([]string{"5", "6", "2"}))
	})

	DescribeTable("ignores objects without a usable id", func(id any) {
		Expect(decode("workflow_job-life_a-1-queued", values{"workflow_job.id": id}).Outcome).To(Equal(payload.Ignored))
		Expect(decode("workflow_run-requested", values{"workflow_run.id": id}).Outcome).To(Equal(payload.Ignored))
		Expect(decode("deployment_status-success", values{"deployment.id": id}).Outcome).To(Equal(payload.Ignored))
	}, Entry(nil, payloadtest.Removed), Entry(nil, nil), Entry(nil, true), Entry(nil, ""), Entry("too long", strings.Repeat("1", 65)))
})

var _ = Describe("Runs", func() {
	It("have the times of the attempt", func() {
		c := change("workflow_run-life_b_rerun-6-rerun-completed-success-attempt2", nil)
		Expect(c.Attempt).To(Equal("2"))
		Expect(c.Ended.Sub(c.Started)).To(Equal(303 * time.Second))
		Expect(c.Started).To(Equal(c.Queued))
		Expect(c.Attributes.Retry).To(Equal("true"))
	})

	It("have the time of the creation if they are from before there were attempts", func() {
		c := change("workflow_run-life_b_rerun-3-completed-failure", values{"workflow_run.run_started_at": payloadtest.Removed, "workflow_run.run_attempt": payloadtest.Removed})
		Expect(c.Started).To(Equal(at))
		Expect(c.Attempt).To(Equal("1"))
		Expect(c.Attributes.Retry).To(Equal("false"))
	})

	DescribeTable("wait for an approval", func(fixture string, v values) {
		Expect(change(fixture, v).State).To(Equal(tracker.Blocked))
	},
		Entry(nil, "workflow_run-requested-action_required", nil),
		Entry(nil, "workflow_run-requested", values{"workflow_run.status": "waiting"}),
		Entry(nil, "workflow_run-completed-success", values{"workflow_run.conclusion": "action_required"}),
		Entry(nil, "workflow_job-life_a-3-completed-success", values{"workflow_job.conclusion": "action_required"}),
		Entry(nil, "workflow_job-waiting-approval", nil),
		Entry(nil, "workflow_job-queued-with-deployment-status-waiting", nil),
	)

	DescribeTable("the kind of the ref", func(event, branch, want string) {
		c := change("workflow_run-requested", values{"workflow_run.event": event, "workflow_run.head_branch": branch})
		Expect(c.Attributes.RefKind).To(Equal(want))
	},
		Entry(nil, "push", "master", "default"),
		Entry(nil, "push", "feature", "branch"),
		Entry(nil, "schedule", "master", "default"),
		Entry("a fork's default branch", "pull_request", "master", "pull_request"),
		Entry(nil, "pull_request_target", "feature", "pull_request"),
		Entry(nil, "release", "v1.0.0", "tag"),
		Entry(nil, "push", "", ""),
	)

	It("have a kind of ref only if the default branch is known", func() {
		Expect(change("workflow_run-requested", values{"repository.default_branch": nil}).Attributes.RefKind).To(BeEmpty())
	})

	DescribeTable("the trigger", func(event, want string) {
		Expect(change("workflow_run-requested", values{"workflow_run.event": event}).Attributes.Trigger).To(Equal(want))
	},
		Entry(nil, "push", "push"), Entry(nil, "schedule", "schedule"), Entry(nil, "workflow_dispatch", "manual"),
		Entry(nil, "repository_dispatch", "api"), Entry(nil, "pull_request_target", "pull_request"), Entry(nil, "merge_group", "merge_group"),
	)

	DescribeTable("the pipeline", func(workflow, run, path any, want string) {
		c := change("workflow_run-requested", values{"workflow.name": workflow, "workflow.path": nil, "workflow_run.name": run, "workflow_run.path": path})
		Expect(c.Attributes.Pipeline).To(Equal(want))
	},
		Entry(nil, "CI", "Deploy v1.2.3", ".github/workflows/ci.yml", "CI"),
		Entry(nil, nil, "CI", ".github/workflows/ci.yml", "CI"),
		Entry(nil, "", "", ".github/workflows/ci.yml@refs/heads/main", ".github/workflows/ci.yml"),
		Entry(nil, nil, nil, nil, ""),
	)

	It("have a commit time only if it is that of their commit", func() {
		Expect(change("workflow_run-requested", nil).CommitTime).NotTo(BeZero())
		Expect(change("workflow_run-requested", values{"workflow_run.head_commit.id": "x"}).CommitTime).To(BeZero())
	})
})

var _ = Describe("Jobs", func() {
	const queued, running, completed = "workflow_job-life_a-1-queued", "workflow_job-life_a-2-in_progress", "workflow_job-life_a-3-completed-success"

	It("have not started while they are queued", func() {
		Expect(change(queued, nil).Started).To(BeZero())
		Expect(change(queued, values{"workflow_job.created_at": payloadtest.Removed}).Queued).To(Equal(at))
		Expect(change("workflow_job-queued", nil).Attributes.Worker).To(BeEmpty())
	})

	It("have no queue time if the creation is unknown", func() {
		for _, fixture := range []string{running, completed} {
			c := change(fixture, values{"workflow_job.created_at": nil})
			Expect(c.Queued).To(BeZero())
			Expect(c.Started).To(Equal(at.Add(12 * time.Second)))
		}
	})

	DescribeTable("that never started", func(v values, want bool) {
		Expect(change(completed, v).NeverStarted).To(Equal(want))
	},
		Entry("with a runner", values{}, false),
		Entry("skipped", values{"workflow_job.conclusion": "skipped"}, true),
		Entry("cancelled on a runner", values{"workflow_job.conclusion": "cancelled"}, false),
		Entry("cancelled without a runner or steps", values{"workflow_job.conclusion": "cancelled", "workflow_job.runner_name": nil, "workflow_job.steps": []any{}}, true),
		Entry("cancelled without a runner, one step", values{"workflow_job.conclusion": "cancelled", "workflow_job.runner_name": "",
			"workflow_job.steps": []any{values{"started_at": "2026-03-04T10:00:12Z"}}}, true),
		Entry("without a runner, but with started steps", values{"workflow_job.runner_name": nil}, false),
		Entry("failed without a runner or started steps", values{"workflow_job.conclusion": "failure", "workflow_job.runner_name": nil,
			"workflow_job.steps": []any{nil, values{"started_at": nil}, 1}}, true),
		Entry("failed without a runner, steps of another type", values{"workflow_job.conclusion": "failure", "workflow_job.runner_name": nil, "workflow_job.steps": "x"}, true),
	)

	DescribeTable("of check runs are ignored", func(v values, ignored bool) {
		d := decode("workflow_job-completed-from-check-run-no-labels", v)
		Expect(d.Outcome == payload.Ignored).To(Equal(ignored), d.Reason)
	},
		Entry(nil, values{}, true),
		Entry(nil, values{"workflow_job.conclusion": "failure"}, true),
		Entry(nil, values{"action": "in_progress", "workflow_job.conclusion": nil}, true),
		Entry("with labels", values{"workflow_job.labels": []string{"linux"}}, false),
		Entry("with a runner", values{"workflow_job.runner_name": "runner"}, false),
		Entry("skipped", values{"workflow_job.conclusion": "skipped"}, false),
		Entry("cancelled", values{"workflow_job.conclusion": "cancelled"}, false),
		Entry("labels unknown", values{"workflow_job.labels": nil}, false),
	)

	It("are ignored if they are completed without a conclusion", func() {
		Expect(decode(completed, values{"workflow_job.conclusion": nil}).Outcome).To(Equal(payload.Ignored))
	})

	It("leave the kind of ref to their run", func() {
		Expect(change(completed, nil).Attributes.RefKind).To(BeEmpty())
	})

	It("are named without the parameters of a matrix", func() {
		Expect(change(queued, values{"workflow_job.name": "test (1.26, linux)"}).Attributes.Job).To(Equal("test"))
	})

	It("have attributes of a bounded length", func() {
		c := change(completed, values{"workflow_job.name": strings.Repeat("é", 100_000), "workflow_job.labels": []string{strings.Repeat("x", 100_000)}})
		Expect(c.Attributes.Job).To(Equal(strings.Repeat("é", 256)))
		Expect(c.Attributes.RunnerClass).To(HaveLen(512))
	})
})

var _ = Describe("Deployments", func() {
	DescribeTable("states", func(status string, state tracker.State, result string) {
		c := change("deployment_status-success", values{"deployment_status.state": status})
		Expect(c.State).To(Equal(state))
		Expect(c.Result).To(Equal(result))
	},
		Entry(nil, "queued", tracker.Queued, ""), Entry(nil, "pending", tracker.Queued, ""), Entry(nil, "waiting", tracker.Blocked, ""),
		Entry(nil, "in_progress", tracker.Started, ""), Entry(nil, "success", tracker.Ended, "success"),
		Entry(nil, "failure", tracker.Ended, "failure"), Entry(nil, "error", tracker.Ended, "error"),
	)

	It("are ignored when a newer one replaces them", func() {
		Expect(decode("deployment_status-success", values{"deployment_status.state": "inactive"}).Outcome).To(Equal(payload.Ignored))
	})

	It("are unmapped in an unknown state", func() {
		d := decode("deployment_status-success", values{"deployment_status.state": "exploded"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Changes).To(BeEmpty())
		Expect(d.Reason).To(Equal(`unknown deployment state "exploded"`))
	})

	DescribeTable("the tier", func(environment string, production any, want string) {
		c := change("deployment_status-success", values{"deployment.environment": environment, "deployment.production_environment": production})
		Expect(c.Attributes.Tier).To(Equal(want))
	},
		Entry(nil, "production", nil, "production"), Entry(nil, "production", false, ""), Entry(nil, "eu", true, "production"), Entry(nil, "eu", nil, ""),
	)
})
