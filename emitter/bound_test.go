package emitter_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// Each of these mappings updates the same events differently.
var boundMappings = []string{deploys + `
  - {event: deploy finished, metric: deploy_duration_seconds, type: histogram, operation: observe, divide: 1000, buckets: [1, 10]}
  - {event: agent state, metric: agent_states, type: gauge, operation: state, states: {label: state, values: [busy, idle]}, idle_ttl: 2m, labels: [{name: agent, attribute: agent, required: non-empty}, {name: state, attribute: state, required: present}]}
`, `
rules:
  - {event: deploy finished, metric: deploys_total, type: counter, operation: add, labels: [{name: env, attribute: env}]}
  - {event: agent state, metric: agents, type: gauge, operation: hold, labels: [{name: agent, attribute: agent}]}
  - {event: agent state, metric: agent_events_total, type: counter, operation: inc, idle_ttl: 1m, labels: [{name: agent, attribute: agent}, {name: state, attribute: state}]}
`, `rules: [{event: deploy finished, metric: deploys, type: gauge, operation: set}]`}

// TestBoundEventsMatchOrdinaryOnes performs random operations on two emitters, of which
// one receives all events through bound events, and compares their pages.
func TestBoundEventsMatchOrdinaryOnes(t *testing.T) {
	types := []metric.EventType{
		{Name: "worker containers", Attributes: []string{"worker", "platform", "tags", "team_name"}},
		{Name: "worker tasks", Attributes: []string{"worker", "platform"}},
		{Name: "build finished", Attributes: []string{"team_name", "pipeline", "job", "build_id", "build_status"}},
		{Name: "jobs scheduled"},
		{Name: "deploy finished", Attributes: []string{"env", "branch"}},
		{Name: "deploy finished", Attributes: []string{"branch"}},
		{Name: "agent state", Attributes: []string{"agent", "state"}},
		{Name: "no such event", Attributes: []string{"a"}},
	}
	choices := map[string][]string{
		"worker": {"w1", "w2", "w3", ""}, "platform": {"linux", ""}, "build_status": {"failed", "succeeded", "odd"},
		"env": {"prod", "test\xff"}, "branch": {"release/7", "main"}, "agent": {"a1", "a2", ""}, "state": {"busy", "idle", "lost"},
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		now := time.UnixMilli(1_700_000_000_000)
		file := filepath.Join(t.TempDir(), "ci.yml")
		write := func(content string) {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(boundMappings[0])
		logger := lager.NewLogger("test")
		var emitters [2]*emitter.Prometheus
		for i := range emitters {
			config := &emitter.PrometheusConfig{
				BindIP: "127.0.0.1", BindPort: "0", GCInterval: time.Hour, WorkerStaleAfter: time.Minute, MaxSeriesPerMetric: 3,
				Clock: func() time.Time { return now }, MappingFile: file, Logger: logger,
			}
			emitters[i] = startFor(t, config, map[string]string{"node": "n"})
		}
		ordinary := make([]metric.TypedEvent, len(types))
		for i, eventType := range types {
			ordinary[i] = emitters[0].Prepare(eventType)
		}
		bound := map[string]metric.BoundEvent{}
		for step := range 400 {
			switch n := random.IntN(100); {
			case n < 85:
				i := random.IntN(len(types))
				values := make([]string, len(types[i].Attributes))
				for k, name := range types[i].Attributes {
					if c := choices[name]; c != nil {
						values[k] = c[random.IntN(len(c))]
					}
				}
				value := []float64{0, 1, 1500, -1, math.NaN(), math.Inf(1)}[min(random.IntN(9), 5)]
				ordinary[i].EmitValues(logger, value, values)
				key := fmt.Sprint(i, strings.Join(values, "\x00"))
				if bound[key] == nil {
					bound[key] = emitters[1].Prepare(types[i]).(metric.BindableEvent).Bind(values)
				}
				bound[key].Emit(logger, value)
			case n < 92:
				now = now.Add(time.Duration(random.IntN(40)) * time.Second)
			case n < 97:
				if a, b := emitters[0].CollectGarbage(), emitters[1].CollectGarbage(); a != b {
					t.Fatalf("seed %d, step %d: swept %+v, expected %+v", seed, step, b, a)
				}
			default:
				write(boundMappings[random.IntN(len(boundMappings))])
				for _, p := range emitters {
					if err := p.Reload(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if step%20 > 0 {
				continue
			}
			want, got := strings.Split(deterministicPage(t, emitters[0]), "\n"), strings.Split(deterministicPage(t, emitters[1]), "\n")
			expectLines(t, fmt.Sprintf("seed %d, step %d", seed, step), got, want)
		}
	}
}

// expectLines fails the test at the first line that differs.
func expectLines(t *testing.T, when string, got, want []string) {
	t.Helper()
	for i := range want {
		if i == len(got) || got[i] != want[i] {
			t.Fatalf("%s: got %q, expected %q", when, got[i:min(i+1, len(got))], want[i])
		}
	}
}

// deterministicPage returns the page without the families that show real times.
func deterministicPage(t *testing.T, p *emitter.Prometheus) string {
	t.Helper()
	var page bytes.Buffer
	if err := emitter.WritePage(p, &page, expfmt.NewFormat(expfmt.TypeTextPlain)); err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(page.String()) {
		if !strings.HasPrefix(line, "signalbox_") || !strings.Contains(line, "_seconds") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// TestBoundEventsAreNotLost emits bound events from several goroutines while others
// sweep, reload and scrape. The counter never expires, so its value must be the number
// of events.
func TestBoundEventsAreNotLost(t *testing.T) {
	var seconds atomic.Int64
	file := filepath.Join(t.TempDir(), "ci.yml")
	const counter = "rules: [{event: e, metric: events_total, type: counter, operation: inc, labels: [{name: a, attribute: a}]}"
	write := func(rest string) {
		if err := os.WriteFile(file, []byte(counter+rest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("]")
	config := &emitter.PrometheusConfig{
		BindIP: "127.0.0.1", BindPort: "0", GCInterval: time.Hour, WorkerStaleAfter: time.Minute, MappingFile: file,
		Clock: func() time.Time { return time.Unix(1_700_000_000+seconds.Load(), 0) },
	}
	p := startFor(t, config, nil)
	logger := lager.NewLogger("test")
	counting := p.Prepare(metric.EventType{Name: "e", Attributes: []string{"a"}}).(metric.BindableEvent).Bind([]string{"x"})
	expiring := p.Prepare(metric.EventType{Name: "worker tasks", Attributes: []string{"worker", "platform"}}).(metric.BindableEvent).Bind([]string{"w", "linux"})
	var emitting sync.WaitGroup
	var stop atomic.Bool
	var events atomic.Int64
	for range 4 {
		emitting.Go(func() {
			for i := 0; !stop.Load(); i++ {
				counting.Emit(logger, 1)
				expiring.Emit(logger, float64(i))
				events.Add(2)
			}
		})
	}
	swept := 0
	for i := range 300 {
		seconds.Add(61)
		if p.CollectGarbage().Series > 0 {
			swept++
		}
		if i%20 == 0 { // another family, so that the plans change
			write(fmt.Sprintf(", {event: f, metric: f%d, type: gauge, operation: set}]", i))
			if err := p.Reload(); err != nil {
				t.Fatal(err)
			}
		}
		deterministicPage(t, p)
	}
	stop.Store(true)
	emitting.Wait()
	expiring.Emit(logger, 7)
	samples := readPage(deterministicPage(t, p)).samples
	for name, want := range map[string]int64{
		`concourse_events_total{a="x"}`:                        events.Load() / 2,
		`concourse_workers_tasks{platform="linux",worker="w"}`: 7,
		"signalbox_events_received_total":                      events.Load() + 1,
	} {
		if got, _ := strconv.ParseFloat(samples[name], 64); got != float64(want) {
			t.Errorf("%s: got %v, expected %d", name, got, want)
		}
	}
	if swept == 0 {
		t.Error("no sweep removed the series while it was updated")
	}
}
