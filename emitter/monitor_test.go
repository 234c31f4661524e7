package emitter_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// build is a metric.Build.
type build struct{ attributes map[string]string }

func (b build) ID() int                       { return 7 }
func (b build) Attributes() map[string]string { return b.attributes }
func (b build) Status() metric.BuildStatus    { return metric.BuildFailed }
func (b build) StartTime() time.Time          { return time.Unix(1000, 0) }
func (b build) EndTime() time.Time            { return time.Unix(1090, 0) }

var finishedBuild = build{map[string]string{
	"build": "1", "build_id": "7", "job": "unit", "pipeline": "web", "team_name": "main",
}}

// typedCalls has one call of each type.
var typedCalls = []interface {
	EmitTo(lager.Logger, *metric.Monitor)
}{
	metric.BuildStarted{Build: finishedBuild},
	metric.BuildFinished{Build: finishedBuild},
	metric.CheckBuildFinished{Build: finishedBuild},
	metric.JobStatus{Status: metric.BuildErrored, JobName: "unit", PipelineName: "web", TeamName: "main"},
	metric.SchedulingJobDuration{PipelineName: "web", JobName: "unit", JobID: 123, Duration: 40 * time.Second},
	metric.WorkerUsage{Resource: metric.WorkerContainers, WorkerName: "w", Platform: "linux", Tags: []string{"gpu", "big"}, Count: 1},
	metric.WorkerUsage{Resource: metric.WorkerVolumes, WorkerName: "w", Platform: "linux", TeamName: "main", Count: 2},
	metric.WorkerUsage{Resource: metric.WorkerTasks, WorkerName: "w", Platform: "linux", Count: 3},
	metric.WorkerUsage{Resource: metric.WorkerUnknownContainers, WorkerName: "w", Count: 4},
	metric.WorkerUsage{Resource: metric.WorkerUnknownVolumes, WorkerName: "w", Count: 5},
	metric.WorkerStates{Running: 6, Stalled: 1},
	metric.LockAcquired{LockType: "Batch"},
	metric.LockReleased{LockType: "Batch"},
	metric.StepsWaitingDuration{Duration: 20 * time.Second},
	metric.TasksWaitingDuration{Duration: 20 * time.Second},
	metric.CollectorDuration{Duration: 100 * time.Millisecond},
	metric.ToBeGarbageCollected{Count: 8},
	metric.HTTPResponseTime{Route: "GetInfo", Path: "/api/v1/info", Method: "GET", StatusCode: 200, Duration: 30 * time.Millisecond},
	metric.ErrorLog{Message: "atc.failed"},
	metric.RunQueued{Run: acmeJob.Run},
	metric.RunStarted{Run: acmeJob.Run, Queued: time.Unix(1000, 0), Started: time.Unix(1005, 0)},
	metric.RunFinished{Run: acmeJob.Run, Result: metric.ResultFailure, Started: time.Unix(1005, 0), Ended: time.Unix(1065, 0)},
	metric.RunsActive{System: "acme", Executing: 2},
	metric.JobQueued{Job: acmeJob},
	metric.JobStarted{Job: acmeJob, Queued: time.Unix(1000, 0), Started: time.Unix(1005, 0)},
	metric.JobFinished{Job: acmeJob, Result: metric.ResultSuccess, Started: time.Unix(1005, 0), Ended: time.Unix(1065, 0)},
	metric.JobsActive{System: "acme", RunnerClass: "linux", Pending: 3},
	metric.OldestJobWaiting{Job: acmeJob, Duration: time.Minute},
	metric.Workers{System: "acme", Queue: "linux", Busy: 4},
	metric.WorkerLost{System: "acme", Queue: "linux"},
	metric.DeploymentFinished{
		Deployment: metric.Deployment{System: "acme", Repository: "octo-org/api", Environment: "eu"}, Result: metric.ResultSuccess,
		Committed: time.Unix(1000, 0), Started: time.Unix(1100, 0), Ended: time.Unix(1160, 0),
	},
}

var acmeJob = metric.Job{
	Run: metric.Run{System: "acme", Repository: "octo-org/api", Pipeline: "CI", RefKind: "default", ID: "7"}, ID: "70", RunnerClass: "linux",
}

func startMonitor(logger lager.Logger, attributes map[string]string, factories ...metric.EmitterFactory) (*metric.Monitor, *emitter.Prometheus, error) {
	m := metric.NewMonitor()
	m.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Catalog: "concourse,ci"})
	for _, f := range factories {
		m.RegisterEmitter(f)
	}
	if err := m.Initialize(logger, "web-1", attributes, 2); err != nil {
		return nil, nil, err
	}
	return m, m.Emitters()[0].(*emitter.Prometheus), nil
}

