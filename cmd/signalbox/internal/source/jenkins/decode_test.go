package jenkins_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// runAndJob decodes a fixture with other values, and returns the changes to its run and job.
func runAndJob(fixture string, v values) (run, job tracker.Change) {
	GinkgoHelper()
	d := decode(fixture, v)
	Expect(d.Changes).To(HaveLen(2), d.Reason)
	return d.Changes[0], d.Changes[1]
}

var _ = Describe("Decode", func() {
	DescribeTable("returns an error for what is not JSON", func(body string) {
		_, err := jenkins.Decode(http.Header{}, []byte(body))
		Expect(err).To(MatchError(HavePrefix("the body is not JSON")))
	},
		Entry(nil, ""), Entry(nil, "hello"), Entry(nil, `{"build":{"phase":"STARTED"}`), Entry("the format XML", "<com.tikal.hudson.plugins.notification.model.JobState/>"),
	)

	DescribeTable("ignores other JSON", func(body string) {
		d, err := jenkins.Decode(http.Header{}, []byte(body))
		Expect(err).NotTo(HaveOccurred())
		Expect(payloadtest.Problems(d)).To(BeEmpty())
		Expect(d.Changes).To(BeEmpty())
	}, Entry(nil, "null"), Entry(nil, "[]"), Entry(nil, "1"), Entry(nil, "{}"), Entry(nil, `{"build":null}`), Entry(nil, `{"build":1}`),
		Entry("nothing that identifies the build", `{"build":{"phase":"STARTED","timestamp":1772618400000}}`))

	It("accepts a large log", func() {
		run, _ := runAndJob("notification-completed-success", values{"build.log": strings.Repeat("a \"line\"\n", 500_000)})
		Expect(run.State).To(Equal(tracker.Ended))
	})
})

