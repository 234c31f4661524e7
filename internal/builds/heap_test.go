package builds_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/builds"
)

// TestTheMemoryOfPipelinesIsEstimatedWell checks that what counts against the memory
// budget is the memory that is used, to within a fifth.
func TestTheMemoryOfPipelinesIsEstimatedWell(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	o := newObserver(builds.Options{})
	before := heap()
	for i := range 5000 {
		for j := range 1 + i%4 {
			o.finish("1", "success", float64(j*j), "repository", fmt.Sprintf("octo-org/repository-%d", i))
		}
	}
	measured := float64(heap() - before)
	counted, _ := o.Used()
	if ratio := float64(counted) / measured; ratio < 0.8 || ratio > 1.2 {
		t.Errorf("got a count of %d bytes for %.0f bytes of heap, which is %.2f of it", counted, measured, ratio)
	} else {
		t.Logf("%d bytes are counted for %.0f bytes of heap, %.2f of it", counted, measured, ratio)
	}
	runtime.KeepAlive(o)
}
