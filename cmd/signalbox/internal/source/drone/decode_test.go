package drone_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/drone"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// created is when the builds of the fixtures are created, in seconds since 1970.
const created = 1772618400

var at = time.Unix(created, 0).UTC()

const pending, running, success, killed = "build-created-pending", "build-updated-running", "build-updated-success", "build-updated-killed"

// run decodes a fixture with other values of the build, without its stages.
func run(fixture string, v values) tracker.Change {
	GinkgoHelper()
	all := values{"build.stages": nil}
	for name, value := range v {
		all[name] = value
	}
	c := change(fixture, all)
	Expect(c.Kind).To(Equal(tracker.Run))
	return c
}

// job decodes a fixture with a stage instead of its own.
func job(stage values) tracker.Change {
	GinkgoHelper()
	all := values{"id": 7, "created": created, "updated": created + 5}
	for name, value := range stage {
		all[name] = value
	}
	d := decode(running, values{"build.stages": []any{all}})
	Expect(d.Changes).To(HaveLen(2))
	Expect(d.Changes[1].Kind).To(Equal(tracker.Job))
	return d.Changes[1]
}

var _ = Describe("Decode", func() {
	DescribeTable("returns an error for what is not JSON", func(body string) {
		_, err := drone.Decode(http.Header{}, []byte(body))
		Expect(err).To(MatchError(HavePrefix("the body is not JSON")))
	}, Entry(nil, ""), Entry(nil, "hello"), Entry(nil, `{"event":"build"`), Entry(nil, "payload=%7B%7D"))

	DescribeTable("ignores what has no build", func(event, body string) {
		d, err := drone.Decode(http.Header{"X-Drone-Event": {event}}, []byte(body))
		Expect(err).NotTo(HaveOccurred())
		Expect(payloadtest.Problems(d)).To(BeEmpty())
		Expect(d.Reason).To(Equal(`the event "` + event + `" has no build`))
	}, Entry(nil, "repo", `{"event":"repo","action":"enabled","repo":{"slug":"a/b"}}`), Entry(nil, "user", "{}"), Entry(nil, "build", `{"build":null}`), Entry(nil, "", "[]"))

	DescribeTable("statuses of builds and stages", func(status string, state tracker.State, result string) {
		for _, c := range []tracker.Change{run(success, values{"build.status": status}), job(values{"status": status})} {
			Expect(c.State).To(Equal(state))
			Expect(c.Result).To(Equal(result))
		}
	},
		Entry(nil, "pending", tracker.Queued, ""), Entry(nil, "blocked", tracker.Blocked, ""), Entry(nil, "waiting_on_dependencies", tracker.Blocked, ""),
		Entry(nil, "running", tracker.Started, ""), Entry(nil, "success", tracker.Ended, "success"), Entry(nil, "failure", tracker.Ended, "failure"),
		Entry(nil, "error", tracker.Ended, "error"), Entry(nil, "killed", tracker.Ended, "cancellation"),
		Entry(nil, "skipped", tracker.Ended, "skip"), Entry(nil, "declined", tracker.Ended, "skip"))

	It("uses the rest of a delivery with an unknown status", func() {
		d := decode(success, values{"build.status": "exploded"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Changes).To(HaveLen(1))
		Expect(d.Changes[0].Kind).To(Equal(tracker.Job))
		d = decode(success, values{"build.stages": []values{{"id": 7, "status": "exploded"}}})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Changes).To(HaveLen(1))
	})

	DescribeTable("ignores builds without a usable id", func(id any) {
		d := decode(success, values{"build.id": id})
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Changes).To(BeEmpty())
	}, Entry(nil, payloadtest.Removed), Entry(nil, nil), Entry(nil, true), Entry(nil, ""), Entry("too long", strings.Repeat("1", 65)))

	It("ignores stages without a usable id", func() {
		d := decode(success, values{"build.stages": []values{{"status": "running"}, {"id": nil}, {"id": strings.Repeat("1", 65), "status": "running"}}})
		Expect(d.Outcome).To(Equal(payload.Useful))
		Expect(d.Changes).To(HaveLen(1))
	})

	It("decodes a bounded number of stages", func() {
		stages := make([]values, 1500)
		for i := range stages {
			stages[i] = values{"id": i, "status": "pending"}
		}
		Expect(decode(pending, values{"build.stages": stages}).Changes).To(HaveLen(1001))
	})

	It("counts times that cannot be right", func() {
		c := run(running, values{"build.created": 7, "build.started": "x"})
		Expect([]time.Time{c.Queued, c.Started}).To(HaveEach(BeZero()))
		Expect(c.Anomalies).To(Equal([]tracker.Anomaly{tracker.Epoch}))
	})
})

