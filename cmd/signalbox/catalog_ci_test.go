package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("signalbox run --catalog", func() {
	// ciSamples returns the samples with the namespace ci, except buckets and creation
	// times, sorted.
	ciSamples := func(daemon *process) (samples []string) {
		GinkgoHelper()
		for line := range strings.Lines(daemon.page()) {
			if name, _, _ := strings.Cut(line, "{"); strings.HasPrefix(line, "ci_") && !strings.HasSuffix(name, "_bucket") && !strings.HasSuffix(name, "_created") {
				samples = append(samples, strings.TrimSuffix(line, "\n"))
			}
		}
		slices.Sort(samples)
		return samples
	}

	It("turns each event of ci into metrics", func() {
		daemon := startDaemon("--catalog=ci")
		for _, e := range catalog.Events(catalog.CI) {
			var description bytes.Buffer
			Expect(run(metric.NewMonitor(), []string{"catalog", e.Name}, world{stdout: &description})).To(Equal(exitClean))
			_, body, found := strings.Cut(description.String(), "\ncurl -d '")
			Expect(found).To(BeTrue())
			body, _, _ = strings.Cut(body, "' ")
			status, answer := daemon.post(body)
			Expect(status).To(Equal(http.StatusOK))
			Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`), body)
		}
		status, answer := daemon.post(`{"name":"ci run finished","attributes":{"system":"github","repository":"example/web","pipeline":"web","result":"timeout","error_type":"timed_out"}}`)
		Expect(status).To(Equal(http.StatusOK))
		Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`))
		Expect(ciSamples(daemon)).To(Equal([]string{
			`ci_change_lead_time_seconds_count{environment="production",repository="example/web",system="github"} 1`,
			`ci_change_lead_time_seconds_sum{environment="production",repository="example/web",system="github"} 12`,
			`ci_deployment_duration_seconds_count{environment="production",repository="example/web",system="github"} 1`,
			`ci_deployment_duration_seconds_sum{environment="production",repository="example/web",system="github"} 12`,
			`ci_deployments_total{environment="production",repository="example/web",result="success",system="github",tier="production"} 1`,
			`ci_incident_time_to_restore_seconds_count{environment="production",service="shop",system="github"} 1`,
			`ci_incident_time_to_restore_seconds_sum{environment="production",service="shop",system="github"} 12`,
			`ci_incidents_total{environment="production",service="shop",system="github"} 1`,
			`ci_job_duration_seconds_count{repository="example/web",result="success",runner_class="ubuntu-latest",system="github"} 1`,
			`ci_job_duration_seconds_sum{repository="example/web",result="success",runner_class="ubuntu-latest",system="github"} 12`,
			`ci_job_queue_duration_seconds_count{runner_class="ubuntu-latest",system="github"} 1`,
			`ci_job_queue_duration_seconds_sum{runner_class="ubuntu-latest",system="github"} 12`,
			`ci_jobs_active{runner_class="ubuntu-latest",state="pending",system="github"} 1`,
			`ci_jobs_finished_total{pipeline="web",repository="example/web",result="success",retry="false",runner_class="ubuntu-latest",system="github"} 1`,
			`ci_last_deployment_timestamp_seconds{environment="production",repository="example/web",system="github"} 1.767366245e+09`,
			`ci_oldest_job_waiting_seconds{runner_class="ubuntu-latest",system="github"} 12`,
			`ci_run_duration_seconds_count{pipeline="web",repository="example/web",result="success",system="github"} 1`,
			`ci_run_duration_seconds_sum{pipeline="web",repository="example/web",result="success",system="github"} 12`,
			`ci_run_errors_total{error_type="timed_out",pipeline="web",repository="example/web",system="github"} 1`,
			`ci_run_queue_duration_seconds_count{pipeline="web",repository="example/web",system="github"} 1`,
			`ci_run_queue_duration_seconds_sum{pipeline="web",repository="example/web",system="github"} 12`,
			`ci_runs_active{state="pending",system="github"} 1`,
			`ci_runs_finished_total{pipeline="web",ref_kind="",repository="example/web",result="timeout",system="github"} 1`,
			`ci_runs_finished_total{pipeline="web",ref_kind="default",repository="example/web",result="success",system="github"} 1`,
			`ci_runs_queued_total{pipeline="web",repository="example/web",system="github"} 1`,
			`ci_runs_started_total{pipeline="web",repository="example/web",system="github"} 1`,
			`ci_tests_total{outcome="passed",repository="example/web",system="github"} 1`,
			`ci_workers_lost_total{queue="default",system="github"} 1`,
			`ci_workers{queue="default",state="available",system="github"} 1`,
		}))
		Expect(daemon.page()).NotTo(ContainSubstring("concourse_"))
	})

	It("works as docs/events.md shows", func() {
		page, err := os.ReadFile("../../docs/events.md")
		Expect(err).NotTo(HaveOccurred())
		_, example, _ := strings.Cut(string(page), "<<'END'\n")
		events, rest, _ := strings.Cut(example, "END\n")
		answer, rest, _ := strings.Cut(rest, "\n$ ")
		_, samples, _ := strings.Cut(rest, "\n")
		samples, _, found := strings.Cut(samples, "\n```")
		Expect(found).To(BeTrue())

		daemon := startDaemon("--catalog=ci")
		_, answered := daemon.post(events)
		Expect(answered).To(MatchJSON(answer))
		for sample := range strings.SplitSeq(samples, "\n") {
			Expect(ciSamples(daemon)).To(ContainElement(sample))
		}
	})

	It("names the catalog of an unknown event in the answer, the log and the overview", func() {
		daemon := startDaemon()
		_, answer := daemon.post(`{"name":"ci job finished"}`)
		const hint = "the catalog ci has this event: use --catalog concourse,ci"
		Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":1,"refused":0,"duplicate":0,"errors":[
			{"line":1,"event":"ci job finished","reason":"no rule knows the event","hint":"` + hint + `"}]}`))
		Eventually(daemon.stderr).Should(MatchRegexp(`unknown-event.*"event":"ci job finished","hint":"` + hint))
		response, err := client.Get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")
		var overview struct {
			Events struct {
				UnknownNames []struct{ Name, Hint string } `json:"unknown_names"`
			} `json:"events"`
			Settings []struct{ Name, Value string } `json:"settings"`
		}
		Expect(json.Unmarshal([]byte(body(response, err)), &overview)).To(Succeed())
		Expect(overview.Events.UnknownNames).To(ConsistOf(And(HaveField("Name", "ci job finished"), HaveField("Hint", hint))))
		Expect(overview.Settings).To(ContainElement(And(HaveField("Name", "catalog"), HaveField("Value", "concourse"))))
	})
})
