package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
)

var _ = Describe("signalbox run with pushed metrics", func() {
	// send sends a request to the intake. It does not clean or escape the path.
	send := func(daemon *process, method, path string, content io.Reader, headers ...string) (int, string) {
		GinkgoHelper()
		base := strings.TrimSuffix(daemon.eventsURL(), "/api/v1/events")
		request, err := http.NewRequest(method, base+path, content)
		Expect(err).NotTo(HaveOccurred())
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := client.Do(request)
		answer := body(response, err)
		return response.StatusCode, answer
	}
	put := func(daemon *process, path, content string) int {
		GinkgoHelper()
		status, _ := send(daemon, http.MethodPut, path, strings.NewReader(content))
		return status
	}
	agentMetrics := func(daemon *process, content string) (int, string) {
		GinkgoHelper()
		return send(daemon, http.MethodPost, "/api/v1/agent-metrics", strings.NewReader(content))
	}

	It("serves the metrics that jobs push, until they are deleted", func() {
		daemon := startDaemon()
		Expect(put(daemon, "/metrics/job/a%2Fb/path/%2Fvar%2Ftmp", "x 1\n")).To(Equal(http.StatusOK))
		Expect(daemon.page()).To(ContainSubstring("\nx{instance=\"\",job=\"a/b\",path=\"/var/tmp\"} 1\n"))
		_, page := send(daemon, http.MethodGet, "/metrics", nil)
		Expect(page).To(ContainSubstring("\nx{instance=\"\",job=\"a/b\",path=\"/var/tmp\"} 1\n"))
		_, list := send(daemon, http.MethodGet, "/api/v1/metrics", nil)
		Expect(list).To(ContainSubstring(`"path":"/var/tmp"`))
		status, _ := send(daemon, http.MethodDelete, "/metrics/job/a%2Fb/path/%2Fvar%2Ftmp", nil)
		Expect(status).To(Equal(http.StatusAccepted))
		Expect(daemon.page()).NotTo(ContainSubstring("\nx{"))
	})

	It("answers events, pushes and webhooks on the metrics listener with a hint", func() {
		base := strings.TrimSuffix(startDaemon().url("serving-metrics"), "/metrics")
		post := func(path string) string {
			GinkgoHelper()
			return body(client.Post(base+path, "text/plain", strings.NewReader("x 1\n")))
		}
		for _, path := range []string{"/metrics/job/a%2Fb/l/v", "/api/v1/agent-metrics", "/api/v1/events"} {
			Expect(post(path)).To(HaveSuffix("expected GET or HEAD; send events and pushes to the intake listener (--intake-bind-port)\n"))
		}
		Expect(post("/webhooks/github")).To(HaveSuffix("expected GET or HEAD; send webhooks to the webhook listener (--webhook-bind-port)\n"))
		Expect(post("/elsewhere")).To(HaveSuffix("expected GET or HEAD\n"))
	})

	It("serves the metrics that agents push", func() {
		daemon := startDaemon()
		status, answer := agentMetrics(daemon, `{"labels":{"username":"alice"},"metrics":[{"name":"x_total","type":"counter","value":2,"labels":{"a":"b"}},{"name":"y","type":"blue","value":1}]}`)
		Expect(status).To(Equal(http.StatusBadRequest))
		Expect(answer).To(ContainSubstring(`"accepted":1`))
		Expect(answer).To(ContainSubstring("blue"))
		Expect(daemon.page()).To(ContainSubstring("\nx_total{a=\"b\",username=\"alice\"} 2\n"))
		Expect(daemon.page()).To(ContainSubstring(`signalbox_agent_metrics_rejected_total{reason="malformed"} 1`))
	})

	It("aggregates metrics of jobs and agents by label", func() {
		daemon := startDaemon("--push-aggregate-by=job", "--push-aggregate-gauges=max", "--agent-metrics-base-labels=pool,runner", "--agent-metrics-aggregate-by=pool")
		for i := range 3 {
			Expect(put(daemon, fmt.Sprintf("/metrics/job/unit/run/%d", i), fmt.Sprintf("# TYPE tests_total counter\ntests_total 312\n# TYPE g gauge\ng %d\n", i))).To(Equal(http.StatusOK))
			status, _ := agentMetrics(daemon, fmt.Sprintf(`{"labels":{"pool":"p","runner":"r%d"},"metrics":[{"name":"jobs_total","type":"counter","value":5}]}`, i))
			Expect(status).To(Equal(http.StatusOK))
		}
		Expect(daemon.page()).To(And(
			ContainSubstring("\ntests_total{instance=\"\",job=\"unit\"} 936\n"),
			ContainSubstring("\ng{instance=\"\",job=\"unit\"} 2\n"),
			ContainSubstring("\njobs_total{pool=\"p\"} 15\n")))
	})

	It("removes metrics that are not pushed again", func() {
		daemon := startDaemon("--push-ttl=100ms", "--agent-metrics-ttl=100ms")
		Expect(put(daemon, "/metrics/job/short", "x 1\n")).To(Equal(http.StatusOK))
		Expect(put(daemon, "/metrics/job/long?ttl=1h", "x 1\n")).To(Equal(http.StatusOK))
		agentMetrics(daemon, `{"labels":{"username":"alice"},"metrics":[{"name":"y","type":"gauge","value":5}]}`)
		Eventually(daemon.page).ShouldNot(Or(ContainSubstring("\nx{instance=\"\",job=\"short\"}"), ContainSubstring("\ny{")))
		Expect(daemon.page()).To(ContainSubstring("\nx{instance=\"\",job=\"long\"} 1\n"))
	})

	It("rejects groups of a runaway job beyond the limits, and continues with the others", func() {
		daemon := startDaemon("--push-max-groups=3", "--push-max-series=4")
		for i := range 3 {
			Expect(put(daemon, fmt.Sprintf("/metrics/job/runaway/run/%d", i), "x 1\n")).To(Equal(http.StatusOK))
		}
		Expect(put(daemon, "/metrics/job/runaway/run/3", "x 1\n")).To(Equal(http.StatusTooManyRequests))
		Expect(put(daemon, "/metrics/job/runaway/run/1", "x 1\ny 1\nz 1\n")).To(Equal(http.StatusTooManyRequests))
		Expect(put(daemon, "/metrics/job/runaway/run/1", "x 2\ny 1\n")).To(Equal(http.StatusOK))
		Expect(daemon.page()).To(ContainSubstring(`signalbox_pushes_rejected_total{reason="limit"} 2`))
	})

	It("survives a gzip bomb, a truncated body and nonsense", func() {
		daemon := startDaemon("--push-max-body-bytes=100000")
		bomb := strings.NewReader(sourcetest.Gzip(strings.Repeat("x 1\n", 1<<20)))
		Expect(bomb.Len()).To(BeNumerically("<", 100_000))
		status, answer := send(daemon, http.MethodPut, "/metrics/job/bomb", bomb, "Content-Encoding", "gzip")
		Expect(status).To(Equal(http.StatusRequestEntityTooLarge))
		Expect(answer).To(ContainSubstring("more than the limit of 100000 bytes"))
		status, _ = send(daemon, http.MethodPut, "/metrics/job/p", strings.NewReader("\x7ftruncated"),
			"Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
		Expect(status).To(Equal(http.StatusBadRequest))
		Expect(put(daemon, "/metrics/job/j", "x one\n")).To(Equal(http.StatusBadRequest))
		Expect(put(daemon, "/metrics/job/j", "x 1\n")).To(Equal(http.StatusOK))
		status, _ = daemon.post(startEvent)
		Expect(status).To(Equal(http.StatusOK))
		Expect(daemon.page()).To(And(ContainSubstring("\nx{"), ContainSubstring("concourse_builds_started_total 1")))
	})

	It("deletes all groups on request with --enable-admin-api", func() {
		daemon := startDaemon()
		status, _ := send(daemon, http.MethodPut, "/api/v1/admin/wipe", nil)
		Expect(status).To(Equal(http.StatusNotFound))
		daemon = startDaemon("--enable-admin-api")
		Expect(put(daemon, "/metrics/job/j", "x 1\n")).To(Equal(http.StatusOK))
		status, _ = send(daemon, http.MethodPut, "/api/v1/admin/wipe", nil)
		Expect(status).To(Equal(http.StatusAccepted))
		Expect(daemon.page()).NotTo(ContainSubstring("\nx{"))
	})

	It("restores stored groups after it was stopped or killed", func() {
		file := filepath.Join(GinkgoT().TempDir(), "groups.db")
		daemon := startDaemon("--push-storage-path", file)
		Expect(put(daemon, "/metrics/job/j", "x 1\n")).To(Equal(http.StatusOK))
		daemon.Signal(syscall.SIGTERM)
		Eventually(daemon).Should(gexec.Exit(0))
		daemon = startDaemon("--push-storage-path", file)
		Expect(put(daemon, "/metrics/job/k", "x 2\n")).To(Equal(http.StatusOK))
		daemon.Kill()
		Eventually(daemon).Should(gexec.Exit())
		daemon = startDaemon("--push-storage-path", file)
		Expect(daemon.page()).To(And(ContainSubstring("\nx{instance=\"\",job=\"j\"} 1\n"), ContainSubstring("\nx{instance=\"\",job=\"k\"} 2\n")))

		second := startDaemon("--push-storage-path", file)
		Eventually(second).Should(gexec.Exit(1))
		Expect(second.stderr()).To(And(ContainSubstring("--push-storage-path"), ContainSubstring(file)))

		daemon.Signal(syscall.SIGTERM)
		Eventually(daemon).Should(gexec.Exit(0))
		Expect(os.Truncate(file, 10_000)).To(Succeed())
		daemon = startDaemon("--push-storage-path", file)
		Expect(daemon.page()).To(ContainSubstring("\nsignalbox_push_storage_damaged 1\n"))
		Expect(daemon.Err).To(gbytes.Say("storage-damaged"))
	})

	It("rejects metrics that rules update, unless they are allowed", func() {
		const body = "# TYPE concourse_workers_containers gauge\nconcourse_workers_containers 99\n"
		daemon := startDaemon()
		status, answer := send(daemon, http.MethodPut, "/metrics/job/a", strings.NewReader(body))
		Expect(status).To(Equal(http.StatusBadRequest))
		Expect(answer).To(And(ContainSubstring(`metric concourse_workers_containers cannot be pushed, because rules update it for event "worker containers"`),
			ContainSubstring("--push-allow-driven-metrics")))
		status, answer = agentMetrics(daemon, `{"labels":{"username":"alice"},"metrics":[{"name":"concourse_workers_containers","type":"gauge","value":99}]}`)
		Expect(status).To(Equal(http.StatusBadRequest))
		Expect(answer).To(ContainSubstring(`rules update it for event \"worker containers\"`))
		Expect(daemon.page()).NotTo(MatchRegexp(`concourse_workers_containers.* 99\n`))

		file := filepath.Join(GinkgoT().TempDir(), "groups.db")
		daemon = startDaemon("--push-allow-driven-metrics", "--push-storage-path", file)
		Expect(put(daemon, "/metrics/job/a", body+"x 98\n")).To(Equal(http.StatusOK))
		Expect(daemon.page()).To(ContainSubstring("} 99\n"))
		daemon.Signal(syscall.SIGTERM)
		Eventually(daemon).Should(gexec.Exit(0))

		daemon = startDaemon("--push-storage-path", file)
		Expect(daemon.page()).To(And(ContainSubstring("} 98\n"), Not(MatchRegexp(`concourse_workers_containers.* 99\n`)), ContainSubstring("\nsignalbox_push_families_omitted 1\n")),
			"restored metrics are omitted too")
	})

	It("says how to enable the admin API", func() {
		status, answer := send(startDaemon(), http.MethodPut, "/api/v1/admin/wipe", nil)
		Expect(status).To(Equal(http.StatusNotFound))
		Expect(answer).To(ContainSubstring("--enable-admin-api"))
	})

	DescribeTable("names the invalid flag", func(message string, flags ...string) {
		daemon := startDaemon(flags...)
		Eventually(daemon).Should(gexec.Exit(2))
		Expect(daemon.stderr()).To(ContainSubstring(message))
		Expect(strings.Count(daemon.stderr(), "\n")).To(Equal(1))
	},
		Entry("an unknown label to aggregate by", "--agent-metrics-aggregate-by", "--agent-metrics-aggregate-by=user"),
		Entry("a TTL of 0", "agent-metrics-ttl", "--agent-metrics-ttl=0s"),
		Entry("a negative TTL", "push-ttl", "--push-ttl=-1s"),
		Entry("a duplicate label", `"job" is duplicated`, "--push-aggregate-by=job,job"),
		Entry("a reserved label", `got "__name__", expected a label name`, "--agent-metrics-base-labels=__name__"),
		Entry("too many base labels", "--agent-metrics-base-labels: got 17 labels", "--agent-metrics-base-labels=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"),
		Entry("an invalid label name", `got "a-b", expected a label name`, "--push-aggregate-by=job,a-b"),
		Entry("an unknown aggregation", "push-aggregate-gauges", "--push-aggregate-gauges=median"),
	)
})