var _ = Describe("Builds", func() {
	DescribeTable("that never started", func(status string, started, finished int64, want bool) {
		Expect(run(success, values{"build.status": status, "build.started": started, "build.finished": finished}).NeverStarted).To(Equal(want))
	},
		Entry(nil, "killed", int64(created+10), int64(created+30), false),
		Entry("killed in the queue", "killed", int64(created+30), int64(created+30), true),
		Entry("with an invalid file", "error", int64(created), int64(created), true),
		Entry(nil, "error", int64(0), int64(created+5), true),
		Entry("too fast to measure", "success", int64(created+10), int64(created+10), false),
		Entry("too fast to measure", "failure", int64(created+10), int64(created+10), false),
	)

	DescribeTable("the ref", func(event, source, target, branch, kind string) {
		a := run(pending, values{"build.event": event, "build.source": source, "build.target": target}).Attributes
		Expect([]string{a.Branch, a.RefKind}).To(Equal([]string{branch, kind}))
	},
		Entry(nil, "push", "main", "main", "main", "default"), Entry(nil, "push", "feature", "feature", "feature", "branch"),
		Entry(nil, "pull_request", "feature", "main", "feature", "pull_request"), Entry(nil, "tag", "v1", "v1", "v1", "tag"),
		Entry(nil, "promote", "", "main", "main", "default"), Entry(nil, "push", "", "", "", ""))

	DescribeTable("the trigger", func(event, want string) {
		Expect(run(pending, values{"build.event": event}).Attributes.Trigger).To(Equal(want))
	}, Entry(nil, "push", "push"), Entry(nil, "cron", "schedule"), Entry(nil, "custom", "manual"), Entry(nil, "promote", "promote"))

	It("have a page only if the address of the server is known", func() {
		Expect(run(pending, nil).Attributes.URL).To(Equal("https://drone.example.com/octo-org/octo-repo/42"))
		Expect(run(pending, values{"system": nil}).Attributes.URL).To(BeEmpty())
	})
})

var _ = Describe("Stages", func() {
	It("wait for other stages, and then for a runner", func() {
		c := job(values{"status": "waiting_on_dependencies", "depends_on": []string{"build"}})
		Expect([]any{c.State, c.Time, c.Queued}).To(Equal([]any{tracker.Blocked, at.Add(5 * time.Second), time.Time{}}))
		c = job(values{"status": "pending", "depends_on": []string{"build"}})
		Expect([]any{c.State, c.Time, c.Queued}).To(Equal([]any{tracker.Queued, at.Add(5 * time.Second), time.Time{}}))
		Expect(job(values{"status": "pending", "depends_on": nil}).Queued).To(Equal(at))
	})

	DescribeTable("the runner class", func(kind, os, arch, want string) {
		Expect(job(values{"status": "pending", "type": kind, "os": os, "arch": arch}).Attributes.RunnerClass).To(Equal(want))
	}, Entry(nil, "docker", "linux", "amd64", "docker,linux/amd64"), Entry(nil, "exec", "darwin", "", "darwin,exec"), Entry(nil, "", "", "", ""))
})
