package emitter_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter"
)

// What a status page costs that is looked at, a second time: the label values of the
// families are counted less often.
func BenchmarkOverview(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := newBenchEmitter(b)
			emitWorkers(p, n)
			begin := time.Now()
			emitter.MakeOverview(p)
			b.Logf("the first took %s", time.Since(begin))
			b.ReportAllocs()
			for b.Loop() {
				emitter.MakeOverview(p)
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

func TestAnOverviewAllocatesForWhatItShows(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"}
	now := time.Now()
	emitter.DriveTime(config, func() time.Time { return now }) // so that label values are counted once
	made, err := config.NewEmitter(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*emitter.Prometheus)
	defer p.Close()
	bytesOf := func() uint64 {
		var before, after runtime.MemStats
		emitter.MakeOverview(p) // which counts label values, and puts series in order
		runtime.ReadMemStats(&before)
		emitter.MakeOverview(p)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	emitWorkers(p, 2000)
	few := bytesOf()
	emitWorkers(p, 20_000)
	if many := bytesOf(); many > few*3/2 {
		t.Errorf("it takes %d bytes with 2,000 workers, and %d with 20,000", few, many)
	}
}
