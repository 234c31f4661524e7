package sourcetest

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stopTheWorld makes the runtime stop the program during garbage collections.
const stopTheWorld = "gcstoptheworld=1"

// MeasureMemory calls measure with a function that returns the maximum by which another
// function increases the live heap, in bytes. It does so in a process in which
// collections stop the world. Otherwise, everything that is allocated during a
// collection would count as live, and on a busy machine a collection can take so long
// that this is most of the memory. t must be a test, not a subtest.
func MeasureMemory(t *testing.T, measure func(peak func(f func()) int64)) {
	t.Helper()
	if debug := os.Getenv("GODEBUG"); !strings.Contains(debug, stopTheWorld) {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
		command.Env = append(os.Environ(), "GODEBUG="+strings.TrimPrefix(debug+","+stopTheWorld, ","))
		output, err := command.CombinedOutput()
		t.Logf("%s", output)
		if err != nil {
			t.Errorf("the test failed in its own process: %v", err)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // to find the maximum
	measure(peak)
}

// peak returns the maximum by which f increases the live heap, in bytes, as collections
// find it. The percentage of garbage collection must be low. The result can be too low
// if the other goroutine misses collections, but not too high.
func peak(f func()) int64 {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}} // at the last collection
	live := func() uint64 {
		runtimemetrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	most := before
	const interval = 20 * time.Microsecond // much shorter than the time between collections
	begun, ended := make(chan struct{}), make(chan struct{})
	var stopped atomic.Bool
	go func() {
		defer close(ended)
		close(begun)
		for !stopped.Load() {
			most = max(most, live())
			time.Sleep(interval)
		}
	}()
	<-begun
	f()
	stopped.Store(true)
	<-ended
	runtime.GC()
	return int64(max(most, live()) - before)
}
