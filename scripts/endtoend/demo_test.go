//go:build e2e

package endtoend

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"

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
			demo := startCommand("demo", "--log-level=info", "--prometheus-naming="+naming)
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

	It("stores the exemplars of builds, and native histograms", func() {
		demo := startCommand("demo", "--log-level=info", "--prometheus-native-histograms")
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