// stuckConfig is an emitter, and its factory. Its Emit sends to taken and then blocks
// until release is closed.
type stuckConfig struct{ taken, release chan struct{} }

func (c *stuckConfig) Description() string { return "Stuck" }
func (c *stuckConfig) IsConfigured() bool  { return true }
func (c *stuckConfig) NewEmitter(map[string]string) (metric.Emitter, error) {
	return c, nil
}

func (c *stuckConfig) Emit(lager.Logger, metric.Event) {
	select {
	case c.taken <- struct{}{}:
	default:
	}
	<-c.release
}

var _ = Describe("A Monitor with the Prometheus emitter", func() {
	var logger *lagertest.TestLogger
	BeforeEach(func() { logger = lagertest.NewTestLogger("ci") })

	It("has rules for all typed calls, which reject none of them", func() {
		for _, attributes := range []map[string]string{nil, {"zone": "b", "worker_pool": "x"}} {
			m, p, err := startMonitor(logger, attributes)
			Expect(err).NotTo(HaveOccurred())
			for _, call := range typedCalls {
				call.EmitTo(logger, m)
			}
			samples := samplesOf(p)
			constant := ""
			if attributes != nil {
				constant = `,worker_pool="x",zone="b"`
			}
			for sample, value := range map[string]string{
				`concourse_builds_finished{job="unit",pipeline="web",status="failed",team="main"` + constant + `}`:                                                  "1",
				`concourse_workers_containers{platform="linux",tags="gpu/big",team="",worker="w"` + constant + `}`:                                                  "1",
				`concourse_workers_unknown_volumes{worker="w"` + constant + `}`:                                                                                     "5",
				`concourse_workers_registered{state="running"` + constant + `}`:                                                                                     "6",
				`concourse_locks_held{type="Batch"` + constant + `}`:                                                                                                "0",
				`concourse_http_responses_duration_seconds_sum{method="GET",route="GetInfo",status="200"` + constant + `}`:                                          "0.03",
				`concourse_jobs_schedulingDuration_sum{job="unit",job_id="123",pipeline="web"` + constant + `}`:                                                     "40000",
				`concourse_builds_latest_completed_build_status{jobName="unit",pipelineName="web",teamName="main"` + constant + `}`:                                 "3",
				`ci_runs_finished_total{pipeline="CI",ref_kind="default",repository="octo-org/api",result="failure",system="acme"` + constant + `}`:                 "1",
				`ci_run_errors_total{error_type="_OTHER",pipeline="CI",repository="octo-org/api",system="acme"` + constant + `}`:                                    "1",
				`ci_run_duration_seconds_sum{pipeline="CI",repository="octo-org/api",result="failure",system="acme"` + constant + `}`:                               "60",
				`ci_run_queue_duration_seconds_sum{pipeline="CI",repository="octo-org/api",system="acme"` + constant + `}`:                                          "5",
				`ci_runs_active{state="executing",system="acme"` + constant + `}`:                                                                                   "2",
				`ci_jobs_finished_total{pipeline="CI",repository="octo-org/api",result="success",retry="false",runner_class="linux",system="acme"` + constant + `}`: "1",
				`ci_job_queue_duration_seconds_sum{runner_class="linux",system="acme"` + constant + `}`:                                                             "5",
				`ci_jobs_active{runner_class="linux",state="pending",system="acme"` + constant + `}`:                                                                "3",
				`ci_oldest_job_waiting_seconds{runner_class="linux",system="acme"` + constant + `}`:                                                                 "60",
				`ci_workers{queue="linux",state="busy",system="acme"` + constant + `}`:                                                                              "4",
				`ci_workers_lost_total{queue="linux",system="acme"` + constant + `}`:                                                                                "1",
				`ci_deployments_total{environment="eu",repository="octo-org/api",result="success",system="acme",tier=""` + constant + `}`:                           "1",
				`ci_change_lead_time_seconds_sum{environment="eu",repository="octo-org/api",system="acme"` + constant + `}`:                                         "160",
			} {
				Expect(samples).To(HaveKeyWithValue(sample, value))
			}
			families, err := p.Gather()
			Expect(err).NotTo(HaveOccurred())
			for _, f := range families {
				switch f.GetName() {
				case "signalbox_events_unknown_total", "signalbox_events_rejected_total":
					for _, s := range f.Metric {
						Expect(s.GetCounter().GetValue()).To(BeZero(), "%v", s)
					}
				}
			}
			Expect(logger.Logs()).To(BeEmpty())
			Expect(m.Close(context.Background())).To(Succeed())
		}
	})

	It("has rules for all events that PeriodicallyEmit emits", func() {
		m, p, err := startMonitor(logger, nil)
		Expect(err).NotTo(HaveOccurred())
		defer m.Close(context.Background())
		m.BuildsStarted.IncDelta(3)
		m.ConcurrentRequests.With("ListAllJobs").Inc()
		m.TasksWaiting.With(metric.TasksWaitingLabels{Platform: "linux"}).Inc()

		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- metric.PeriodicallyEmit(logger, m, time.Millisecond).RunContext(ctx) }()
		Eventually(func() map[string]string { return samplesOf(p) }).Should(And(
			HaveKeyWithValue("concourse_builds_started_total", "3"),
			HaveKeyWithValue(`concourse_concurrent_requests{action="ListAllJobs"}`, "1"),
			HaveKeyWithValue(`concourse_tasks_waiting{platform="linux",teamId="",workerTags=""}`, "1"),
			HaveKey(`concourse_db_queries_total`),
			HaveKeyWithValue(`concourse_lidar_checks_finished_total{status="error"}`, "0"),
			HaveKeyWithValue("signalbox_events_unknown_total", "0"),
		))
		cancel()
		Eventually(ended).Should(Receive())
	})

	It("has metrics about the queues of other emitters", func() {
		stuck := &stuckConfig{taken: make(chan struct{}, 1), release: make(chan struct{})}
		m, p, err := startMonitor(logger, nil, stuck)
		Expect(err).NotTo(HaveOccurred())
		metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, m)
		<-stuck.taken
		for range 5 { // the queue has room for two
			metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, m)
		}
		Expect(samplesOf(p)).To(And(
			HaveKeyWithValue(`signalbox_emitter_events_dropped_total{emitter="Stuck"}`, "3"),
			HaveKeyWithValue(`signalbox_emitter_queue_length{emitter="Stuck"}`, "2"),
			HaveKeyWithValue(`signalbox_emitter_queue_capacity{emitter="Stuck"}`, "2"),
			HaveKeyWithValue(`signalbox_emitter_queue_capacity{emitter="Prometheus"}`, "0"),
			HaveKeyWithValue(`concourse_locks_held{type="Batch"}`, "6"),
		))
		close(stuck.release)
		Expect(m.Close(context.Background())).To(Succeed())
	})

	It("does not count the log lines about rejected events as errors of the CI system", func() {
		m, p, err := startMonitor(logger, nil)
		Expect(err).NotTo(HaveOccurred())
		defer m.Close(context.Background())
		logger.RegisterSink(metric.NewErrorSink(logger, m))
		m.Emit(logger, event("builds started", -1, nil))
		logger.Error("scheduler-error", nil)
		Expect(samplesOf(p)).To(And(
			HaveKeyWithValue(`concourse_error_logs{message="ci.scheduler-error"}`, "1"),
			Not(HaveKey(ContainSubstring("event-rejected"))),
		))
	})
})

