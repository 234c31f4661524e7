package buildkite_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/buildkite"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// at is when the build of the fixtures was created.
var at = time.Date(2026, 3, 4, 10, 0, 0, 874_000_000, time.UTC)

var _ = Describe("Decode", func() {
	DescribeTable("returns an error for what is not JSON", func(body string) {
		_, err := buildkite.Decode(http.Header{}, []byte(body))
		Expect(err).To(MatchError(HavePrefix("the body is not JSON")))
	},
		Entry(nil, ""), Entry(nil, "hello"), Entry(nil, `{"event":"build.running"`), Entry(nil, "payload=%7B%7D"),
		Entry("deeply nested where a build is expected", `{"build":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}"),
	)

	DescribeTable("ignores other JSON", func(body string) {
		for _, event := range []string{"build.running", "build.finished", "job.started", "job.finished", "agent.lost", "ping", ""} {
			d, err := buildkite.Decode(http.Header{"X-Buildkite-Event": {event}}, []byte(body))
			Expect(err).NotTo(HaveOccurred())
			Expect(payloadtest.Problems(d)).To(BeEmpty())
			Expect(d.Outcome).To(Equal(payload.Ignored))
		}
	},
		Entry(nil, "null"), Entry(nil, "[]"), Entry(nil, "1"), Entry(nil, `"x"`), Entry(nil, "{}"), Entry(nil, `{"build":null,"job":null,"agent":null}`),
		Entry(nil, `{"build":{},"job":{},"agent":{}}`), Entry(nil, `{"detail-type":"Build Started","detail":null}`), Entry(nil, `{"detail-type":"Job Started"}`),
		Entry("deeply nested where nothing is expected", strings.Repeat(`{"a":`, 20_000)+"1"+strings.Repeat("}", 20_000)))

	DescribeTable("ignores other events", func(fixture, event string) {
		d := decode(fixture, values{"event": event})
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(Equal("the event \"" + event + "\" is not about the state of builds, jobs or agents"))
	},
		Entry(nil, "build.running", "ping"), Entry(nil, "build.running", "build.exploded"), Entry(nil, "job.started", "job.promised_exit_status"),
		Entry(nil, "job.started", "cluster_token.registration_blocked"), Entry(nil, "agent.connected", "agent.blocked"),
	)

	It("takes the event from the body, which is signed, and else from the header", func() {
		f := payloadtest.One(GinkgoTB(), "testdata/job.started")
		d, err := buildkite.Decode(http.Header{"X-Buildkite-Event": {"job.finished"}}, f.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Event).To(Equal("job.started"))
		d, err = buildkite.Decode(f.Header, f.With(values{"event": payloadtest.Removed}))
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Event).To(Equal("job.started"))
		Expect(d.Changes).To(HaveLen(1))
	})
})

var _ = Describe("Builds", func() {
	DescribeTable("states", func(state, result string, outcome payload.Outcome) {
		d := decode("build.finished-passed", values{"build.state": state})
		Expect(d.Outcome).To(Equal(outcome))
		c := d.Changes[0]
		Expect(c.Result).To(Equal(result))
		if result == "" {
			Expect(c.State).To(Equal(tracker.Started))
			Expect(c.Ended).To(BeZero())
		} else {
			Expect(c.State).To(Equal(tracker.Ended))
			Expect(c.Ended).To(Equal(at.Add(4*time.Minute + 9*time.Second)))
			Expect(c.Attributes.RawResult).To(Equal(state))
		}
	},
		Entry(nil, "passed", "success", payload.Useful), Entry(nil, "failed", "failure", payload.Useful), Entry(nil, "canceled", "cancellation", payload.Useful),
		Entry(nil, "skipped", "skip", payload.Useful), Entry(nil, "not_run", "skip", payload.Useful), Entry(nil, "exploded", "other", payload.Unmapped),
		// Blocked builds, and builds that run again before the delivery is sent.
		Entry(nil, "blocked", "", payload.Useful), Entry(nil, "running", "", payload.Useful), Entry(nil, "started", "", payload.Useful),
		Entry(nil, "failing", "", payload.Useful), Entry(nil, "scheduled", "", payload.Useful), Entry(nil, "canceling", "", payload.Useful),
	)

	DescribeTable("have not ended while they are blocked", func(state string, want tracker.State) {
		Expect(change("build.finished-blocked", values{"build.state": state}).State).To(Equal(want))
	},
		Entry(nil, "passed", tracker.Started), Entry(nil, "failed", tracker.Started), Entry(nil, "blocked", tracker.Started),
		Entry(nil, "canceled", tracker.Ended), Entry(nil, "skipped", tracker.Ended), Entry(nil, "exploded", tracker.Ended),
	)

	It("have not ended while they are blocked, according to EventBridge", func() {
		Expect(change("eventbridge-build_blocked", nil).State).To(Equal(tracker.Started))
		Expect(change("eventbridge-build_blocked", values{"detail-type": "Build Blocked"}).State).To(Equal(tracker.Started))
	})

	DescribeTable("are in the state that the event says, even if the payload shows a later one", func(fixture string, want tracker.State) {
		c := change(fixture, values{"build.state": "passed", "build.finished_at": "2026-03-04T10:00:20Z", "build.started_at": "2026-03-04T10:00:09.874Z"})
		Expect(c.State).To(Equal(want))
		Expect(c.Ended).To(BeZero())
	},
		Entry(nil, "build.scheduled", tracker.Queued), Entry(nil, "build.running", tracker.Started), Entry(nil, "build.failing", tracker.Started),
	)

	It("never started if they have no start", func() {
		Expect(change("build.finished-canceled", values{"build.started_at": nil}).NeverStarted).To(BeTrue())
		Expect(change("build.finished-canceled", nil).NeverStarted).To(BeFalse())
	})

	DescribeTable("the kind of ref", func(branch, pullRequest, defaultBranch any, want string) {
		c := change("build.running", values{"build.branch": branch, "build.pull_request.id": pullRequest, "pipeline.default_branch": defaultBranch})
		Expect(c.Attributes.RefKind).To(Equal(want))
	},
		Entry(nil, "main", nil, "main", "default"), Entry(nil, "v1.0", nil, "main", "branch"), Entry(nil, "main", "42", "main", "pull_request"),
		Entry(nil, "fix", 42, nil, "pull_request"), Entry(nil, "main", nil, nil, ""), Entry(nil, nil, nil, nil, ""), Entry(nil, nil, nil, "main", ""),
	)

	DescribeTable("the trigger", func(source any, pullRequest any, want string) {
		c := change("build.running", values{"build.source": source, "build.pull_request.id": pullRequest})
		Expect(c.Attributes.Trigger).To(Equal(want))
	},
		Entry(nil, "webhook", nil, "push"), Entry(nil, "webhook", "42", "pull_request"), Entry(nil, "ui", nil, "manual"), Entry(nil, "api", "42", "api"),
		Entry(nil, "schedule", nil, "schedule"), Entry(nil, "trigger_job", nil, "pipeline"), Entry(nil, "new", nil, "new"), Entry(nil, nil, nil, ""),
	)

	It("are retries if they are rebuilt", func() {
		Expect(change("build.running", values{"build.rebuilt_from": values{"number": 1}}).Attributes.Retry).To(Equal("true"))
		Expect(change("job.started", values{"build.rebuilt_from": values{"number": 1}}).Attributes.Retry).To(Equal("true"))
		Expect(change("eventbridge-build_started", nil).Attributes.Retry).To(BeEmpty())
	})

	DescribeTable("the organization, which is only in URLs", func(pipeline, build any, want string) {
		c := change("build.running", values{"pipeline.url": pipeline, "build.url": build})
		Expect(c.Attributes.Owner).To(Equal(want))
	},
		Entry(nil, "https://api.buildkite.com/v2/organizations/a/pipelines/b", nil, "a"),
		Entry(nil, nil, "https://api.buildkite.com/v2/organizations/a/pipelines/b/builds/1", "a"),
		Entry(nil, "https://api.buildkite.com/v2/organizations/a", nil, "a"), Entry(nil, "https://example.com/a", nil, ""), Entry(nil, nil, nil, ""),
	)

	DescribeTable("the commit", func(commit any, want string) {
		Expect(change("build.running", values{"build.commit": commit}).Attributes.Commit).To(Equal(want))
	},
		Entry(nil, "abcd0b72a1e580e90712cdd9eb26d3fb41cd09c8", "abcd0b72a1e580e90712cdd9eb26d3fb41cd09c8"), Entry(nil, "HEAD", ""), Entry(nil, nil, ""))

	DescribeTable("the URL that EventBridge does not send", func(field string) {
		c := change("eventbridge-build_started", values{"detail." + field: nil})
		Expect(c.Attributes.URL).To(BeEmpty())
	},
		Entry(nil, "organization.slug"), Entry(nil, "pipeline.slug"), Entry(nil, "build.number"))
})

var _ = Describe("Jobs", func() {
	DescribeTable("results", func(v values, result, raw, errorType string) {
		outcome := payload.Useful
		if result == "other" {
			outcome = payload.Unmapped
		}
		with := values{}
		for name, value := range v {
			with["job."+name] = value
		}
		d := decode("job.finished-failed", with)
		Expect(d.Outcome).To(Equal(outcome))
		Expect(d.Changes[0].State).To(Equal(tracker.Ended))
		Expect(d.Changes[0].Result).To(Equal(result))
		Expect(d.Changes[0].Attributes.RawResult).To(Equal(raw))
		Expect(d.Changes[0].Attributes.ErrorType).To(Equal(errorType))
	},
		Entry(nil, values{"state": "passed", "exit_status": 0}, "success", "passed", ""),
		Entry(nil, values{"state": "failed"}, "failure", "failed", ""),
		Entry(nil, values{"state": "failed", "exit_status": nil}, "failure", "failed", ""),
		Entry(nil, values{"state": "failed", "soft_failed": true}, "success", "soft_failed", ""),
		Entry(nil, values{"state": "canceled"}, "cancellation", "canceled", ""),
		Entry(nil, values{"state": "canceled", "signal_reason": "cancel"}, "cancellation", "canceled", "cancel"),
		Entry(nil, values{"state": "timed_out", "exit_status": -1, "signal_reason": "cancel"}, "timeout", "timed_out", "timed_out"),
		Entry(nil, values{"state": "expired"}, "error", "expired", "expired"),
		Entry(nil, values{"state": "skipped"}, "skip", "skipped", ""),
		Entry(nil, values{"state": "broken"}, "skip", "broken", ""),
		Entry(nil, values{"state": "failed", "exit_status": -1}, "error", "failed", "agent_lost"),
		Entry(nil, values{"state": "failed", "exit_status": -1, "signal_reason": "agent_stop"}, "error", "failed", "agent_stop"),
		Entry(nil, values{"state": "failed", "exit_status": 255, "signal_reason": "agent_stop"}, "error", "failed", "agent_stop"),
		Entry(nil, values{"state": "failed", "signal_reason": "agent_refused"}, "error", "failed", "agent_refused"),
		Entry(nil, values{"state": "failed", "signal_reason": "agent_incompatible"}, "error", "failed", "agent_incompatible"),
		Entry(nil, values{"state": "failed", "signal_reason": "process_run_error"}, "error", "failed", "process_run_error"),
		Entry(nil, values{"state": "failed", "signal_reason": "signature_rejected"}, "error", "failed", "signature_rejected"),
		Entry(nil, values{"state": "failed", "signal_reason": "stack_error"}, "error", "failed", "stack_error"),
		Entry(nil, values{"state": "failed", "signal_reason": "cancel"}, "failure", "failed", "cancel"),
		Entry(nil, values{"state": "failed", "signal_reason": "see-reason-below"}, "failure", "failed", ""),
		Entry(nil, values{"state": "failed", "signal_reason": "agent_stop", "soft_failed": true}, "success", "soft_failed", "agent_stop"),
		// The internal state, which EventBridge shows.
		Entry(nil, values{"state": "finished", "exit_status": 0}, "success", "finished", ""),
		Entry(nil, values{"state": "finished", "exit_status": nil, "passed": true}, "success", "finished", ""),
		Entry(nil, values{"state": "finished", "exit_status": 1}, "failure", "finished", ""),
		Entry(nil, values{"state": "finished", "exit_status": nil}, "failure", "finished", ""),
		Entry(nil, values{"state": "finished", "soft_failed": true}, "success", "soft_failed", ""),
		Entry(nil, values{"state": "finished", "exit_status": -1}, "error", "finished", "agent_lost"),
		Entry(nil, values{"state": "exploded"}, "other", "exploded", ""),
	)

	It("are ignored if they have ended without a state", func() {
		Expect(decode("job.finished-failed", values{"job.state": nil}).Outcome).To(Equal(payload.Ignored))
		Expect(decode("build.finished-failed", values{"build.state": nil}).Outcome).To(Equal(payload.Ignored))
	})

	DescribeTable("that do not run on agents are ignored", func(kind any) {
		d := decode("job.finished-passed", values{"job.type": kind})
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Reason).To(HavePrefix("a job of the type"))
	},
		Entry(nil, "manual"), Entry(nil, "trigger"), Entry(nil, "waiter"), Entry(nil, nil))

	DescribeTable("are queued from the time at which they could run, not from their creation", func(fixture string) {
		Expect(change(fixture, nil).Queued).To(Equal(at.Add(5 * time.Second)))
		Expect(change(fixture, values{"job.runnable_at": nil}).Queued).To(BeZero())
	},
		Entry(nil, "job.scheduled"), Entry(nil, "job.started"), Entry(nil, "job.finished-passed"))

	DescribeTable("are in the state that the event says, even if the payload shows a later one", func(fixture string, want tracker.State) {
		c := change(fixture, values{"job.state": "passed", "job.started_at": "2026-03-04T10:00:30.874Z", "job.finished_at": "2026-03-04T10:03:30.874Z"})
		Expect(c.State).To(Equal(want))
		Expect(c.Ended).To(BeZero())
	},
		Entry(nil, "job.scheduled", tracker.Queued), Entry(nil, "job.started", tracker.Started))

	DescribeTable("the class of the runner is the queue", func(rules any, class, group string) {
		for _, fixture := range []string{"job.scheduled", "job.finished-passed"} {
			c := change(fixture, values{"job.agent_query_rules": rules})
			Expect(c.Attributes.RunnerClass).To(Equal(class))
			Expect(c.Attributes.RunnerGroup).To(Equal(group))
		}
	},
		Entry(nil, []any{"queue=default"}, "default", ""), Entry(nil, []any{}, "default", ""), Entry(nil, nil, "default", ""),
		Entry(nil, []any{"queue="}, "default", ""), Entry(nil, []any{" queue=Deploy "}, "deploy", ""),
		Entry(nil, []any{"os=Linux", "queue=gpu", "arch=arm64"}, "gpu", "arch=arm64,os=linux"), Entry(nil, []any{"os=linux", nil}, "default", "os=linux"),
		Entry(nil, []any{"queues=a"}, "default", "queues=a"),
	)

	DescribeTable("names", func(key, name any, want string) {
		Expect(change("job.started", values{"job.step_key": key, "job.name": name}).Attributes.Job).To(Equal(want))
		Expect(change("eventbridge-job_started", values{"detail.job.step_key": key, "detail.job.label": name}).Attributes.Job).To(Equal(want))
	},
		Entry(nil, "test", ":nodejs: Test", "test"), Entry(nil, nil, ":nodejs: Test", "Test"), Entry(nil, nil, ":docker::+1: Build  it :rocket:", "Build it"),
		Entry(nil, nil, ":package:", ":package:"), Entry(nil, nil, "test:unit:fast", "test:unit:fast"), Entry(nil, nil, nil, ""),
	)

	It("are retries if they have a source", func() {
		Expect(change("job.finished-retry-manual", nil).Attributes.Retry).To(Equal("true"))
		Expect(change("job.finished-retry-manual", values{"job.retry_source": nil}).Attributes.Retry).To(Equal("false"))
		Expect(change("eventbridge-job_started", nil).Attributes.Retry).To(BeEmpty())
	})

	It("have times in the layout of EventBridge", func() {
		c := change("eventbridge-job_finished", nil)
		Expect(c.Anomalies).To(BeEmpty())
		Expect(c.Queued).To(Equal(time.Date(2019, 8, 11, 6, 1, 14, 0, time.UTC)))
		Expect(c.Ended.Sub(c.Started)).To(Equal(19 * time.Second))
	})
})

var _ = Describe("Agents", func() {
	DescribeTable("states", func(event string, want tracker.State, since time.Time) {
		c := change("agent."+event, values{"agent.connected_at": at.Format(time.RFC3339Nano)})
		Expect(c.Kind).To(Equal(tracker.Worker))
		Expect(c.ID).To(Equal("0b461f65-e7be-4c80-888a-ef11d81fd971"))
		Expect(c.State).To(Equal(want))
		Expect(c.Time).To(Equal(since))
		Expect(c.Attributes).To(Equal(tracker.Attributes{Owner: "my-great-org", Worker: "my-agent", Queue: "default"}))
		bridged := change("eventbridge-agent_"+event, nil)
		Expect(bridged.State).To(Equal(want))
		Expect(bridged.Attributes).To(Equal(tracker.Attributes{Owner: "my-org", Worker: "my-agent-1", Queue: "default"}))
	},
		Entry(nil, "connected", tracker.Available, at), Entry(nil, "stopping", tracker.Busy, at),
		Entry(nil, "stopped", tracker.Offline, at.Add(time.Hour)), Entry(nil, "disconnected", tracker.Offline, at.Add(time.Hour)),
		Entry(nil, "lost", tracker.Lost, at.Add(time.Hour)),
	)

	DescribeTable("have the same name of the queue as jobs", func(field, tags any, want string) {
		c := change("agent.connected", values{"agent.queue": field, "agent.meta_data": tags})
		Expect(c.Attributes.Queue).To(Equal(want))
		if field == nil {
			Expect(change("job.started", values{"job.agent_query_rules": tags}).Attributes.RunnerClass).To(Equal(want))
		}
	},
		Entry(nil, nil, []any{"queue=default"}, "default"), Entry(nil, nil, []any{"os=linux"}, "default"), Entry(nil, nil, nil, "default"),
		Entry(nil, nil, []any{"os=linux", "queue=Deploy"}, "deploy"), Entry(nil, "gpu", []any{"os=linux"}, "gpu"), Entry(nil, "gpu", []any{"queue=a"}, "a"),
	)

	It("are offline from the time at which they stopped, if nothing else is known", func() {
		Expect(change("agent.stopped", values{"agent.disconnected_at": nil}).Time).To(BeZero())
		Expect(change("agent.stopped", values{"agent.disconnected_at": nil, "agent.stopped_at": "2026-03-04T11:00:00Z"}).Time).NotTo(BeZero())
	})
})