var _ = Describe("Builds", func() {
	DescribeTable("have the state of their phase", func(phase string, state tracker.State) {
		run, job := runAndJob("notification-completed-success", values{"build.phase": phase})
		Expect(run.Kind).To(Equal(tracker.Run))
		Expect(job.Kind).To(Equal(tracker.Job))
		Expect(job.RunID).To(Equal(run.ID))
		Expect([]tracker.State{run.State, job.State}).To(Equal([]tracker.State{state, state}))
	},
		Entry(nil, "QUEUED", tracker.Queued), Entry(nil, "STARTED", tracker.Started),
		Entry(nil, "COMPLETED", tracker.Ended), Entry(nil, "FINALIZED", tracker.Ended))

	DescribeTable("have the result of their status", func(status, result string) {
		run, job := runAndJob("notification-completed-success", values{"build.status": status})
		Expect([]string{run.Result, job.Result, run.Attributes.RawResult}).To(Equal([]string{result, result, status}))
	},
		Entry(nil, "SUCCESS", "success"), Entry(nil, "UNSTABLE", "failure"), Entry(nil, "FAILURE", "failure"), Entry(nil, "FAILED", "failure"),
		Entry(nil, "ABORTED", "cancellation"), Entry(nil, "NOT_BUILT", "skip"))

	It("report unknown words", func() {
		d := decode("notification-started", values{"build.phase": "PAUSED"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Reason).To(Equal(`unknown phase "PAUSED"`))
		d = decode("notification-completed-success", values{"build.status": "EXPLODED"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Reason).To(Equal(`unknown status "EXPLODED"`))
		Expect(d.Changes).To(HaveLen(2))
		Expect(d.Changes[0].Result).To(Equal(tracker.ResultOther))
	})

	It("have not ended if a step sends the phase of the end", func() {
		for _, status := range []any{payloadtest.Removed, nil, ""} {
			d := decode("notification-completed-success", values{"build.status": status})
			Expect(d.Outcome).To(Equal(payload.Ignored))
		}
	})

	It("are not known to be queued without a time", func() {
		// Jenkins has no executor to ask.
		d := decode("notification-queued", values{"build.timestamp": 0})
		Expect(d.Outcome).To(Equal(payload.Ignored))
	})

	It("start before their end by their duration, which excludes the time until FINALIZED", func() {
		run, _ := runAndJob("notification-completed-success", nil)
		Expect(run.Ended.Sub(run.Started)).To(Equal(2 * time.Minute))
		Expect(*run.RunTime).To(Equal(2 * time.Minute))
		run, _ = runAndJob("notification-finalized-success", nil)
		Expect(run.Started).To(BeZero())
		Expect(*run.RunTime).To(Equal(2 * time.Minute))
	})

	DescribeTable("ignore impossible durations", func(duration any) {
		run, _ := runAndJob("notification-completed-success", values{"build.duration": duration})
		Expect(run.RunTime).To(BeNil())
		Expect(run.Started).To(BeZero())
		Expect(run.Ended).NotTo(BeZero())
	}, Entry(nil, nil), Entry(nil, payloadtest.Removed), Entry(nil, "x"), Entry(nil, -1), Entry(nil, 9e18))

	It("ignore impossible times", func() {
		run, job := runAndJob("notification-completed-success", values{"build.timestamp": 1772618400}) // seconds
		Expect(run.Latest()).To(BeZero())
		Expect(run.Anomalies).To(Equal([]tracker.Anomaly{tracker.Epoch}))
		Expect(job.Anomalies).To(BeEmpty()) // it would count twice
	})

	DescribeTable("have the name of their job with its folders", func(url, want string) {
		run, job := runAndJob("notification-started", values{"url": url})
		Expect([]string{run.Attributes.Pipeline, job.Attributes.Job}).To(Equal([]string{want, want}))
	},
		Entry(nil, "job/asgard/", "asgard"), Entry(nil, "job/gods/job/norse/job/asgard/", "gods/norse/asgard"),
		Entry("spaces", "job/my%20gods/job/asgard/", "my gods/asgard"),
		Entry("a branch, as in JOB_NAME", "job/asgard/job/feature%252Fbifrost/", "asgard/feature%2Fbifrost"),
		Entry("a configuration of a matrix", "job/asgard/label=linux,jdk=21/", "asgard"),
		Entry("a folder with the name job", "job/job/job/asgard", "job/asgard"),
		Entry("not URL-encoded", "job/100%/", "100%"),
		Entry("none", "", "asgard"), Entry("unknown", "view/all/", "asgard"),
	)

	DescribeTable("have the repository of their URL, without a password", func(url any, repository, owner string) {
		run, _ := runAndJob("notification-started", values{"build.scm.url": url})
		Expect([]string{run.Attributes.Repository, run.Attributes.Owner}).To(Equal([]string{repository, owner}))
	},
		Entry(nil, "https://github.com/octo-org/octo-repo.git", "octo-org/octo-repo", "octo-org"),
		Entry(nil, "https://user:password@git.example.com:8443/a/b/c/", "a/b/c", "a/b"),
		Entry(nil, "ssh://git@git.example.com/octo-org/octo-repo", "octo-org/octo-repo", "octo-org"),
		Entry(nil, "git@github.com:octo-org/octo-repo.git", "octo-org/octo-repo", "octo-org"),
		Entry("a directory", "/srv/git/octo-repo.git", "", ""), Entry("a file", "file:///srv/git/octo-repo.git", "", ""),
		Entry("unknown", nil, "", ""), Entry("no URL", "%zz", "", ""),
	)

	DescribeTable("have a branch without its remote", func(branch any, want string) {
		run, _ := runAndJob("notification-started", values{"build.scm.branch": branch})
		Expect(run.Attributes.Branch).To(Equal(want))
	},
		Entry(nil, "origin/main", "main"), Entry(nil, "main", "main"), Entry(nil, "refs/remotes/origin/feature/x", "feature/x"),
		Entry(nil, "refs/heads/main", "main"), Entry(nil, nil, ""))

	It("have the results of their tests, once", func() {
		run, job := runAndJob("notification-completed-failure", nil)
		Expect(run.Tests).To(Equal([]tracker.TestCount{{Outcome: "passed", Count: 206}, {Outcome: "failed", Count: 2}, {Outcome: "skipped", Count: 2}}))
		Expect(job.Tests).To(BeEmpty())
		run, _ = runAndJob("notification-completed-failure", values{"build.test_summary": values{"passed": -1, "failed": "x", "skipped": 0}})
		Expect(run.Tests).To(BeEmpty())
	})

	It("differ by their number, and by their place in the queue if a job is created again", func() {
		ids := map[string]bool{}
		for _, v := range []values{
			nil, {"build.url": "job/asgard/19/"}, {"build.queue_id": 2}, {"build.url": "job/gods/job/asgard/18/"},
			{"build.url": "job/" + strings.Repeat("long/job/", 30) + "asgard/18/"}, {"build.url": "job/" + strings.Repeat("long/job/", 30) + "asgard/19/"},
		} {
			run, _ := runAndJob("notification-started", v)
			ids[run.ID] = true
			Expect(len(run.ID)).To(BeNumerically("<=", 64))
		}
		Expect(ids).To(HaveLen(6))
		run, _ := runAndJob("notification-started", values{"build.url": nil})
		Expect(run.ID).To(Equal("job/asgard/18@1"))
	})

	It("have jobs with the ID of the queue, so that both plugins mean the same job", func() {
		_, job := runAndJob("notification-started", values{"build.queue_id": 25})
		Expect(job.ID).To(Equal("25"))
		for _, unknown := range []any{-1, 0, nil} {
			run, job := runAndJob("notification-started", values{"build.queue_id": unknown})
			Expect(job.ID).To(Equal(run.ID))
		}
	})

	It("have no instance and no URL if Jenkins does not know its own", func() {
		run, _ := runAndJob("notification-started", values{"build.full_url": payloadtest.Removed})
		Expect([]string{run.Instance, run.Attributes.URL}).To(Equal([]string{"", ""}))
	})
})
