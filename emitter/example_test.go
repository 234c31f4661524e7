package emitter_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/metric"
)

// The example in the package documentation.
func Example() {
	logger := metric.SlogLogger(slog.New(slog.DiscardHandler))
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
		panic(err)
	}
	defer monitor.Close(context.Background())

	metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)

	show(pageOf(monitor), "concourse_locks_held{")
	// Output:
	// concourse_locks_held{type="Batch"} 1
}

// A run is a scheduler's own type for a build.
type run struct {
	id       int
	job      string
	status   metric.BuildStatus
	from, to time.Time
}

func (b run) ID() int                    { return b.id }
func (b run) Status() metric.BuildStatus { return b.status }
func (b run) StartTime() time.Time       { return b.from }
func (b run) EndTime() time.Time         { return b.to }
func (b run) Attributes() map[string]string {
	return map[string]string{
		"build_id": fmt.Sprint(b.id), "team_name": "main", "pipeline": "web", "job": b.job,
	}
}

// A scheduler, from its start to its exit.
func Example_scheduler() {
	logger := metric.SlogLogger(slog.Default())
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&emitter.PrometheusConfig{})

	// Add the emitter's flags to the scheduler's own. Without an address to listen on,
	// the emitter is disabled, and the Monitor discards events.
	parser := flags.NewNamedParser("scheduler", flags.Default)
	if err := monitor.WireEmitters(parser.Group); err != nil {
		panic(err)
	}
	if _, err := parser.ParseArgs([]string{"--prometheus-bind-ip=127.0.0.1", "--prometheus-bind-port=0"}); err != nil {
		panic(err)
	}
	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
		panic(err)
	}

	// Emit the counters and gauges every ten seconds.
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- metric.PeriodicallyEmit(logger, monitor, 10*time.Second).RunContext(ctx) }()

	// Report what happens.
	monitor.BuildsStarted.Inc()
	finished := time.Now()
	metric.BuildFinished{Build: run{
		id: 7, job: "unit", status: metric.BuildSucceeded, from: finished.Add(-90 * time.Second), to: finished,
	}}.EmitTo(logger, monitor)
	metric.WorkerUsage{
		Resource: metric.WorkerContainers, WorkerName: "worker-1", Platform: "linux", Count: 12,
	}.EmitTo(logger, monitor)

	// On exit, emit the last counts, then close the emitter.
	stop()
	<-done
	page := pageOf(monitor)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := monitor.Close(ctx); err != nil {
		panic(err)
	}

	show(page, "concourse_builds_started_total", "concourse_builds_finished{", "concourse_workers_containers")
	// Output:
	// concourse_builds_finished{job="unit",pipeline="web",status="succeeded",team="main"} 1
	// concourse_builds_started_total 1
	// concourse_workers_containers{platform="linux",tags="",team="",worker="worker-1"} 12
}

// Metrics of events that the scheduler defines.
// The metrics of any CI system, for a scheduler other than Concourse.
func Example_anyCISystem() {
	logger := metric.SlogLogger(slog.Default())
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Catalog: "ci"})
	if err := monitor.Initialize(logger, "scheduler-1", nil, 0); err != nil {
		panic(err)
	}

	queued := time.Now()
	started, ended := queued.Add(4*time.Second), queued.Add(94*time.Second)
	job := metric.Job{
		Run: metric.Run{System: "acme", Repository: "octo-org/api", Pipeline: "CI", RefKind: "default", ID: "7"},
		ID:  "70", Name: "test", RunnerClass: "linux",
	}
	metric.JobStarted{Job: job, Queued: queued, Started: started}.EmitTo(logger, monitor)
	metric.JobFinished{Job: job, Result: metric.ResultSuccess, Started: started, Ended: ended}.EmitTo(logger, monitor)
	metric.RunFinished{Run: job.Run, Result: metric.ResultSuccess, Started: started, Ended: ended}.EmitTo(logger, monitor)

	// The scheduler knows the current numbers. It emits them every few seconds.
	metric.JobsActive{System: "acme", RunnerClass: "linux", Pending: 3, Executing: 12}.EmitTo(logger, monitor)
	metric.Workers{System: "acme", Queue: "linux", Busy: 12, Available: 4}.EmitTo(logger, monitor)

	show(pageOf(monitor), "ci_runs_finished_total", "ci_job_queue_duration_seconds_sum", "ci_job_duration_seconds_sum", "ci_jobs_active", "ci_workers")
	monitor.Close(context.Background())
	// Output:
	// ci_job_duration_seconds_sum{repository="octo-org/api",result="success",runner_class="linux",system="acme"} 90
	// ci_job_queue_duration_seconds_sum{runner_class="linux",system="acme"} 4
	// ci_jobs_active{runner_class="linux",state="blocked",system="acme"} 0
	// ci_jobs_active{runner_class="linux",state="executing",system="acme"} 12
	// ci_jobs_active{runner_class="linux",state="pending",system="acme"} 3
	// ci_runs_finished_total{pipeline="CI",ref_kind="default",repository="octo-org/api",result="success",system="acme"} 1
	// ci_workers{queue="linux",state="available",system="acme"} 4
	// ci_workers{queue="linux",state="busy",system="acme"} 12
	// ci_workers{queue="linux",state="offline",system="acme"} 0
}

