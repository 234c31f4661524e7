package gitea_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitea"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

var at = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// epoch is Gitea's word for a time that is unknown.
const epoch = "1970-01-01T00:00:00Z"

var _ = Describe("Decode", func() {
	It("reads the JSON in a form", func() {
		f := payloadtest.One(GinkgoTB(), "testdata/workflow_job-life_a-4-completed-success")
		want, err := gitea.Decode(f.Header, f.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(gitea.Decode(f.Header, []byte("payload="+url.QueryEscape(string(f.Body))))).To(Equal(want))
	})

	DescribeTable("returns an error for what is neither", func(body string) {
		_, err := gitea.Decode(http.Header{}, []byte(body))
		Expect(err).To(MatchError(HavePrefix("the body is")))
	}, Entry(nil, ""), Entry(nil, "hello"), Entry(nil, `{"action":"queued"`), Entry(nil, "payload=%7B"), Entry(nil, "payload=%zz"))

	DescribeTable("ignores other events", func(event, body string) {
		d, err := gitea.Decode(http.Header{"X-Gitea-Event": {event}}, []byte(body))
		Expect(err).NotTo(HaveOccurred())
		Expect(payloadtest.Problems(d)).To(BeEmpty())
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(Equal(`the event "` + event + `" has no run and no job`))
	},
		Entry(nil, "push", `{"ref":"refs/heads/main","repository":{"full_name":"a/b"}}`), Entry(nil, "workflow_job", `{"action":"queued","workflow_job":null}`),
		Entry(nil, "workflow_run", "{}"), Entry(nil, "workflow_run", "[]"), Entry(nil, "", "null"), Entry(nil, "action_run_success", `{"run":null}`))

	It("ignores deliveries of GitHub", func() {
		body := payloadtest.One(GinkgoTB(), "testdata/workflow_job-life_a-2-queued").Body
		d, err := gitea.Decode(http.Header{"X-Github-Event": {"workflow_job"}}, body)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Reason).To(Equal(`the event "workflow_job" is not from Gitea or Forgejo`))
	})

	It("recognizes payloads without headers", func() {
		for fixture, event := range map[string]string{
			"workflow_run-life_a-1-requested": "workflow_run requested", "workflow_job-life_a-2-queued": "workflow_job queued",
			"action_run_success": "action_run success", "workflow_job_running-life_c-3": "workflow_job running",
		} {
			d, err := gitea.Decode(http.Header{}, payloadtest.One(GinkgoTB(), "testdata/"+fixture).Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(d.Outcome).To(Equal(payload.Useful))
			Expect(d.Event).To(Equal(event))
		}
	})

	DescribeTable("ignores unknown actions", func(fixture string, action any) {
		d := decode(fixture, values{"action": action})
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(HavePrefix("unknown action"))
	},
		Entry(nil, "workflow_job-life_a-2-queued", "exploded"), Entry(nil, "workflow_job-life_a-2-queued", 1),
		Entry(nil, "workflow_run-life_a-1-requested", "exploded"), Entry(nil, "workflow_run-life_a-1-requested", payloadtest.Removed))

	DescribeTable("conclusions", func(conclusion, result string, outcome payload.Outcome) {
		for _, object := range []string{"workflow_job-life_a-4-completed-success", "workflow_run-life_a-3-completed-success"} {
			kind, _, _ := strings.Cut(object, "-")
			d := decode(object, values{kind + ".conclusion": conclusion})
			Expect(d.Outcome).To(Equal(outcome))
			Expect(d.Changes).To(HaveLen(1))
			Expect(d.Changes[0].State).To(Equal(tracker.Ended))
			Expect(d.Changes[0].Result).To(Equal(result))
			Expect(d.Changes[0].Attributes.RawResult).To(Equal(conclusion))
			Expect(decode(object, values{kind + ".conclusion": nil}).Outcome).To(Equal(payload.Ignored))
		}
	},
		Entry(nil, "success", "success", payload.Useful), Entry(nil, "failure", "failure", payload.Useful),
		Entry(nil, "cancelled", "cancellation", payload.Useful), Entry(nil, "skipped", "skip", payload.Useful),
		Entry(nil, "exploded", "other", payload.Unmapped))

	DescribeTable("ignores objects without a usable id", func(id any) {
		for fixture, object := range map[string]string{
			"workflow_job-life_a-2-queued": "workflow_job", "workflow_run-life_a-1-requested": "workflow_run",
			"action_run_success": "run", "workflow_job_running-life_c-3": "job",
		} {
			Expect(decode(fixture, values{object + ".id": id}).Outcome).To(Equal(payload.Ignored))
		}
	}, Entry(nil, payloadtest.Removed), Entry(nil, nil), Entry(nil, true), Entry(nil, ""), Entry("too long", strings.Repeat("1", 65)))

	It("has the host of the server as instance", func() {
		Expect(change("workflow_job-life_a-2-queued", nil).Instance).To(Equal("gitea.example.com"))
		Expect(change("action_run_success", nil).Instance).To(Equal("forgejo.example.com"))
		Expect(change("workflow_job-life_a-2-queued", values{"repository.html_url": "https://gitea.com/a/b"}).Instance).To(Equal("gitea.com"))
	})
})

var _ = Describe("Runs", func() {
	const requested, completed = "workflow_run-life_a-1-requested", "workflow_run-life_a-3-completed-success"

	DescribeTable("that are requested", func(status string, want tracker.State) {
		c := change(requested, values{"workflow_run.status": status})
		Expect(c.State).To(Equal(want))
		Expect([]time.Time{c.Time, c.Queued}).To(HaveEach(BeZero()))
	}, Entry("wait for a runner", "queued", tracker.Queued), Entry("wait for an approval or for other runs", "waiting", tracker.Blocked))

	DescribeTable("that never started", func(v values, want bool) {
		Expect(change(completed, v).NeverStarted).To(Equal(want))
	},
		Entry(nil, values{}, false),
		Entry(nil, values{"workflow_run.started_at": epoch}, true),
		Entry("in the time zone of the server", values{"workflow_run.started_at": "1970-01-01T01:00:00+01:00"}, true),
		Entry(nil, values{"workflow_run.started_at": nil}, true),
	)

	It("have a workflow whose id is text", func() {
		Expect(change(requested, values{"workflow.id": "ci.yml"})).To(Equal(change(requested, values{"workflow.id": 7})))
	})

	DescribeTable("the pipeline", func(name, path any, want string) {
		Expect(change(requested, values{"workflow.name": name, "workflow_run.path": path}).Attributes.Pipeline).To(Equal(want))
	},
		Entry(nil, "CI", "ci.yml@refs/heads/main", "CI"), Entry(nil, nil, "ci.yml@refs/heads/main", "ci.yml"), Entry(nil, "", "ci.yml", "ci.yml"), Entry(nil, nil, nil, ""))

	DescribeTable("the ref", func(event, ref, branch, kind string) {
		a := change(requested, values{"workflow_run.event": event, "workflow_run.path": "ci.yml@" + ref}).Attributes
		Expect([]string{a.Branch, a.RefKind}).To(Equal([]string{branch, kind}))
	},
		Entry(nil, "push", "refs/heads/main", "main", "default"),
		Entry(nil, "push", "refs/heads/a/b@c", "a/b@c", "branch"),
		Entry(nil, "push", "refs/tags/v1", "v1", "tag"),
		Entry(nil, "pull_request", "refs/pull/3/head", "", "pull_request"),
		Entry(nil, "issue_comment", "refs/pull/3/head", "", "pull_request"),
		Entry(nil, "pull_request_target", "refs/heads/main", "main", "pull_request"),
		Entry(nil, "pull_request_sync", "", "", "pull_request"),
		Entry(nil, "push", "", "", ""),
		Entry(nil, "push", "x", "", ""),
	)

	DescribeTable("the trigger", func(event, want string) {
		Expect(change(requested, values{"workflow_run.event": event}).Attributes.Trigger).To(Equal(want))
	}, Entry(nil, "push", "push"), Entry(nil, "schedule", "schedule"), Entry(nil, "workflow_dispatch", "manual"),
		Entry(nil, "pull_request_target", "pull_request"), Entry(nil, "pull_request_sync", "pull_request"))

	It("have an attempt, unless the server is older than Gitea 1.27", func() {
		c := change("workflow_run-life_b_rerun-6-rerun-completed-success-attempt2", nil)
		Expect([]any{c.Attempt, c.Attributes.Retry, c.Reopens}).To(Equal([]any{"2", "true", false}))
		for _, attempt := range []any{0, nil, payloadtest.Removed} {
			c = change(completed, values{"workflow_run.run_attempt": attempt})
			Expect([]any{c.Attempt, c.Attributes.Retry, c.Reopens}).To(Equal([]any{"1", "false", true}))
		}
	})
})

var _ = Describe("Jobs", func() {
	const queued, running, completed = "workflow_job-life_a-2-queued", "workflow_job-life_a-3-in_progress", "workflow_job-life_a-4-completed-success"

	It("that wait for other jobs are blocked from their creation on", func() {
		c := change("workflow_job-life_a-1-waiting-blocked-by-needs", nil)
		Expect(c.State).To(Equal(tracker.Blocked))
		Expect(c.Time).To(Equal(at))
	})

	It("have no start and no end while they are queued", func() {
		c := change(queued, nil)
		Expect(c.State).To(Equal(tracker.Queued))
		Expect(c.Queued).To(Equal(at))
		Expect([]time.Time{c.Time, c.Started, c.Ended}).To(HaveEach(BeZero()))
	})

	It("have a queue time only in the first attempt if the creation may be that of the first attempt", func() {
		Expect(change(running, nil).Queued).To(Equal(at))
		for _, fixture := range []string{running, completed} {
			Expect(change(fixture, values{"workflow_job.run_attempt": 2}).Queued).To(BeZero())
		}
		Expect(change(queued, values{"workflow_job.run_attempt": 2}).Queued).To(Equal(at))
	})

	It("are in the first attempt until they start, also before Gitea 1.27", func() {
		for _, attempt := range []any{0, 1, "0", nil} {
			c := change(queued, values{"workflow_job.run_attempt": attempt})
			Expect([]string{c.Attempt, c.Attributes.Retry}).To(Equal([]string{"1", "false"}))
		}
	})

	It("that never started", func() {
		Expect(change(completed, nil).NeverStarted).To(BeFalse())
		Expect(change("workflow_job-completed-cancelled-in-queue", nil).NeverStarted).To(BeTrue())
		Expect(change("workflow_job-completed-skipped", nil).NeverStarted).To(BeTrue())
	})

	DescribeTable("that call a workflow are ignored", func(fixture string, v values, ignored bool) {
		all := values{"workflow_job.labels": nil, "workflow_job.runner_id": payloadtest.Removed, "workflow_job.runner_name": payloadtest.Removed}
		for name, value := range v {
			all[name] = value
		}
		Expect(decode(fixture, all).Outcome == payload.Ignored).To(Equal(ignored))
	},
		Entry(nil, queued, values{}, true), Entry(nil, running, values{}, true), Entry(nil, completed, values{}, true),
		Entry(nil, completed, values{"workflow_job.labels": []any{}}, true),
		Entry("with labels", queued, values{"workflow_job.labels": []string{"linux"}}, false),
		Entry("on a runner that was removed", completed, values{"workflow_job.runner_id": 7}, false),
		Entry("without a runner", completed, values{"workflow_job.runner_id": 0}, true),
		Entry("skipped", completed, values{"workflow_job.conclusion": "skipped"}, false),
		Entry("cancelled", completed, values{"workflow_job.conclusion": "cancelled"}, false),
	)

	It("are named without the parameters of a matrix", func() {
		Expect(change("workflow_job-life_b_rerun-1-queued", nil).Attributes.Job).To(Equal("test"))
	})
})

var _ = Describe("Forgejo", func() {
	const success, running = "action_run_success", "workflow_job_running-life_c-3"

	DescribeTable("statuses", func(status string, state tracker.State, result string) {
		for fixture, object := range map[string]string{success: "run", running: "job"} {
			c := change(fixture, values{object + ".status": status})
			Expect(c.State).To(Equal(state))
			Expect(c.Result).To(Equal(result))
		}
	},
		Entry("for a runner", "waiting", tracker.Queued, ""), Entry(nil, "blocked", tracker.Blocked, ""), Entry(nil, "running", tracker.Started, ""),
		Entry(nil, "success", tracker.Ended, "success"), Entry(nil, "failure", tracker.Ended, "failure"),
		Entry(nil, "cancelled", tracker.Ended, "cancellation"), Entry(nil, "skipped", tracker.Ended, "skip"))

	It("leaves an unknown status unmapped, whether it is an end or not", func() {
		for fixture, object := range map[string]string{success: "run", running: "job"} {
			d := decode(fixture, values{object + ".status": "unknown"})
			Expect(d.Outcome).To(Equal(payload.Unmapped))
			Expect(d.Changes).To(BeEmpty())
		}
	})

	DescribeTable("the ref", func(event, ref, branch, kind string) {
		for _, fixture := range []string{success, running} {
			a := change(fixture, values{"run.trigger_event": event, "run.prettyref": ref}).Attributes
			Expect([]string{a.Branch, a.RefKind}).To(Equal([]string{branch, kind}))
		}
	},
		Entry(nil, "push", "main", "main", "default"), Entry(nil, "push", "feature", "feature", "branch"), Entry(nil, "release", "v1", "v1", "tag"),
		Entry(nil, "pull_request", "#5", "", "pull_request"), Entry(nil, "issue_comment", "#5", "", "pull_request"), Entry(nil, "push", "", "", ""))

	It("falls back to the event that it received", func() {
		Expect(change(success, values{"run.trigger_event": "", "run.event": "schedule"}).Attributes.Trigger).To(Equal("schedule"))
	})

	It("decodes a job without its run", func() {
		c := change(running, values{"run": nil})
		Expect([]string{c.ID, c.RunID, c.Attributes.Repository, c.Attributes.Pipeline}).To(Equal([]string{"601", "", "octo-org/octo-repo", ""}))
	})
})
