package gitlab_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func seconds(s float64) *time.Duration {
	d := time.Duration(s * float64(time.Second))
	return &d
}

var _ = Describe("Decode", func() {
	DescribeTable("returns an error for what is not JSON", func(body string) {
		_, err := gitlab.Decode(http.Header{}, []byte(body))
		Expect(err).To(MatchError(HavePrefix("the body is not JSON")))
	},
		Entry(nil, ""), Entry(nil, "hello"), Entry(nil, `{"object_kind":"build"`), Entry(nil, "payload=%7B%7D"),
		Entry("deeply nested where a pipeline is expected", `{"object_attributes":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}"),
	)

	DescribeTable("ignores other JSON", func(body string) {
		for _, event := range []string{"Pipeline Hook", "Job Hook", "Deployment Hook", "System Hook", "Push Hook", ""} {
			d, err := gitlab.Decode(http.Header{"X-Gitlab-Event": {event}}, []byte(body))
			Expect(err).NotTo(HaveOccurred())
			Expect(payloadtest.Problems(d)).To(BeEmpty())
			Expect(d.Changes).To(BeEmpty())
		}
	}, Entry(nil, "null"), Entry(nil, "[]"), Entry(nil, "1"), Entry(nil, "{}"), Entry(nil, `{"object_kind":"push"}`), Entry(nil, `{"object_kind":1}`),
		Entry("deeply nested where nothing is expected", strings.Repeat(`{"a":`, 20_000)+"1"+strings.Repeat("}", 20_000)))

	It("uses the kind of object, and the header for payloads without one", func() {
		f := payloadtest.One(GinkgoTB(), "testdata/build-life_a-3-running")
		for _, event := range []string{"System Hook", "Pipeline Hook", ""} {
			d, err := gitlab.Decode(http.Header{"X-Gitlab-Event": {event}}, f.Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(d.Changes).To(HaveLen(1))
		}
		Expect(change("build-life_a-3-running", values{"object_kind": nil}).Kind).To(Equal(tracker.Job))
		Expect(change("pipeline-success-child-no-object_kind", nil).Kind).To(Equal(tracker.Run))
		Expect(change("deployment-running", values{"object_kind": nil}).Kind).To(Equal(tracker.Deployment))
	})

	It("finds the id that repetitions of the delivery have in common", func() {
		for header, want := range map[string]string{"Idempotency-Key": "a", "Webhook-Id": "a", "X-Gitlab-Event-Uuid": "", "X-Gitlab-Webhook-Uuid": ""} {
			d, err := gitlab.Decode(http.Header{header: {"a"}}, []byte("{}"))
			Expect(err).NotTo(HaveOccurred())
			Expect(d.ID).To(Equal(want), header)
		}
	})

	DescribeTable("reports unknown statuses", func(fixture, field string) {
		d := decode(fixture, values{field: "exploded"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Changes).To(BeEmpty())
		Expect(d.Reason).To(HaveSuffix(`status "exploded"`))
	},
		Entry(nil, "build-life_a-3-running", "build_status"),
		Entry(nil, "pipeline-life_a-3-running", "object_attributes.status"),
		Entry(nil, "deployment-running", "status"),
	)

	DescribeTable("the repository and instance", func(v values, server, repository, owner, instance string) {
		f := payloadtest.One(GinkgoTB(), "testdata/build-life_a-3-running")
		d, err := gitlab.Decode(http.Header{"X-Gitlab-Instance": {server}}, f.With(v))
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Changes).To(HaveLen(1))
		c := d.Changes[0]
		Expect([]string{c.Attributes.Repository, c.Attributes.Owner, c.Instance}).To(Equal([]string{repository, owner, instance}))
	},
		Entry("from the home page", values{}, "", "octo-user/release-tools-fake", "octo-user", ""),
		Entry("from the header", values{}, "https://gitlab.example.com", "octo-user/release-tools-fake", "octo-user", "gitlab.example.com"),
		Entry("from the project", values{"project": values{"path_with_namespace": "a/b/c", "web_url": "https://git.example.com:8443/a/b/c"}}, "", "a/b/c", "a/b", "git.example.com:8443"),
		Entry("of gitlab.com", values{}, "https://gitlab.com", "octo-user/release-tools-fake", "octo-user", ""),
		Entry("unknown", values{"repository": nil}, "", "", "", ""),
		Entry("no address", values{"repository": values{"homepage": "://"}}, "%zz", "", "", ""),
	)

	DescribeTable("the kind of the ref", func(v values, want string) {
		all := values{"merge_request": payloadtest.Removed, "object_attributes.ref": "main", "project.default_branch": "main"}
		for path, value := range v {
			all[path] = value
		}
		Expect(change("pipeline-life_a-3-running", all).Attributes.RefKind).To(Equal(want))
	},
		Entry(nil, values{}, "default"),
		Entry(nil, values{"object_attributes.ref": "feature"}, "branch"),
		Entry(nil, values{"object_attributes.tag": true}, "tag"),
		Entry(nil, values{"merge_request": values{"id": 1}}, "pull_request"),
		Entry(nil, values{"merge_request": nil}, "default"),
		Entry(nil, values{"object_attributes.source": "merge_request_event"}, "pull_request"),
		Entry(nil, values{"object_attributes.ref": "refs/merge-requests/1/head"}, "pull_request"),
		Entry(nil, values{"project.default_branch": nil}, ""),
	)
})

var _ = Describe("Pipelines", func() {
	It("can end several times", func() {
		first, again, second := change("pipeline-life_a-4-failed", nil), change("pipeline-life_a-5-running-again-after-job-retry", nil), change("pipeline-life_a-6-success-second-finish", nil)
		Expect([]bool{first.Reopens, again.Reopens, second.Reopens}).To(Equal([]bool{true, true, true}))
		Expect([]string{again.ID, second.ID}).To(Equal([]string{first.ID, first.ID}))
		Expect(second.Ended.Sub(first.Ended)).To(Equal(10 * time.Minute))
	})

	It("show by the times of their active jobs that they run again", func() {
		build := func(status string, manual bool, created, started string) values {
			return values{"status": status, "manual": manual, "created_at": created, "started_at": started, "finished_at": nil}
		}
		const old, newer, newest = "2016-08-12 15:00:00 UTC", "2016-08-12 15:30:00 UTC", "2016-08-12 15:31:00 UTC"
		for _, c := range []struct {
			builds any
			want   string
		}{
			{[]any{build("running", false, old, newer), nil, 1}, newer},
			{[]any{build("running", true, old, newest), build("pending", false, newer, "")}, newest},
			{[]any{build("pending", false, newer, ""), build("success", false, newest, newest)}, newer},
			{[]any{build("pending", true, old, "")}, ""},
			{[]any{build("created", false, newer, "")}, ""},
			{"x", ""}, {nil, ""}, {payloadtest.Removed, ""},
		} {
			want, err := tracker.ParseTime(c.want)
			Expect(err).NotTo(HaveOccurred())
			Expect(change("pipeline-life_a-3-running", values{"builds": c.builds}).Time).To(Equal(want))
		}
	})

	DescribeTable("states", func(status string, state tracker.State, result string) {
		c := change("pipeline-life_a-4-failed", values{"object_attributes.status": status})
		Expect(c.State).To(Equal(state))
		Expect(c.Result).To(Equal(result))
	},
		Entry(nil, "created", tracker.Queued, ""), Entry(nil, "preparing", tracker.Queued, ""), Entry(nil, "pending", tracker.Queued, ""),
		Entry(nil, "manual", tracker.Blocked, ""), Entry(nil, "scheduled", tracker.Blocked, ""), Entry(nil, "waiting_for_resource", tracker.Blocked, ""),
		Entry(nil, "running", tracker.Started, ""), Entry(nil, "canceling", tracker.Started, ""),
		Entry(nil, "success", tracker.Ended, "success"), Entry(nil, "failed", tracker.Ended, "failure"),
		Entry(nil, "canceled", tracker.Ended, "cancellation"), Entry(nil, "skipped", tracker.Ended, "skip"),
	)

	DescribeTable("durations", func(status string, queued, ran any, queueTime, runTime *time.Duration, neverStarted bool) {
		c := change("pipeline-life_a-4-failed", values{
			"object_attributes.status": status, "object_attributes.queued_duration": queued, "object_attributes.duration": ran})
		Expect(c.QueueTime).To(Equal(queueTime))
		Expect(c.RunTime).To(Equal(runTime))
		Expect(c.NeverStarted).To(Equal(neverStarted))
	},
		Entry("both", "failed", 12, 63, seconds(12), seconds(63), false),
		Entry("fractions", "failed", 0.25, 63.5, seconds(0.25), seconds(63.5), false),
		Entry("only the queue time", "failed", 12, nil, seconds(12), seconds(169), false),
		Entry("only the run time", "failed", nil, 63, nil, seconds(63), false),
		Entry("none, success", "success", nil, nil, nil, seconds(181), false),
		Entry("none, failed", "failed", nil, nil, nil, nil, true),
		Entry("none, canceled", "canceled", payloadtest.Removed, 0, nil, nil, true),
		Entry("canceled while running", "canceled", 3, 5, seconds(3), seconds(5), false),
		Entry("skipped", "skipped", nil, nil, nil, nil, true),
		Entry("other types", "success", "x", []any{}, nil, seconds(181), false),
		Entry("not possible", "success", 1e300, -1e300, nil, seconds(181), false),
		Entry("running", "running", 12, 63, seconds(12), nil, false),
		Entry("pending", "pending", 12, 63, nil, nil, false),
	)

	It("accept jobs without times", func() {
		c := change("pipeline-failed-build-null-times", values{"object_attributes.finished_at": nil, "object_attributes.created_at": nil})
		Expect(c.Latest()).To(BeZero())
	})

	DescribeTable("the trigger", func(source, want string) {
		Expect(change("pipeline-life_a-3-running", values{"object_attributes.source": source}).Attributes.Trigger).To(Equal(want))
	},
		Entry(nil, "push", "push"), Entry(nil, "schedule", "schedule"), Entry(nil, "web", "manual"), Entry(nil, "api", "api"), Entry(nil, "trigger", "api"),
		Entry(nil, "merge_request_event", "pull_request"), Entry(nil, "parent_pipeline", "parent_pipeline"),
	)

	It("have a commit time only if it is that of their commit", func() {
		Expect(change("pipeline-life_a-3-running", values{"commit.id": 743121198}).CommitTime).To(BeZero())
	})
})

var _ = Describe("Jobs", func() {
	DescribeTable("states", func(status string, state tracker.State, result string) {
		c := change("build-life_a-4-success", values{"build_status": status})
		Expect(c.State).To(Equal(state))
		Expect(c.Result).To(Equal(result))
	},
		Entry(nil, "pending", tracker.Queued, ""), Entry(nil, "preparing", tracker.Blocked, ""), Entry(nil, "scheduled", tracker.Blocked, ""),
		Entry(nil, "waiting_for_resource", tracker.Blocked, ""), Entry(nil, "running", tracker.Started, ""), Entry(nil, "canceling", tracker.Started, ""),
		Entry(nil, "success", tracker.Ended, "success"), Entry(nil, "failed", tracker.Ended, "failure"),
		Entry(nil, "canceled", tracker.Ended, "cancellation"), Entry(nil, "skipped", tracker.Ended, "skip"),
	)

	It("are ignored until they wait for a runner", func() {
		for _, status := range []string{"created", "manual"} {
			Expect(decode("build-life_a-1-created", values{"build_status": status}).Outcome).To(Equal(payload.Ignored))
		}
	})

	It("have the id of their pipeline", func() {
		Expect(change("build-life_a-3-running", nil).RunID).To(Equal("743121198"))
		Expect(change("build-life_a-3-running", values{"pipeline_id": payloadtest.Removed, "commit.id": 2366}).RunID).To(Equal("2366"))
	})

	It("have the durations that GitLab measured", func() {
		c := change("build-life_a-4-success", nil)
		Expect(*c.QueueTime).To(Equal(3190 * time.Millisecond))
		Expect(*c.RunTime).To(Equal(49503592 * time.Microsecond))
		Expect(c.Started.Sub(c.Queued)).To(Equal(*c.QueueTime))
	})

	It("have no queue time if GitLab does not report it, because they are created long before they are queued", func() {
		for _, fixture := range []string{"build-life_a-3-running", "build-life_a-4-success"} {
			c := change(fixture, values{"build_queued_duration": nil, "build_duration": nil})
			Expect(c.QueueTime).To(BeNil())
			Expect(c.RunTime).To(BeNil())
			Expect(c.Queued).To(BeZero())
			Expect(c.Started).NotTo(BeZero())
		}
	})

	DescribeTable("that never started have no durations", func(fixture string) {
		c := change(fixture, nil)
		Expect(c.NeverStarted).To(BeTrue())
		Expect(c.QueueTime).To(BeNil())
		Expect(c.RunTime).To(BeNil())
	}, Entry(nil, "build-life_c-canceled-in-queue"), Entry(nil, "build-life_d-skipped"), Entry(nil, "build-life_e-failed-stuck_or_timeout_failure"))

	It("have a failure reason only if they failed", func() {
		for _, fixture := range []string{"build-success-retry-environment", "build-life_c-canceled-in-queue", "build-life_a-3-running"} {
			Expect(change(fixture, nil).Attributes.ErrorType).To(BeEmpty())
		}
	})

	DescribeTable("failures", func(fixture string, reason any, result, errorType string) {
		c := change(fixture, values{"build_status": "failed", "build_failure_reason": reason})
		Expect(c.Result).To(Equal(result))
		Expect(c.Attributes.ErrorType).To(Equal(errorType))
	},
		Entry(nil, "build-failed", "script_failure", "failure", "script_failure"),
		Entry(nil, "build-failed", "unknown_failure", "failure", "unknown_failure"),
		Entry(nil, "build-failed", "job_execution_timeout", "timeout", "job_execution_timeout"),
		Entry(nil, "build-failed", "stuck_or_timeout_failure", "failure", "stuck_or_timeout_failure"),
		Entry(nil, "build-life_c-canceled-in-queue", "stuck_or_timeout_failure", "error", "stuck_or_timeout_failure"),
		Entry(nil, "build-failed", "runner_system_failure", "error", "runner_system_failure"),
		Entry(nil, "build-failed", "scheduler_failure", "error", "scheduler_failure"),
		Entry(nil, "build-failed", "api_failure", "error", "api_failure"),
		Entry(nil, "build-failed", "data_integrity_failure", "error", "data_integrity_failure"),
		Entry(nil, "build-failed", "runner_unsupported", "error", "runner_unsupported"),
		Entry(nil, "build-failed", "stale_schedule", "error", "stale_schedule"),
		Entry(nil, "build-failed", "archived_failure", "error", "archived_failure"),
		Entry("a new word", "build-failed", "fell_over", "failure", "fell_over"),
		Entry("not a word", "build-failed", "error 5 in job 17", "failure", ""),
		Entry("no reason", "build-failed", nil, "failure", ""),
	)

	DescribeTable("retries", func(count any, want string) {
		Expect(change("build-life_a-4-success", values{"retries_count": count}).Attributes.Retry).To(Equal(want))
	}, Entry(nil, 0, "false"), Entry(nil, 1, "true"), Entry("older than 16.2", payloadtest.Removed, "false"), Entry(nil, "x", "false"))

	DescribeTable("names", func(name, want string) {
		Expect(change("build-life_a-4-success", values{"build_name": name}).Attributes.Job).To(Equal(want))
	},
		Entry(nil, "rspec", "rspec"), Entry(nil, "rspec 3/8", "rspec"), Entry(nil, "rspec unit 3/8", "rspec unit"),
		Entry(nil, "deploy: [aws, eu]", "deploy"), Entry(nil, "test: [a] 1/2", "test"), Entry(nil, "auto_deploy:start", "auto_deploy:start"),
		Entry(nil, "1/2", "1/2"), Entry(nil, " 1/2", " 1/2"), Entry(nil, "rspec 3/8 again", "rspec 3/8 again"), Entry(nil, "", ""),
	)
})

var _ = Describe("Deployments", func() {
	DescribeTable("states", func(status string, state tracker.State, result string) {
		c := change("deployment-success", values{"status": status})
		Expect(c.State).To(Equal(state))
		Expect(c.Result).To(Equal(result))
		Expect(c.Latest()).To(Equal(time.Date(2021, 4, 28, 19, 50, 0, 0, time.UTC)))
	},
		Entry(nil, "created", tracker.Queued, ""), Entry(nil, "blocked", tracker.Blocked, ""), Entry(nil, "running", tracker.Started, ""),
		Entry(nil, "success", tracker.Ended, "success"), Entry(nil, "failed", tracker.Ended, "failure"),
		Entry(nil, "canceled", tracker.Ended, "cancellation"), Entry(nil, "skipped", tracker.Ended, "skip"),
	)

	DescribeTable("the commit", func(short, address any, want string) {
		c := change("deployment-success", values{"short_sha": short, "commit_url": address})
		Expect(c.Attributes.Commit).To(Equal(want))
	},
		Entry(nil, "279484c0", "http://x/-/commit/279484c09fbe69ededfced8c1bb6e6d24616b468", "279484c09fbe69ededfced8c1bb6e6d24616b468"),
		Entry(nil, "279484c1", "http://x/-/commit/279484c09fbe69ededfced8c1bb6e6d24616b468", ""),
		Entry(nil, nil, "http://x/-/commit/279484c09fbe69ededfced8c1bb6e6d24616b468", ""),
		Entry(nil, "279484c0", "http://x/-/commit/279484c09fbe?x", ""),
		Entry(nil, "279484c0", nil, ""),
	)
})
