package demo

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the pusher", func() {
	type request struct{ method, path, query, body string }

	// startWithServer starts a pusher and a server that answers every push with the
	// status.
	startWithServer := func(status int) (*pusher, <-chan request) {
		requests := make(chan request, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			requests <- request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body)}
			w.WriteHeader(status)
		}))
		DeferCleanup(server.Close)
		ctx, cancel := context.WithCancel(context.Background())
		p := startPusher(ctx, Options{Intake: server.URL, AgentLabels: []string{"username", "workspace_name", "agent_name", "template_name"}, Failures: silent})
		DeferCleanup(func() {
			cancel()
			p.wait()
		})
		return p, requests
	}

	It("pushes the metrics of jobs with their TTL", func() {
		p, requests := startWithServer(http.StatusOK)
		p.offerJob(jobPush{team: "web", pipeline: "checkout", job: "load-test", run: "7", ttl: time.Minute})
		var got request
		Eventually(requests).Should(Receive(&got))
		Expect(got.method).To(Equal(http.MethodPost))
		Expect(got.path).To(HavePrefix("/metrics/job/load-test/"))
		Expect(got.path).To(And(ContainSubstring("/team/web"), ContainSubstring("/pipeline/checkout"), ContainSubstring("/run/7")))
		Expect(got.query).To(Equal("ttl=1m0s"))
		Expect(got.body).To(ContainSubstring("ci_job_tests_failed"))
		Eventually(p.sent.Load).Should(BeEquivalentTo(1))
	})

	It("pushes the metrics of agents", func() {
		p, requests := startWithServer(http.StatusOK)
		p.offerAgent(agentPush{user: "alice", name: "main", template: "go", builds: [2]int{3, 1}, cpu: .5, memory: 1 << 30})
		var got request
		Eventually(requests).Should(Receive(&got))
		Expect(got.method + " " + got.path).To(Equal("POST /api/v1/agent-metrics"))
		Expect(got.body).To(MatchJSON(`{
			"labels": {"username": "alice", "workspace_name": "main", "agent_name": "main", "template_name": "go"},
			"metrics": [
				{"name": "workspace_builds_total", "type": "counter", "value": 3, "labels": {"status": "succeeded"}},
				{"name": "workspace_builds_total", "type": "counter", "value": 1, "labels": {"status": "failed"}},
				{"name": "workspace_cpu_usage_ratio", "type": "gauge", "value": 0.5},
				{"name": "workspace_memory_bytes", "type": "gauge", "value": 1073741824},
				{"name": "workspace_editor_sessions", "type": "gauge", "value": 0}
			]}`))
	})

	It("counts rejected pushes", func() {
		p, _ := startWithServer(http.StatusTooManyRequests)
		p.offerJob(jobPush{job: "unit", ttl: time.Minute})
		p.offerAgent(agentPush{user: "alice"})
		Eventually(p.failed.Load).Should(BeEquivalentTo(2))
		Expect(p.sent.Load()).To(BeZero())
		Expect(p.skipped.Load()).To(BeZero())
	})

	It("skips pushes if the queue is full", func() {
		p, _ := startWithServer(http.StatusOK)
		for range 10 * pushQueueSize {
			p.offerAgent(agentPush{user: "alice"})
		}
		Expect(p.skipped.Load()).To(BeNumerically(">", 8*pushQueueSize))
	})
})
