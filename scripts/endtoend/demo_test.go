//go:build e2e

package endtoend

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// get decodes the data in an answer of Prometheus' API.
func (p *prometheusServer) get(path string, data any) {
	GinkgoHelper()
	response, err := http.Get(p.url + path)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer := struct {
		Status string
		Data   any
	}{Data: data}
	Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	Expect(answer.Status).To(Equal("success"))
}

// frequentRules writes the rules in deploy for a naming without their evaluation
// intervals, so that Prometheus evaluates them every second, and returns a pattern of
// the files.
func frequentRules(naming string) (files string) {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	for _, name := range []string{"recording.yml", "alerts.yml"} {
		content, err := os.ReadFile(filepath.Join("../../deploy/prometheus", naming, name))
		Expect(err).NotTo(HaveOccurred())
		content = regexp.MustCompile(`(?m)^ +interval: .*\n`).ReplaceAll(content, nil)
		Expect(os.WriteFile(filepath.Join(dir, name), content, 0o600)).To(Succeed())
	}
	return filepath.Join(dir, "*.yml")
}

var _ = Describe("A real Prometheus that scrapes the demo", func() {
	for _, naming := range []string{"inherited", "modern"} {
		It("evaluates the rules in deploy for the "+naming+" naming", func() {
			rules := frequentRules(naming)
			demo := startCommand("demo", "--log-level=info", "--webhook-bind-port=0", "--prometheus-naming="+naming)
			prometheus := startPrometheusWithRules(demo.metrics, rules)

			Eventually(prometheus.sees("all:concourse_workers:count > 5"), "30s", "200ms").ShouldNot(BeEmpty())
			Eventually(prometheus.sees("worker:concourse_workers_containers:freshest"), "30s", "200ms").ShouldNot(BeEmpty())
			Eventually(func(g Gomega) {
				var loaded struct {
					Groups []struct {
						Rules []struct{ Name, Health, LastError string }
					}
				}
				prometheus.get("/api/v1/rules", &loaded)
				rules := 0
				for _, group := range loaded.Groups {
					for _, rule := range group.Rules {
						rules++
						g.Expect(rule.Health).To(Equal("ok"), "%s: %s", rule.Name, rule.LastError)
					}
				}
				g.Expect(rules).To(BeNumerically(">", 50))
			}, "30s", "200ms").Should(Succeed())
			demo.stop()
		})
	}

	It("stores metrics of the webhooks of GitHub and GitLab", func() {
		demo := startCommand("demo", "--log-level=info", "--webhook-bind-port=0")
		prometheus := startPrometheus(demo.metrics)

		for _, system := range []string{"github", "gitlab"} {
			for _, query := range []string{
				`signalbox_source_deliveries_total{source=%q,outcome="accepted"} > 100`,
				`signalbox_source_deliveries_total{source=%q,outcome="duplicate"} > 0`,
				`sum(ci_runs_finished_total{system=%q,result="success"}) > 10`,
				`sum(ci_jobs_finished_total{system=%q}) > sum(ci_runs_finished_total{system=%[1]q})`,
				`sum(ci_job_queue_duration_seconds_count{system=%q}) > 10`,
				`sum(ci_jobs_active{system=%q,state="executing"}) > 0`,
				`sum(ci_deployments_total{system=%q}) > 0`,
			} {
				Eventually(prometheus.sees(fmt.Sprintf(query, system)), "30s", "200ms").ShouldNot(BeEmpty(), query)
			}
			Expect(prometheus.sees(fmt.Sprintf(`signalbox_source_deliveries_total{source=%q,outcome=~"malformed|unmapped|ignored|overloaded"} > 0`, system))()).To(BeEmpty())
		}
		demo.stop()
	})

	It("says on its page that it is a demonstration with intentional faults", func() {
		demo := startCommand("demo", "--log-level=info", "--webhook-bind-port=0")
		response, err := http.Get(strings.TrimSuffix(demo.metrics, "/metrics") + "/api/v1/overview")
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		overview, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(overview)).To(And(ContainSubstring("This is a demonstration"), ContainSubstring("faults are intentional")))
		demo.stop()
	})

	It("stores the exemplars of builds, and native histograms", func() {
		demo := startCommand("demo", "--log-level=info", "--webhook-bind-port=0", "--prometheus-native-histograms")
		prometheus := startPrometheus(demo.metrics, "--enable-feature=exemplar-storage,native-histograms")

		Eventually(func(g Gomega) {
			var series []struct {
				Exemplars []struct{ Labels map[string]string }
			}
			prometheus.get("/api/v1/query_exemplars?start=0&end=9999999999&query=concourse_builds_duration_seconds", &series)
			g.Expect(series).NotTo(BeEmpty())
			g.Expect(series[0].Exemplars[0].Labels).To(And(HaveKey("build_id"), HaveKey("trace_id")))
		}, "30s", "200ms").Should(Succeed())
		Eventually(prometheus.sees("histogram_count(concourse_builds_duration_seconds) > 0"), "30s", "200ms").ShouldNot(BeEmpty())
		Eventually(prometheus.sees("histogram_quantile(0.5, sum(rate(concourse_builds_duration_seconds[10s]))) > 1"), "30s", "200ms").ShouldNot(BeEmpty())
		demo.stop()
	})
})
