package process

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
)

func original() prometheus.Collector {
	return collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
}

func gather(t *testing.T, registry *prometheus.Registry) []*dto.MetricFamily {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// replaced returns a registry in which the collector was replaced.
func replaced() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(original())
	Replace(registry)
	return registry
}

func valueOf(mf *dto.MetricFamily) float64 {
	return mf.Metric[0].GetCounter().GetValue() + mf.Metric[0].GetGauge().GetValue()
}

// The metrics must be the same as those of client_golang, and their values must lie
// between two of its values, except that memory may shrink and grow in between.
func TestReplace(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(original())
	before := gather(t, registry)
	got := gather(t, replaced())
	after := gather(t, registry)
	if len(got) != len(before) {
		t.Fatalf("got %d families, want %d", len(got), len(before))
	}
	for i, mf := range got {
		name := mf.GetName()
		if want := before[i]; name != want.GetName() || mf.GetHelp() != want.GetHelp() || mf.GetType() != want.GetType() || len(mf.Metric) != len(want.Metric) {
			t.Errorf("got the family %v, want one like %v", mf, want)
			continue
		}
		v, low, high := valueOf(mf), valueOf(before[i]), valueOf(after[i])
		switch name {
		case names[virtualMemory], names[residentMemory]:
			low, high = low*0.8, high*1.2
		case names[cpuSeconds]: // client_golang's value has a resolution of 10 ms, rounded down
			high += 0.02
		case names[openFDs]: // two files stay open, and those of other tests are closed at any time
			low, high = min(low, high)-10, max(low, high)+10
		}
		if v < low || v > high {
			t.Errorf("%s: got %v, want a value between %v and %v", name, v, low, high)
		}
	}
}

func TestReplacedCollectorIsStillTheProcessCollector(t *testing.T) {
	registry := replaced()
	if err := registry.Register(original()); err == nil {
		t.Error("the registry accepts a second process collector")
	}
	if !registry.Unregister(original()) {
		t.Error("a program cannot remove the process collector")
	}
	if got := gather(t, registry); len(got) > 0 {
		t.Errorf("got %v after the collector was removed", got)
	}
}

func TestReplaceAddsNothing(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "other"}))
	before := gather(t, registry)
	Replace(registry)
	if got := gather(t, registry); len(got) != len(before) || len(got) > 0 && got[0].GetName() != before[0].GetName() {
		t.Errorf("got %v, want %v", got, before)
	}
}

// If a new version of client_golang adds metrics, its own collector must stay.
func TestUnknownMetrics(t *testing.T) {
	more := &extended{original(), prometheus.NewDesc("process_more", "More.", nil, nil)}
	if newCollector(more, func(*values) {}) != nil {
		t.Error("a collector with another metric would be replaced")
	}
}

type extended struct {
	prometheus.Collector
	desc *prometheus.Desc
}

func (e *extended) Describe(to chan<- *prometheus.Desc) {
	e.Collector.Describe(to)
	to <- e.desc
}

func BenchmarkCollect(b *testing.B) {
	collector := original()
	ours := newCollector(collector, newReader().read)
	for name, c := range map[string]prometheus.Collector{"client_golang": collector, "ours": ours} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				to := make(chan prometheus.Metric, metrics)
				c.Collect(to)
			}
		})
	}
}
