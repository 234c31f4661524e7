package tracker_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// realistic returns a change to the nth object: each run has 9 jobs. There are 500
// repositories with 20 branches each.
func realistic(n int, s tracker.State, now time.Time) tracker.Change {
	c := tracker.Change{
		System: "github", Kind: tracker.Job, ID: fmt.Sprint(41_000_000_000 + n), Attempt: "1", RunID: fmt.Sprint(15_000_000_000 + n/10), State: s,
		Queued: now.Add(-10 * time.Minute), Started: now.Add(-9 * time.Minute), Ended: now.Add(-time.Minute),
		Attributes: tracker.Attributes{
			Owner: "octo-org", Repository: fmt.Sprintf("octo-org/service-%d", n/10%500), Pipeline: "Continuous integration",
			Branch: fmt.Sprintf("feature/%d-some-change", n/5000%20), RefKind: "branch", Retry: "false", Commit: fmt.Sprintf("%040x", n/10),
			URL: fmt.Sprintf("https://github.com/octo-org/service/actions/runs/%d", n), Job: "test", RunnerClass: fmt.Sprintf("linux-%d-cores", n%8), Worker: fmt.Sprint("runner-", n),
		},
	}
	if s == tracker.Ended {
		c.Result = tracker.ResultSuccess
	}
	if n%10 == 0 {
		c.Kind, c.ID, c.RunID, c.QueuedUntilJob = tracker.Run, c.RunID, "", true
		c.Attributes.Trigger, c.CommitTime = "push", now.Add(-time.Hour)
	}
	return c
}

// The memory for 100,000 objects, 30,000 of them active, and for as many commits as the
// tracker remembers, is at most 40 MB, as ObjectBytes says.
func TestMemory(t *testing.T) {
	const objects, commits, limit = 100_000, 50_000, 100_000 * tracker.ObjectBytes
	heap := func() float64 {
		runtime.GC()
		runtime.GC() // frees what the first one made unreachable, such as interned text
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	tr := tracker.New(tracker.Options{})
	for n := range 3 * objects / 2 { // evicts a third
		s := tracker.Ended
		if n%10 >= 7 {
			s = tracker.State(1 + n%3)
		}
		c := realistic(n, s, start)
		c.Attributes.Commit, c.CommitTime = fmt.Sprintf("%040x", n), start.Add(-time.Hour)
		tr.Apply(c, start)
	}
	tr.Tick(start)
	got := heap() - before
	if n := sum(tr.Stats().Entries); n != objects {
		t.Fatalf("got %d objects, expected %d", n, objects)
	}
	if n := tr.Times(); n != commits {
		t.Fatalf("got %d commits, expected %d", n, commits)
	}
	t.Logf("%.1f MB", got/1e6)
	if got > limit {
		t.Errorf("got %.1f MB, expected at most %.0f MB", got/1e6, limit/1e6)
	}
	runtime.KeepAlive(tr)
}
