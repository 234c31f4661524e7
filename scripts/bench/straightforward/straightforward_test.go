package straightforward

import (
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/metric"
)

func TestPipeline(t *testing.T) {
	registry := prometheus.NewRegistry()
	emitter := NewEmitter(registry)
	defer emitter.Close()
	monitor := NewMonitor(emitter, "web-1", map[string]string{"zone": "b"})
	logger := lager.NewLogger("test")

	WorkerContainers{WorkerName: "w1", Platform: "linux", Containers: 12, TeamName: "main", Tags: []string{"a", "b"}}.Emit(logger, monitor)
	emitter.Emit(logger, metric.Event{Name: "build finished", Value: 94_000, Attributes: map[string]string{
		"team_name": "main", "pipeline": "web", "job": "unit", "build_status": "failed",
	}})
	emitter.Emit(logger, metric.Event{Name: "builds running", Value: 3})
	emitter.Emit(logger, metric.Event{Name: "http response time", Value: 20, Attributes: map[string]string{
		"method": "GET", "route": "ListJobs", "status": "200",
	}})
	emitter.Emit(logger, metric.Event{Name: "database queries", Value: 7})
	emitter.Emit(logger, metric.Event{Name: "checks finished", Value: 2, Attributes: map[string]string{"status": "success"}})
	emitter.Emit(logger, metric.Event{Name: "unknown event"})
	monitor.Flush()

	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP concourse_workers_containers Containers on a worker.
# TYPE concourse_workers_containers gauge
concourse_workers_containers{platform="linux",tags="a/b",team="main",worker="w1"} 12
# HELP concourse_builds_finished Builds finished, by job.
# TYPE concourse_builds_finished counter
concourse_builds_finished{job="unit",pipeline="web",status="failed",team="main"} 1
# HELP concourse_builds_failed_total Builds failed.
# TYPE concourse_builds_failed_total counter
concourse_builds_failed_total 1
# HELP concourse_builds_running Builds running.
# TYPE concourse_builds_running gauge
concourse_builds_running 3
# HELP concourse_db_queries_total Database queries.
# TYPE concourse_db_queries_total counter
concourse_db_queries_total 7
# HELP concourse_lidar_checks_finished_total Checks finished.
# TYPE concourse_lidar_checks_finished_total counter
concourse_lidar_checks_finished_total{status="success"} 2
`), "concourse_workers_containers", "concourse_builds_finished", "concourse_builds_failed_total",
		"concourse_builds_running", "concourse_db_queries_total", "concourse_lidar_checks_finished_total")
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"concourse_builds_duration_seconds", "concourse_http_responses_duration_seconds"} {
		if n, err := testutil.GatherAndCount(registry, name); err != nil || n != 1 {
			t.Errorf("%s: got %d series, want 1: %v", name, n, err)
		}
	}
}

func TestAggregator(t *testing.T) {
	a := NewAggregator(time.Hour)
	labels := aggregator.Labels{Username: "alice", WorkspaceName: "blue", AgentName: "main", TemplateName: "go"}
	for v := range 3 {
		a.Update(labels, []aggregator.Metric{
			{Name: "builds_total", Type: aggregator.Counter, Value: float64(v), Labels: []aggregator.Label{{Name: "status", Value: "ok"}}},
			{Name: "load", Type: aggregator.Gauge, Value: 1},
		})
	}
	err := testutil.CollectAndCompare(a, strings.NewReader(`
# HELP builds_total Pushed by agents.
# TYPE builds_total counter
builds_total{agent_name="main",status="ok",template_name="go",username="alice",workspace_name="blue"} 2
# HELP load Pushed by agents.
# TYPE load gauge
load{agent_name="main",template_name="go",username="alice",workspace_name="blue"} 1
`))
	if err != nil {
		t.Error(err)
	}

	a = NewAggregator(-time.Hour)
	a.Update(labels, []aggregator.Metric{{Name: "load", Type: aggregator.Gauge}})
	if n := testutil.CollectAndCount(a); n != 0 {
		t.Errorf("got %d series after the TTL, want 0", n)
	}
}