func ExamplePrometheusConfig_rules() {
	rules := []rule.Rule{{
		Event: "deploy finished", Metric: "deploys_total", Type: rule.Counter, Operation: rule.Inc,
		Help: "Deployments finished, by environment and kind of branch.",
		Labels: []rule.Label{
			{Name: "environment", Attribute: "env", Required: rule.Present},
			{Name: "branch", Attribute: "branch", Replace: []rule.Replacement{{Match: "(release|feature)/.*", With: "$1"}}},
		},
	}}
	logger := metric.SlogLogger(slog.Default())
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: rules})
	// With metric.Metrics, set emitter.Default.Rules instead.
	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
		panic(err) // names the rule and the reason if a rule is invalid
	}

	monitor.Emit(logger, metric.Event{
		Name: "deploy finished", Attributes: map[string]string{"env": "live", "branch": "release/7"},
	})

	show(pageOf(monitor), "concourse_deploys")
	monitor.Close(context.Background())
	// Output:
	// concourse_deploys_total{branch="release",environment="live"} 1
}

// The metrics page on the scheduler's own server.
func ExamplePrometheus_Handler() {
	// Handler enables the emitter without a listener.
	config := emitter.PrometheusConfig{Handler: true, Namespace: "ci"}
	e, err := config.NewEmitter(map[string]string{"region": "eu"})
	if err != nil {
		panic(err)
	}
	prometheus := e.(*emitter.Prometheus)
	defer prometheus.Close()

	mux := http.NewServeMux()
	mux.Handle("/signalbox/", http.StripPrefix("/signalbox", prometheus.Handler()))

	prometheus.Emit(nil, metric.Event{Name: "lock held", Value: 1, Attributes: map[string]string{"type": "Batch"}})

	response := httptest.NewRecorder()
	mux.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/signalbox/metrics", http.NoBody))
	show(response.Body.String(), "ci_locks_held")
	// Output:
	// ci_locks_held{region="eu",type="Batch"} 1
}

// Metrics that a server's agents push, summed by template.
func Example_agents() {
	pushed, err := aggregator.New(aggregator.Options{AgentTTL: 2 * time.Minute, AgentAggregateBy: []string{"template_name"}})
	if err != nil {
		panic(err)
	}
	stop := pushed.Run(context.Background()) // removes expired metrics in the background
	defer stop()

	config := emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Pushed: pushed}
	e, err := config.NewEmitter(nil)
	if err != nil {
		panic(err)
	}
	prometheus := e.(*emitter.Prometheus)
	defer prometheus.Close()

	for _, user := range []string{"alice", "bob"} {
		err := pushed.Agents.Update(context.Background(),
			aggregator.Labels{Username: user, TemplateName: "go"},
			[]aggregator.Metric{{Name: "tests_total", Type: aggregator.Counter, Value: 3}})
		if err != nil {
			fmt.Println(err) // an *aggregator.RejectedError names the rejected metrics; the others are applied
		}
	}

	response := httptest.NewRecorder()
	prometheus.Handler().ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	show(response.Body.String(), "tests_total")
	// Output:
	// tests_total{template_name="go"} 6
}

// pageOf returns the metrics page of the Monitor's Prometheus emitter.
func pageOf(monitor *metric.Monitor) string {
	response, err := http.Get(monitor.Emitters()[0].(*emitter.Prometheus).URL())
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	return string(must(io.ReadAll(response.Body)))
}

// show prints the lines of the page that have one of the prefixes.
func show(page string, prefixes ...string) {
	for line := range strings.Lines(page) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				fmt.Print(line)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