func TestTypedCallsDoNotAllocate(t *testing.T) {
	for _, attributes := range []map[string]string{nil, {"zone": "b"}} {
		logger := lager.NewLogger("ci")
		m, _, err := startMonitor(logger, attributes)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(context.Background())
		for _, call := range typedCalls {
			call.EmitTo(logger, m)
			if n := testing.AllocsPerRun(100, func() { call.EmitTo(logger, m) }); n != 0 && !raceEnabled {
				t.Errorf("%T with node attributes %v: %v allocations, want 0", call, attributes, n)
			}
		}
	}
}

func TestTheLogSaysHowToConfigureThePrometheusEmitter(t *testing.T) {
	for _, c := range []struct {
		config emitter.PrometheusConfig
		hint   string
	}{
		{emitter.PrometheusConfig{BindIP: "127.0.0.1"}, "set --prometheus-bind-port: "},
		{emitter.PrometheusConfig{BindPort: "9391"}, "set --prometheus-bind-ip: "},
		{emitter.PrometheusConfig{}, "set --prometheus-bind-ip and --prometheus-bind-port "},
	} {
		logger := lagertest.NewTestLogger("app")
		m := metric.NewMonitor()
		m.RegisterEmitter(&c.config)
		if err := m.Initialize(logger, "host", nil, 0); err != nil {
			t.Fatal(err)
		}
		log := string(logger.Buffer().Contents())
		if !strings.Contains(log, "discarding-events") || !strings.Contains(log, `"hints":["`+c.hint) {
			t.Errorf("%+v: got the log %s expected the hint %q", c.config, log, c.hint)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
