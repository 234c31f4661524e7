package emitter_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// runEvents returns the events of the latest run of a pipeline.
func runEvents(pipeline int) []metric.Event {
	a := map[string]string{
		"system": "github", "instance": "github.com", "repository": fmt.Sprintf("acme/repository-%d", pipeline/4), "pipeline": fmt.Sprintf("pipeline-%d", pipeline),
		"result": []string{"success", "failure"}[pipeline%2], "run_id": fmt.Sprint(1_000_000 + pipeline), "attempt": "1",
		"ref_kind": "default", "url": fmt.Sprintf("https://github.com/acme/repository-%d/actions/runs/%d", pipeline/4, 1_000_000+pipeline),
	}
	return []metric.Event{
		{Name: "ci run queue time", Value: float64(pipeline % 90), Attributes: a},
		{Name: "ci run finished", Value: 1, Attributes: a},
		{Name: "ci run time", Value: 30 + float64(pipeline%900), Attributes: a},
		{Name: "ci job queue time", Value: float64(pipeline % 60), Attributes: map[string]string{"system": "github", "runner_class": fmt.Sprint("class ", pipeline%200)}},
	}
}

// activeEvents returns gauges as the tracker sets them, and a waiting job.
func activeEvents() []metric.Event {
	a := func(more ...string) map[string]string {
		m := map[string]string{"system": "github", "runner_class": "large"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	return []metric.Event{
		{Name: "ci runs active", Value: 4, Attributes: a("state", "executing")},
		{Name: "ci jobs active", Value: 7, Attributes: a("state", "pending")},
		{Name: "ci oldest job waiting", Value: 61, Attributes: a("repository", "acme/app", "job", "unit", "job_id", "7", "url", "https://example.com/7")},
	}
}

var _ = Describe("The builds in the overview", func() {
	logger := lager.NewLogger("test")

	fetch := func(p *emitter.Prometheus) map[string]any {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/overview", nil))
		var o map[string]any
		Expect(json.Unmarshal(w.Body.Bytes(), &o)).To(Succeed())
		return o
	}

	It("come from events, in whichever way they are emitted, but not from dry runs", func() {
		p := start(&emitter.PrometheusConfig{Handler: true, Catalog: "concourse,ci"}, nil)
		Expect(fetch(p)).NotTo(HaveKey("builds"))
		events := append(runEvents(1), activeEvents()...)
		for _, e := range events {
			p.EmitReporting(logger, e, &metric.Outcome{DryRun: new(metric.DryRun)})
		}
		Expect(emitter.OverviewFields(p)).NotTo(HaveKey("builds"))
		for _, e := range events {
			p.Emit(logger, e)
		}
		attributes := []string{"team_name", "pipeline", "job", "build_id", "build_status"}
		for i, status := range []string{"succeeded", "failed"} {
			// All attributes that the rules use are there, and then only some of them.
			p.Prepare(metric.EventType{Name: "build finished", Attributes: attributes}).
				EmitValues(logger, 3000, []string{"main", "core", "unit", fmt.Sprint(i), status})
			p.Prepare(metric.EventType{Name: "steps waiting duration", Attributes: []string{"workerTags", "platform"}[:2-i]}).
				EmitValues(logger, 3, []string{"gpu", "linux"}[:2-i])
		}
		o, err := json.Marshal(emitter.OverviewFields(p)["builds"](100))
		Expect(err).NotTo(HaveOccurred())
		var b struct {
			Runs, Jobs       map[string]float64
			OldestWaitingJob struct{ URL string } `json:"oldest_waiting_job"`
			Pipelines        struct {
				List []struct {
					System, Pipeline string
					Day              struct {
						Runs        int
						SuccessRate float64 `json:"success_rate"`
					}
				}
			}
			RunnerClasses struct {
				List []struct {
					RunnerClass string `json:"runner_class"`
					Day         struct{ Jobs int }
				}
			} `json:"runner_classes"`
			LatestRuns []struct{ URL string } `json:"latest_runs"`
		}
		Expect(json.Unmarshal(o, &b)).To(Succeed())
		Expect(b.Runs["executing"]).To(Equal(4.0))
		Expect(b.Jobs["pending"]).To(Equal(7.0))
		Expect(b.OldestWaitingJob.URL).To(Equal("https://example.com/7"))
		Expect(b.Pipelines.List).To(HaveLen(2))
		Expect(b.Pipelines.List[0].Day).To(And(HaveField("Runs", 2), HaveField("SuccessRate", 0.5)))
		Expect(b.Pipelines.List[1].Pipeline).To(Equal("pipeline-1"))
		Expect(b.RunnerClasses.List).To(ContainElement(And(HaveField("RunnerClass", "gpu"), HaveField("Day.Jobs", 2))))
		Expect(b.LatestRuns).To(HaveLen(3))
	})
})

// TestBuildsDoNotAllocate emits events about known runs, pipelines and classes of
// runners in all ways.
func TestBuildsDoNotAllocate(t *testing.T) {
	now := time.Date(2026, 3, 4, 14, 32, 10, 0, time.UTC)
	config := &emitter.PrometheusConfig{Handler: true, Catalog: "concourse,ci", Clock: func() time.Time { return now }}
	p := startFor(t, config, nil)
	events := append(append(runEvents(1), activeEvents()...), buildEvents(3)...)
	type typed struct {
		event  metric.TypedEvent
		value  float64
		values []string
	}
	var prepared []typed
	for _, e := range events {
		var names, values []string
		for name, value := range e.Attributes {
			names, values = append(names, name), append(values, value)
		}
		prepared = append(prepared, typed{p.Prepare(metric.EventType{Name: e.Name, Attributes: names}), e.Value, values})
	}
	logger := lager.NewLogger("test")
	emit := func() {
		for _, e := range events {
			p.Emit(logger, e)
		}
		for _, e := range prepared {
			e.event.EmitValues(logger, e.value, e.values)
		}
	}
	for range 30 { // until the memory for the latest runs is large enough
		emit()
	}
	if n := testing.AllocsPerRun(100, emit); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRunFinished measures events that Builds observes, without those that only
// update series.
func BenchmarkRunFinished(b *testing.B) {
	logger := lager.NewLogger("bench")
	var events []metric.Event
	for i := range benchWorkers {
		events = append(events, runEvents(i)...)
	}
	config := &emitter.PrometheusConfig{Handler: true, Catalog: "ci"}
	p := startFor(b, config, nil)
	each(b, events, func(e *metric.Event) { p.Emit(logger, *e) })
}

// newBusyEmitter returns an emitter that has seen many runs of 10,000 pipelines within a
// day.
func newBusyEmitter(t testing.TB) *emitter.Prometheus {
	now := time.Date(2026, 3, 4, 14, 32, 10, 0, time.UTC)
	config := &emitter.PrometheusConfig{Handler: true, Catalog: "concourse,ci", Clock: func() time.Time { return now }}
	p := startFor(t, config, nil)
	logger := lager.NewLogger("test")
	for range 24 {
		now = now.Add(time.Hour)
		for pipeline := range 10_000 {
			for _, event := range runEvents(pipeline) {
				event.Time = now
				p.Emit(logger, event)
			}
		}
	}
	for _, event := range activeEvents() {
		p.Emit(logger, event)
	}
	return p
}

func TestOverviewOfManyPipelinesIsSmall(t *testing.T) {
	p := newBusyEmitter(t)
	for _, url := range []string{"/api/v1/overview", "/api/v1/overview?limit=1000"} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		body, _ := io.ReadAll(w.Body)
		var o struct {
			Builds struct {
				Pipelines struct {
					Total int
					List  []any
				}
			}
		}
		if err := json.Unmarshal(body, &o); err != nil {
			t.Fatal(err)
		}
		if o.Builds.Pipelines.Total != 10_000 || len(o.Builds.Pipelines.List) < 100 {
			t.Errorf("%s: got %d of %d pipelines", url, len(o.Builds.Pipelines.List), o.Builds.Pipelines.Total)
		}
		t.Logf("%s: %d bytes", url, len(body))
		if len(body) > 1_000_000 {
			t.Errorf("%s: got %d bytes, expected at most a megabyte", url, len(body))
		}
	}
}

func BenchmarkOverviewOfManyPipelines(b *testing.B) {
	p := newBusyEmitter(b)
	b.ReportAllocs()
	for b.Loop() {
		emitter.CollectOverview(p)
	}
}
