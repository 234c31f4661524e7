package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// pushInterval is the minimum time between pushes of jobs, and between those of
	// agents. With a high rate of events, the simulation would produce more pushes than
	// the daemon can handle.
	pushInterval = 40 * time.Millisecond

	// pushQueueSize is the size of each of the two queues.
	pushQueueSize = 128
)

// A pusher sends pushes to the daemon's intake. For jobs, it uses client_golang's
// package push, as a client of a Pushgateway does; for agents, it sends JSON. It skips
// pushes if its queue is full.
type pusher struct {
	sender
	intake     string   // URL without a path
	baseLabels []string // names of the base labels of agents

	jobs   chan jobPush
	agents chan agentPush
}

// startPusher starts a pusher, which runs until the context ends.
func startPusher(ctx context.Context, o Options) *pusher {
	p := &pusher{
		sender:     sender{client: newClient(o.Transport), logger: o.Failures.Session("push")},
		intake:     o.Intake,
		baseLabels: o.AgentLabels,
		jobs:       make(chan jobPush, pushQueueSize),
		agents:     make(chan agentPush, pushQueueSize),
	}
	p.running.Go(func() { sendAll(ctx, p, p.jobs, p.sendJob) })
	p.running.Go(func() { sendAll(ctx, p, p.agents, p.sendAgent) })
	return p
}

func (p *pusher) offerJob(push jobPush) { offer(p, p.jobs, push) }

func (p *pusher) offerAgent(push agentPush) { offer(p, p.agents, push) }

// offer queues a push, or skips it if the queue is full.
func offer[Push any](p *pusher, queue chan<- Push, push Push) {
	select {
	case queue <- push:
	default:
		p.skipped.Add(1)
	}
}

// sendAll sends the pushes of a queue, one per pushInterval, until the context ends.
func sendAll[Push any](ctx context.Context, p *pusher, queue <-chan Push, send func(context.Context, Push) error) {
	interval.Run(ctx, pushInterval, func() {
		select {
		case <-ctx.Done():
		case push := <-queue:
			p.count(ctx, send(ctx, push))
		}
	})
}

func (p *pusher) sendJob(ctx context.Context, job jobPush) error {
	pusher := push.New(p.intake, job.job).
		Grouping("team", job.team).
		Grouping("pipeline", job.pipeline).
		Client(ttlClient{p.client, job.ttl})
	if job.run != "" {
		pusher.Grouping("run", job.run)
	}
	gauge := func(name, help string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		g.Set(value)
		pusher.Collector(g)
	}
	gauge("ci_job_last_completion_timestamp_seconds", "Time at which the job last completed.", seconds(time.Now()))
	gauge("ci_job_last_duration_seconds", "Duration of the latest build of the job.", job.took.Seconds())
	gauge("ci_job_tests", "Number of tests that were run.", float64(job.tests))
	gauge("ci_job_tests_failed", "Number of tests that failed.", float64(job.broken))
	gauge("ci_job_coverage_ratio", "Ratio of statements that the tests cover.", job.coverage)
	gauge("ci_job_artifact_size_bytes", "Size of all artifacts.", job.artifacts)
	if job.succeeded {
		gauge("ci_job_last_success_timestamp_seconds", "Time at which the job last succeeded.", seconds(time.Now()))
	}
	return pusher.AddContext(ctx) // unlike a PUT, keeps the last success when a build fails
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// A ttlClient is an HTTP client that adds a TTL to each push.
type ttlClient struct {
	*http.Client
	ttl time.Duration
}

// Do implements push.HTTPDoer.
func (c ttlClient) Do(r *http.Request) (*http.Response, error) {
	r.URL.RawQuery = "ttl=" + c.ttl.String()
	return c.Client.Do(r)
}

// The JSON that agents push.
type (
	agentUpdate struct {
		Labels  map[string]string `json:"labels"`
		Metrics []agentMetric     `json:"metrics"`
	}
	agentMetric struct {
		Name   string            `json:"name"`
		Type   string            `json:"type"`
		Value  float64           `json:"value"`
		Labels map[string]string `json:"labels,omitempty"`
	}
)

func (p *pusher) sendAgent(ctx context.Context, agent agentPush) error {
	update := agentUpdate{
		Labels: make(map[string]string),
		Metrics: []agentMetric{
			{"workspace_builds_total", "counter", float64(agent.builds[0]), map[string]string{"status": "succeeded"}},
			{"workspace_builds_total", "counter", float64(agent.builds[1]), map[string]string{"status": "failed"}},
			{"workspace_cpu_usage_ratio", "gauge", agent.cpu, nil},
			{"workspace_memory_bytes", "gauge", agent.memory, nil},
			{"workspace_editor_sessions", "gauge", float64(agent.sessions), nil},
		},
	}
	for i, value := range []string{agent.user, agent.name, "main", agent.template} {
		if i < len(p.baseLabels) {
			update.Labels[p.baseLabels[i]] = value
		}
	}
	body, err := json.Marshal(update)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.intake+"/api/v1/agent-metrics", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := p.do(request, http.StatusOK); err != nil {
		return fmt.Errorf("pushing metrics of the agent of %s's workspace %q: %w", agent.user, agent.name, err)
	}
	return nil
}
