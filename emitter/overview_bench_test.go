package emitter_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// BenchmarkOverview measures the cost of an overview after the first one. It does not
// include counting the label values of families, which the emitter does less often.
func BenchmarkOverview(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := newBenchEmitter(b)
			emitWorkers(p, n)
			begin := time.Now()
			emitter.CollectOverview(p)
			b.Logf("the first overview took %s", time.Since(begin))
			b.ReportAllocs()
			for b.Loop() {
				emitter.CollectOverview(p)
			}
		})
	}
}

func emitWorkers(p *emitter.Prometheus, n int) {
	logger := lager.NewLogger("bench")
	for _, event := range workerEvents(n) {
		for _, event.Name = range []string{"worker containers", "worker volumes", "worker tasks"} {
			p.Emit(logger, event)
		}
	}
}

func TestMemoryOfOverviewDoesNotGrowWithTheNumberOfWorkers(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"}
	now := time.Now()
	p := startFor(t, config, nil)
	// The emitter counts label values in the background, and only once, because the
	// time of all overviews is now.
	counted := func() bool {
		return slices.ContainsFunc(emitter.CollectOverviewAt(p, now).Families.List, func(f status.Family) bool { return len(f.Labels) > 0 })
	}
	emitWorkers(p, 2000)
	for !counted() {
		runtime.Gosched()
	}
	bytesOf := func() uint64 {
		var before, after runtime.MemStats
		emitter.CollectOverviewAt(p, now) // sorts series
		runtime.ReadMemStats(&before)
		emitter.CollectOverviewAt(p, now)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few := bytesOf()
	emitWorkers(p, 20_000)
	if many := bytesOf(); many > few*3/2 {
		t.Errorf("got %d bytes for 20,000 workers, want about as many as the %d bytes for 2,000 workers", many, few)
	}
}
