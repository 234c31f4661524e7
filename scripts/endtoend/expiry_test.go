//go:build e2e

package endtoend

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// When a scrape no longer contains a series, a real Prometheus marks it as stale, and
// queries no longer return it.
var _ = Describe("A real Prometheus that scrapes pushed metrics", Ordered, func() {
	var (
		prometheus *prometheusServer
		box        *signalbox
		pushes     gateway
	)

	BeforeAll(func() {
		box = startSignalbox("--agent-metrics-ttl=3s")
		pushes = box.gateway()
		prometheus = startPrometheus(box.metrics)
	})

	agentMetrics := func(body string) {
		GinkgoHelper()
		a := pushes.send(http.MethodPost, "/api/v1/agent-metrics", http.Header{"Content-Type": {"application/json"}}, []byte(body))
		Expect(a.status).To(Equal(http.StatusOK), a.body)
	}

	It("sees a group until it is deleted", func() {
		pushes.push(http.MethodPut, "backup/instance/db", "# TYPE backup_bytes gauge\nbackup_bytes{disk=\"a\"} 5e9\n")
		present := Equal(map[string]float64{"backup_bytes disk=a job=backup": 5e9})
		Eventually(prometheus.sees("backup_bytes"), "10s", "100ms").Should(present)
		Expect(prometheus.query("backup_bytes")[0].Metric).To(HaveKeyWithValue("instance", "db"))
		Consistently(prometheus.sees("backup_bytes"), "2s", "200ms").Should(present)

		pushes.delete("backup/instance/db")
		Eventually(prometheus.sees("backup_bytes"), "10s", "100ms").Should(BeEmpty())
	})

	It("sees no label instance if none was pushed", func() {
		pushes.push(http.MethodPut, "nowhere", "x 1\n")
		Eventually(prometheus.sees("x"), "10s", "100ms").ShouldNot(BeEmpty())
		Expect(prometheus.query("x")[0].Metric).To(Equal(map[string]string{"__name__": "x", "job": "nowhere"}))
	})

	It("no longer sees a group after its TTL", func() {
		pushes.push(http.MethodPut, "nightly?ttl=3s", "# TYPE nightly_seconds gauge\nnightly_seconds 17\n")
		Eventually(prometheus.sees("nightly_seconds"), "10s", "100ms").Should(Equal(map[string]float64{"nightly_seconds job=nightly": 17}))
		Eventually(prometheus.sees("nightly_seconds"), "15s", "100ms").Should(BeEmpty())
		Expect(prometheus.values(`push_time_seconds{job="nightly"}`)).To(BeEmpty())
		Expect(prometheus.values(`push_time_seconds{job="nowhere"} > 0`)).NotTo(BeEmpty())
	})

	It("sees the metrics of an agent while it pushes them, and not after their TTL", func() {
		push := func() {
			agentMetrics(`{"labels": {"username": "ann", "workspace_name": "dev", "agent_name": "main", "template_name": "go"},
				"metrics": [{"name": "agent_load", "type": "gauge", "value": 1.5, "labels": {"cpu": "0"}},
				            {"name": "agent_builds_total", "type": "counter", "value": 7}]}`)
		}
		sees := prometheus.sees(`{__name__=~"agent_.+"}`)
		labels := "agent_name=main %stemplate_name=go username=ann workspace_name=dev"
		present := Equal(map[string]float64{
			"agent_builds_total " + fmt.Sprintf(labels, ""): 7,
			"agent_load " + fmt.Sprintf(labels, "cpu=0 "):   1.5,
		})
		push()
		Eventually(sees, "10s", "100ms").Should(present)
		Consistently(func() map[string]float64 { push(); return sees() }, "5s", "500ms").Should(present)
		Eventually(sees, "15s", "100ms").Should(BeEmpty())
	})

	It("sees metrics that one of the formats cannot represent", func() {
		pushes.push(http.MethodPut, "odd", strings.Join([]string{
			"# TYPE odd counter", "odd NaN",
			"# TYPE odd_total counter", "odd_total -1",
			"# TYPE even histogram", `even_bucket{le="1"} 5`, `even_bucket{le="2"} 3`, "even_count 4", "even_sum 1",
			"# TYPE prime summary", `prime{quantile="7"} 1`, "prime_sum 1", "prime_count 1",
			`# HELP late \\ "`, `late{a="\\\n\""} +Inf`, "",
		}, "\n"))
		Eventually(prometheus.sees(`late{job="odd"}`), "10s", "100ms").ShouldNot(BeEmpty())
	})

	It("saw the target up all the time", func() {
		Expect(prometheus.values("min_over_time(up[5m])")).To(Equal(map[string]float64{" ": 1}))
	})
})
