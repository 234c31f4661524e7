package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// pushesApart is how far pushes of jobs are apart at least, and those of agents:
	// as a load generator the simulation would have more than anybody could serve.
	pushesApart = 40 * time.Millisecond

	// pushesWaiting is how many of each may wait.
	pushesWaiting = 128

	pushTimeout = 5 * time.Second
)

// A pusher pushes to the daemon's intake what it is offered: jobs with client_golang's
// package push, as they would to a Pushgateway, and agents in JSON. What is too much
// it skips.
type pusher struct {
	intake     string   // its URL, without a path
	baseLabels []string // of agents
	logger     lager.Logger
	client     *http.Client

	jobs   chan jobPush
	agents chan agentPush

	running               sync.WaitGroup
	sent, failed, skipped atomic.Uint64
}

// startPusher starts one that ends with the context.
func startPusher(ctx context.Context, intake string, baseLabels []string, logger lager.Logger) *pusher {
	p := &pusher{
		intake:     intake,
		baseLabels: baseLabels,
		logger:     logger.Session("push"),
		client:     &http.Client{Timeout: pushTimeout, Transport: &http.Transport{}},
		jobs:       make(chan jobPush, pushesWaiting),
		agents:     make(chan agentPush, pushesWaiting),
	}
	p.running.Go(func() { sendAll(ctx, p, p.jobs, p.sendJob) })
	p.running.Go(func() { sendAll(ctx, p, p.agents, p.sendAgent) })
	return p
}

// wait returns when the pusher has ended, and has no connection left.
func (p *pusher) wait() {
	p.running.Wait()
	p.client.CloseIdleConnections()
}

func (p *pusher) offerJob(push jobPush) { offer(p, p.jobs, push) }

func (p *pusher) offerAgent(push agentPush) { offer(p, p.agents, push) }

// offer never waits.
func offer[Push any](p *pusher, to chan<- Push, push Push) {
	select {
	case to <- push:
	default:
		p.skipped.Add(1)
	}
}

// sendAll sends what is offered, not too fast, until the context ends.
func sendAll[Push any](ctx context.Context, p *pusher, offered <-chan Push, send func(context.Context, Push) error) {
	interval.Run(ctx, pushesApart, func() {
		select {
		case <-ctx.Done():
		case push := <-offered:
			err := send(ctx, push)
			switch {
			case err == nil:
				p.sent.Add(1)
			case errors.Is(err, context.Canceled):
			default:
				// The first is logged, the others are only counted.
				if p.failed.Add(1) == 1 {
					p.logger.Error("failed", err)
				}
			}
		}
	})
}

func (p *pusher) sendJob(ctx context.Context, of jobPush) error {
	pusher := push.New(p.intake, of.job).
		Grouping("team", of.team).
		Grouping("pipeline", of.pipeline).
		Client(expiring{p.client, of.ttl})
	if of.run != "" {
		pusher.Grouping("run", of.run)
	}
	gauge := func(name, help string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		g.Set(value)
		pusher.Collector(g)
	}
	gauge("ci_job_last_completion_timestamp_seconds", "When the job was last completed.", seconds(time.Now()))
	gauge("ci_job_duration_seconds", "How long the job took, as it sees it.", of.took.Seconds())
	gauge("ci_job_tests", "Tests that were run.", float64(of.tests))
	gauge("ci_job_tests_failed", "Tests that failed.", float64(of.broken))
	gauge("ci_job_coverage_ratio", "Statements that tests cover.", of.coverage)
	gauge("ci_job_artifact_size_bytes", "Size of all artifacts.", of.artifacts)
	if of.succeeded {
		gauge("ci_job_last_success_timestamp_seconds", "When the job last succeeded.", seconds(time.Now()))
	}
	return pusher.AddContext(ctx) // so that the last success stays when one fails
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// An expiring client asks for a time to live for what it pushes.
type expiring struct {
	*http.Client
	ttl time.Duration
}

// Do implements push.HTTPDoer.
func (c expiring) Do(r *http.Request) (*http.Response, error) {
	r.URL.RawQuery = "ttl=" + c.ttl.String()
	return c.Client.Do(r)
}

// The JSON of agents.
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

func (p *pusher) sendAgent(ctx context.Context, of agentPush) error {
	update := agentUpdate{
		Labels: make(map[string]string),
		Metrics: []agentMetric{
			{"workspace_builds_total", "counter", float64(of.builds[0]), map[string]string{"status": "succeeded"}},
			{"workspace_builds_total", "counter", float64(of.builds[1]), map[string]string{"status": "failed"}},
			{"workspace_cpu_usage_ratio", "gauge", of.cpu, nil},
			{"workspace_memory_bytes", "gauge", of.memory, nil},
			{"workspace_editor_sessions", "gauge", float64(of.sessions), nil},
		},
	}
	for i, value := range []string{of.user, of.name, "main", of.template} {
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
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("agent metrics of %s's workspace %q were answered %s: %s", of.user, of.name, response.Status, answer)
	}
	return nil
}
