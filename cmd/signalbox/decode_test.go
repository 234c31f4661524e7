package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("signalbox decode", func() {
	const recordings = "internal/source/github/testdata/"

	decode := func(args ...string) (code int, stdout, stderr string) {
		GinkgoHelper()
		var out, errs bytes.Buffer
		code = run(metric.NewMonitor(), append([]string{"decode"}, args...), world{stdout: &out, stderr: &errs})
		return code, out.String(), errs.String()
	}
	names := func(events string) (found []string) {
		for line := range strings.Lines(events) {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, `{"name":"`), `"`)
			found = append(found, name)
		}
		return found
	}

	It("prints the events that deliveries cause, in order, and what became of each", func() {
		files, err := filepath.Glob(recordings + "workflow_job-life_a-*.json")
		Expect(err).NotTo(HaveOccurred())
		code, stdout, stderr := decode(append([]string{"github"}, append(files, files[0])...)...)
		Expect(code).To(Equal(exitClean))
		Expect(names(stdout)).To(Equal([]string{
			"ci job queued", "ci jobs active",
			"ci job started", "ci job queue time", "ci jobs active", "ci jobs active",
			"ci job finished", "ci job run time", "ci jobs active",
		}))
		Expect(stdout).To(ContainSubstring(`{"name":"ci job queue time","value":12,"attributes":{`))
		Expect(strings.ReplaceAll(stderr, recordings, "")).To(Equal(
			"workflow_job-life_a-1-queued.json: workflow_job queued: accepted\n" +
				"workflow_job-life_a-2-in_progress.json: workflow_job in_progress: accepted\n" +
				"workflow_job-life_a-3-completed-success.json: workflow_job completed: accepted\n" +
				"workflow_job-life_a-1-queued.json: workflow_job queued: stale\n"))
	})

	It("uses the outcomes of the daemon: a result that is unknown is unmapped", func() {
		body, err := os.ReadFile(recordings + "workflow_job-life_a-3-completed-success.json")
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(GinkgoT().TempDir(), "delivery")
		Expect(os.WriteFile(file, bytes.ReplaceAll(body, []byte(`"success"`), []byte(`"exploded"`)), 0o600)).To(Succeed())
		_, stdout, stderr := decode("github", file)
		Expect(stdout).To(ContainSubstring(`"result":"other"`))
		Expect(stderr).To(HaveSuffix("workflow_job completed: unmapped: unknown conclusion \"exploded\"\n"))
	})

	It("accepts a delivery without headers, and headers in another file", func() {
		directory := GinkgoT().TempDir()
		body, err := os.ReadFile(recordings + "workflow_job-life_a-1-queued.json")
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(directory, "delivery")
		Expect(os.WriteFile(file, body, 0o600)).To(Succeed())
		_, stdout, _ := decode("github", file)
		Expect(names(stdout)).To(Equal([]string{"ci job queued", "ci jobs active"}))

		code, stdout, stderr := decode("github", "--headers", recordings+"ping.headers", file)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(HaveSuffix(": ping queued: ignored: the event \"ping\" is not about runs, jobs or deployments\n"))
		Expect(code).To(Equal(exitClean))
	})

	It("says so if a file has nothing that it knows, and which kind of CI system knows it", func() {
		file := filepath.Join(GinkgoT().TempDir(), "x.json")
		Expect(os.WriteFile(file, []byte("{}"), 0o600)).To(Succeed())
		code, stdout, stderr := decode("gitlab", file)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(Equal(file + ": ignored: the event \"\" is not about pipelines, jobs or deployments\n"))
		Expect(code).To(Equal(exitClean))

		body, err := os.ReadFile(recordings + "workflow_job-life_a-1-queued.json")
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(file, body, 0o600)).To(Succeed())
		_, stdout, stderr = decode("gitlab", file)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(Equal(file + ": ignored: the event \"\" is not about pipelines, jobs or deployments; is it a delivery of GitHub Actions (signalbox decode github)?\n"))
	})

	It("does not take an event that it ignores for one of another CI system that has a similar word", func() {
		_, _, stderr := decode("buildkite", "internal/source/buildkite/testdata/job.activated.json")
		Expect(stderr).To(HaveSuffix("is not about the state of builds, jobs or agents\n"))
	})

	It("takes the time of the delivery from --now", func() {
		file := recordings + "workflow_job-life_a-3-completed-success.json"
		_, stdout, stderr := decode("github", "--now=2026-03-06T10:00:00Z", file)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(HaveSuffix("workflow_job completed: stale\n"))
		_, stdout, _ = decode("github", "--now=2026-03-04 12:00:00 UTC", file)
		Expect(names(stdout)).To(HaveLen(5))
	})

	It("prints events that the daemon accepts", func() {
		_, stdout, _ := decode("github", recordings+"workflow_job-life_a-3-completed-success.json")
		daemon := startDaemon("--catalog=ci")
		status, answer := daemon.post(stdout)
		Expect(status).To(Equal(http.StatusOK))
		// No rule of the catalog uses the queueing and the start of jobs.
		Expect(answer).To(MatchJSON(`{"accepted":5,"unknown":0,"refused":0,"duplicate":0}`))
		Expect(daemon.page()).To(ContainSubstring("\n" + `ci_job_duration_seconds_sum{repository="octo-org/octo-repo",result="success",runner_class="ubuntu-latest",system="github"} 210` + "\n"))
	})

	DescribeTable("reports errors", func(code int, want string, args ...string) {
		got, stdout, stderr := decode(args...)
		Expect(stderr).To(ContainSubstring(want))
		Expect(stdout).To(BeEmpty())
		Expect(got).To(Equal(code))
	},
		Entry("no kind", exitBadUsage, "decode requires the kind of CI system"),
		Entry("no file", exitBadUsage, "decode requires at least one file: signalbox decode github FILE...", "github"),
		Entry("an unknown kind", exitBadUsage, `unknown kind of CI system "gihub", did you mean github?`, "gihub", "x"),
		Entry("an unknown kind that is like no other", exitBadUsage, `unknown kind of CI system "x", expected one of github, gitlab, cdevents, buildkite, tekton, gitea, jenkins, circleci, azuredevops, drone`, "x", "x"),
		Entry("a missing file", exitFailure, "open /nowhere: no such file or directory", "github", "/nowhere"),
		Entry("a file that is not JSON", exitFailure, "decode.go: the body is not JSON: ", "github", "decode.go"),
		Entry("headers that are none", exitFailure, "decode.go: got no HTTP headers, expected lines Name: value", "github", "--headers=decode.go", recordings+"ping.json"),
		Entry("an invalid time", exitBadUsage, `got the time "yesterday", expected one such as 2026-03-04T10:00:00Z`, "github", "--now=yesterday", recordings+"ping.json"),
	)
})
