//go:build e2e

package endtoend

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// A recordedLife is a list of recordings, in order, whose times move together.
type recordedLife []string

// read returns the deliveries, moved to the present.
func (life recordedLife) read(system string) (all []deliveries.Delivery) {
	GinkgoHelper()
	var newest time.Time
	for _, name := range life {
		d, err := deliveries.Read(filepath.Join(webhookRecordings, system, "testdata", name+".json"))
		Expect(err).NotTo(HaveOccurred())
		if t := d.Newest(); t.After(newest) {
			newest = t
		}
		all = append(all, d)
	}
	by := time.Since(newest).Truncate(time.Second)
	for i := range all {
		all[i].Shift(by)
	}
	return all
}

var _ = Describe("Recorded life cycles", func() {
	const secret = "secret-of-life-cycles-that-must-not-appear"

	// start starts a daemon that receives the webhooks of one CI system.
	start := func(system, flag string) (s *signalbox, send func(secret string, all ...deliveries.Delivery) []int) {
		GinkgoHelper()
		s = startSignalbox("--catalog=ci", "--webhook-bind-port=0", "--"+system+flag, writeFile(secret+"\n"))
		var url string
		Eventually(func() string {
			url = s.announced("signalbox.listening-for-webhooks")
			return url
		}, "10s", "5ms").ShouldNot(BeEmpty())
		return s, func(secret string, all ...deliveries.Delivery) (statuses []int) {
			GinkgoHelper()
			for _, d := range all {
				d = d.Clone()
				Expect(d.Sign(system, []string{secret}, time.Now())).To(Succeed())
				request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(string(d.Body)))
				Expect(err).NotTo(HaveOccurred())
				request.Header = d.Header
				response, err := http.DefaultClient.Do(request)
				Expect(err).NotTo(HaveOccurred())
				response.Body.Close()
				statuses = append(statuses, response.StatusCode)
			}
			return statuses
		}
	}
	// sendRepeatedly sends deliveries twice in another order, with the same IDs and with
	// new ones.
	sendRepeatedly := func(send func(string, ...deliveries.Delivery) []int, all []deliveries.Delivery) {
		GinkgoHelper()
		again := slices.Clone(all)
		slices.Reverse(again)
		Expect(send(secret, again...)).To(HaveEach(http.StatusAccepted))
		for i := range again {
			again[i] = again[i].Clone()
			again[i].SetID(again[i].Name)
		}
		Expect(send(secret, again...)).To(HaveEach(http.StatusAccepted))
	}
	const active = `\nci_(runs|jobs)_active{.*} [1-9]`

	It("of CircleCI count each end once", func() {
		s, send := start("circleci", "-secret-file")
		all := recordedLife{"life_b-3-workflow-success", "life_a-1-job-lint-success", "life_a-3-workflow-failed", "life_a-2-job-test-failed",
			"life_b-2-job-deploy-success", "life_b-1-job-test-success"}.read("circleci")
		Expect(send("wrong", all...)).To(HaveEach(http.StatusUnauthorized))
		Expect(get(s.metrics, "text/plain")).NotTo(ContainSubstring("\nci_runs_finished_total{"))
		Expect(send(secret, all...)).To(HaveEach(http.StatusAccepted))
		sendRepeatedly(send, all)

		page := get(s.metrics, "text/plain")
		const run = `pipeline="build-and-deploy",ref_kind="",repository="octo-org/shop",`
		for _, want := range []string{
			`ci_runs_finished_total{` + run + `result="failure",system="circleci"} 1`,
			`ci_runs_finished_total{` + run + `result="success",system="circleci"} 1`,
			`ci_run_duration_seconds_sum{pipeline="build-and-deploy",repository="octo-org/shop",result="failure",system="circleci"} 191`,
			`ci_jobs_finished_total{pipeline="build-and-deploy",repository="octo-org/shop",result="success",retry="",runner_class="",system="circleci"} 3`,
			`ci_job_duration_seconds_sum{repository="octo-org/shop",result="failure",runner_class="",system="circleci"} 184`,
			`signalbox_source_deliveries_total{outcome="accepted",source="circleci"} 6`,
			`signalbox_source_deliveries_total{outcome="duplicate",source="circleci"} 12`,
			`signalbox_source_deliveries_total{outcome="unauthorized",source="circleci"} 6`,
		} {
			Expect(page).To(ContainSubstring("\n" + want + "\n"))
		}
		Expect(page).NotTo(Or(MatchRegexp(active), MatchRegexp(`\nci_\w+_queue_duration_seconds_count{.*} [1-9]`), MatchRegexp(`\nsignalbox_source_time_anomalies_total{.*} [1-9]`)))
		Expect(page).NotTo(ContainSubstring(secret))
	})

	It("of Azure DevOps count each run and job once, measure queue times, and return gauges to 0", func() {
		s, send := start("azuredevops", "-token-file")
		all := recordedLife{"life_a-1-run-inProgress", "life_a-2-job-waiting", "life_a-3-job-running", "life_a-6-build.complete-succeeded",
			"life_a-5-run-completed-succeeded", "life_a-4-job-completed-succeeded"}.read("azuredevops")
		Expect(send("wrong", all...)).To(HaveEach(http.StatusUnauthorized))
		Expect(send(secret, all[:2]...)).To(HaveEach(http.StatusAccepted))
		page := get(s.metrics, "text/plain")
		Expect(page).To(And(ContainSubstring("\n"+`ci_jobs_active{runner_class="",state="pending",system="azuredevops"} 1`+"\n"),
			ContainSubstring("\n"+`ci_runs_active{state="executing",system="azuredevops"} 1`+"\n")))
		Expect(send(secret, all[2:]...)).To(HaveEach(http.StatusAccepted))
		sendRepeatedly(send, all)

		page = get(s.metrics, "text/plain")
		const repository = `repository="octo-org/Web shop/shop",result="success",`
		for _, want := range []string{
			`ci_runs_finished_total{pipeline="team a/shop",ref_kind="",` + repository + `system="azuredevops"} 1`,
			`ci_run_duration_seconds_count{pipeline="team a/shop",` + repository + `system="azuredevops"} 1`,
			`ci_jobs_finished_total{pipeline="team a/shop",` + repository + `retry="false",runner_class="",system="azuredevops"} 1`,
			`ci_job_queue_duration_seconds_count{runner_class="",system="azuredevops"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="",system="azuredevops"} 32.25`,
			`ci_job_duration_seconds_sum{` + repository + `runner_class="",system="azuredevops"} 149.53`,
			`ci_jobs_active{runner_class="",state="pending",system="azuredevops"} 0`,
			`ci_runs_active{state="executing",system="azuredevops"} 0`,
			`signalbox_source_deliveries_total{outcome="accepted",source="azuredevops"} 5`,
		} {
			Expect(page).To(ContainSubstring("\n" + want + "\n"))
		}
		Expect(page).NotTo(Or(MatchRegexp(active), MatchRegexp(`\nsignalbox_source_time_anomalies_total{.*} [1-9]`)))
		Expect(page).NotTo(ContainSubstring(secret))
	})

	DescribeTable("count each end once, with its times, and return gauges to 0", func(system, flag string, life recordedLife, want ...string) {
		s, send := start(system, flag)
		all := life.read(system)
		Expect(send("wrong", all...)).To(HaveEach(http.StatusUnauthorized))
		Expect(get(s.metrics, "text/plain")).NotTo(MatchRegexp(`\nci_\w+{.*} [1-9]`))
		Expect(send(secret, all...)).To(HaveEach(http.StatusAccepted))
		sendRepeatedly(send, all)

		page := get(s.metrics, "text/plain")
		for _, line := range want {
			Expect(page).To(ContainSubstring("\n" + line + "\n"))
		}
		Expect(page).To(ContainSubstring(fmt.Sprintf("\nsignalbox_source_deliveries_total{outcome=\"unauthorized\",source=%q} %d\n", system, len(all))))
		Expect(page).NotTo(Or(MatchRegexp(active), MatchRegexp(`\nsignalbox_source_time_anomalies_total{.*} [1-9]`)))
		Expect(page).NotTo(ContainSubstring(secret))
	},
		// The events have only their own times, so the times need the events in order.
		Entry("of CDEvents", "cdevents", "-token-file", recordedLife{"v0.5.1-pipelinerun-life_a-1-queued", "v0.5.1-pipelinerun-life_a-2-started",
			"v0.5.1-taskrun-life_a-1-started", "v0.5.1-taskrun-life_a-2-finished-success", "v0.5.1-pipelinerun-life_a-3-finished-success",
			"v0.5.1-incident-life_a-1-detected", "v0.5.1-incident-life_a-2-resolved"},
			`ci_runs_finished_total{pipeline="my-pipeline",ref_kind="",repository="",result="success",system="cdevents"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="my-pipeline",repository="",system="cdevents"} 15`,
			`ci_run_duration_seconds_sum{pipeline="my-pipeline",repository="",result="success",system="cdevents"} 240`,
			`ci_jobs_finished_total{pipeline="my-pipeline",repository="",result="success",retry="",runner_class="",system="cdevents"} 1`,
			`ci_incidents_total{environment="prod1",service="myApp",system="cdevents"} 1`,
			`ci_job_duration_seconds_sum{repository="",result="success",runner_class="",system="cdevents"} 230`,
			`ci_incident_time_to_restore_seconds_sum{environment="prod1",service="myApp",system="cdevents"} 2700`),
		Entry("of Buildkite", "buildkite", "-secret-file", recordedLife{"build.scheduled", "job.scheduled", "build.finished-passed", "job.started", "build.running",
			"job.finished-passed"},
			`ci_runs_finished_total{pipeline="great-pipeline",ref_kind="default",repository="my-great-org/my-pipeline",result="success",system="buildkite"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="great-pipeline",repository="my-great-org/my-pipeline",system="buildkite"} 8`,
			`ci_run_duration_seconds_sum{pipeline="great-pipeline",repository="my-great-org/my-pipeline",result="success",system="buildkite"} 240`,
			`ci_jobs_finished_total{pipeline="great-pipeline",repository="my-great-org/my-pipeline",result="success",retry="false",runner_class="default",system="buildkite"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="default",system="buildkite"} 25`,
			`ci_job_duration_seconds_sum{repository="my-great-org/my-pipeline",result="success",runner_class="default",system="buildkite"} 180`),
		Entry("of Tekton", "tekton", "-token-file", recordedLife{"pipelinerun.queued", "pipelinerun.successful", "pipelinerun.started", "pipelinerun.running",
			"taskrun.successful", "taskrun.queued", "taskrun.started", "taskrun.running"},
			`ci_runs_finished_total{pipeline="ci",ref_kind="",repository="",result="success",system="tekton"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="ci",repository="",system="tekton"} 7`,
			`ci_run_duration_seconds_sum{pipeline="ci",repository="",result="success",system="tekton"} 180`,
			`ci_jobs_finished_total{pipeline="ci",repository="",result="success",retry="",runner_class="",system="tekton"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="",system="tekton"} 7`,
			`ci_job_duration_seconds_sum{repository="",result="success",runner_class="",system="tekton"} 180`),
		Entry("of Gitea", "gitea", "-secret-file", recordedLife{"workflow_run-life_a-1-requested", "workflow_job-life_a-2-queued", "workflow_job-life_a-4-completed-success",
			"workflow_run-life_a-3-completed-success", "workflow_job-life_a-3-in_progress", "workflow_run-life_a-2-in_progress"},
			`ci_runs_finished_total{pipeline="ci.yml",ref_kind="default",repository="octo-org/octo-repo",result="success",system="gitea"} 1`,
			`ci_run_duration_seconds_sum{pipeline="ci.yml",repository="octo-org/octo-repo",result="success",system="gitea"} 120`,
			`ci_jobs_finished_total{pipeline="ci.yml",repository="octo-org/octo-repo",result="success",retry="false",runner_class="ubuntu-latest",system="gitea"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="ubuntu-latest",system="gitea"} 9`,
			`ci_job_duration_seconds_sum{repository="octo-org/octo-repo",result="success",runner_class="ubuntu-latest",system="gitea"} 120`),
		Entry("of Forgejo", "gitea", "-secret-file", recordedLife{"action_run_success"},
			`ci_runs_finished_total{pipeline="ci.yml",ref_kind="default",repository="octo-org/octo-repo",result="success",system="gitea"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="ci.yml",repository="octo-org/octo-repo",system="gitea"} 9`,
			`ci_run_duration_seconds_sum{pipeline="ci.yml",repository="octo-org/octo-repo",result="success",system="gitea"} 120`),
		Entry("of Drone", "drone", "-secret-file", recordedLife{"build-created-pending", "build-updated-success", "build-updated-running"},
			`ci_runs_finished_total{pipeline="",ref_kind="default",repository="octo-org/octo-repo",result="success",system="drone"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="",repository="octo-org/octo-repo",system="drone"} 10`,
			`ci_run_duration_seconds_sum{pipeline="",repository="octo-org/octo-repo",result="success",system="drone"} 120`,
			`ci_jobs_finished_total{pipeline="",repository="octo-org/octo-repo",result="success",retry="",runner_class="docker,linux/amd64",system="drone"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="docker,linux/amd64",system="drone"} 10`,
			`ci_job_duration_seconds_sum{repository="octo-org/octo-repo",result="success",runner_class="docker,linux/amd64",system="drone"} 120`),
		Entry("of Jenkins' notification plugin", "jenkins", "-token-file", recordedLife{"notification-queued", "notification-completed-success", "notification-started",
			"notification-finalized-success"},
			`ci_runs_finished_total{pipeline="asgard",ref_kind="",repository="octo-org/octo-repo",result="success",system="jenkins"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="asgard",repository="octo-org/octo-repo",system="jenkins"} 3`,
			`ci_run_duration_seconds_sum{pipeline="asgard",repository="octo-org/octo-repo",result="success",system="jenkins"} 120`,
			`ci_jobs_finished_total{pipeline="asgard",repository="octo-org/octo-repo",result="success",retry="false",runner_class="",system="jenkins"} 1`,
			`ci_tests_total{outcome="passed",repository="octo-org/octo-repo",system="jenkins"} 208`),
		Entry("of Jenkins' CloudEvents plugin", "jenkins", "-token-file", recordedLife{"cloudevents-queue_entered_waiting", "cloudevents-queue_left",
			"cloudevents-job_started", "cloudevents-job_completed", "cloudevents-job_finalized", "cloudevents-node_online"},
			`ci_job_queue_duration_seconds_sum{runner_class="",system="jenkins"} 0.023`,
			`ci_job_duration_seconds_sum{repository="octo-org/scmConfig",result="success",runner_class="",system="jenkins"} 5.583`,
			`ci_job_duration_seconds_count{repository="octo-org/scmConfig",result="success",runner_class="",system="jenkins"} 1`,
			`ci_workers{queue="",state="available",system="jenkins"} 1`),
	)

	// As the pages about the CI systems describe it. Ends are by result.
	type ends = map[string]int
	DescribeTable("are sent by scripts/deliver", func(system, flag string, count int, runs, jobs ends) {
		s, _ := start(system, flag)
		for n := 1; n <= 2; n++ {
			command := exec.Command("go", "run", "./scripts/deliver", "-url", s.announced("signalbox.listening-for-webhooks"), "-secret-file", writeFile(secret), "-interval", "10ms")
			command.Dir = "../.."
			answers, err := command.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(answers))
			Expect(strings.Count(string(answers), `{"outcome":"accepted"`)).To(Equal(count), string(answers))
			Expect(string(answers)).To(ContainSubstring(fmt.Sprintf("\n%d deliveries in ", count)))
			page := get(s.metrics, "text/plain")
			for family, want := range map[string]ends{"runs": runs, "jobs": jobs} {
				got := ends{}
				for _, match := range regexp.MustCompile(`(?m)^ci_`+family+`_finished_total{.*result="(\w+)".*} (\d+)$`).FindAllStringSubmatch(page, -1) {
					number, err := strconv.Atoi(match[2])
					Expect(err).NotTo(HaveOccurred())
					Expect(number%n).To(BeZero(), match[0])
					got[match[1]] += number / n
				}
				Expect(got).To(Equal(want), family)
			}
			Expect(page).NotTo(Or(MatchRegexp(active), MatchRegexp(`\nsignalbox_source_time_anomalies_total{.*} [1-9]`)))
		}
	},
		Entry("of CircleCI", "circleci", "-secret-file", 8,
			ends{"success": 1, "failure": 1, "cancellation": 1}, ends{"success": 3, "failure": 1, "cancellation": 1}),
		Entry("of Azure DevOps", "azuredevops", "-token-file", 18,
			ends{"success": 2, "failure": 2, "cancellation": 1}, ends{"success": 2, "failure": 1, "cancellation": 1}),
		Entry("of Gitea", "gitea", "-secret-file", 20,
			ends{"success": 2, "failure": 1}, ends{"success": 2, "failure": 1, "cancellation": 1}),
		Entry("of Drone", "drone", "-secret-file", 9,
			ends{"success": 1, "failure": 1, "cancellation": 1, "error": 1}, ends{"success": 1, "failure": 1, "cancellation": 1, "error": 1}),
		Entry("of CDEvents", "cdevents", "-token-file", 18,
			ends{"success": 1, "failure": 1, "cancellation": 1, "error": 1}, ends{"success": 1, "failure": 1}),
		Entry("of Tekton", "tekton", "-token-file", 24,
			ends{"success": 1, "failure": 1, "cancellation": 1, "timeout": 1}, ends{"success": 1, "failure": 1, "cancellation": 1, "timeout": 1}),
		Entry("of Buildkite", "buildkite", "-secret-file", 25,
			ends{"success": 2, "failure": 1, "cancellation": 1, "skip": 1}, ends{"success": 2, "failure": 1, "cancellation": 1}),
		Entry("of Jenkins", "jenkins", "-token-file", 16,
			ends{"success": 2, "failure": 2, "cancellation": 1}, ends{"success": 2, "failure": 2, "cancellation": 1}),
	)
})
