package tracker_test

import (
	"fmt"
	"iter"
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

// heap returns the memory that is in use, in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC() // frees what the first one made unreachable, such as interned text
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// The memory for 100,000 objects, 30,000 of them active, and for as many commits as the
// tracker remembers, is at most 50 MB, as ObjectBytes says.
func TestMemory(t *testing.T) {
	const objects, commits, limit = 100_000, 50_000, 100_000 * tracker.ObjectBytes
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

// However long and different the texts are, the memory is at most ObjectBytes for each
// object of MaxObjects.
func TestMemoryOfTexts(t *testing.T) {
	long := func(kind string, n int) string { return fmt.Sprintf("%s-%0480d", kind, n) }
	job := func(class string, n int, s tracker.State) tracker.Change {
		c := realistic(n/9*10+1+n%9, s, start) // no runs
		c.Attributes.RunnerClass = class
		return c
	}
	run := func(n int, s tracker.State) tracker.Change {
		c := realistic(10*n, s, start)
		a := &c.Attributes
		a.Repository, a.Pipeline, a.Branch, a.RefKind, a.Trigger = long("repository", n), long("pipeline", n), long("branch", n), long("kind", n), long("trigger", n)
		return c
	}
	all := func(string) iter.Seq2[string, func(string) string] {
		return inputs("system", "instance", "owner", "repository", "pipeline", "branch", "ref_kind", "trigger", "retry", "commit", "url", "runner_class", "state")
	}
	for _, c := range []struct {
		name   string
		change func(n int) tracker.Change
		inputs func(string) iter.Seq2[string, func(string) string]
	}{
		{"waiting jobs", func(n int) tracker.Change { return realistic(n/9*10+1+n%9, queued, start) }, nil},
		{"waiting jobs with long names", func(n int) tracker.Change {
			c := realistic(n/9*10+1+n%9, queued, start)
			a := &c.Attributes
			a.Repository, a.Pipeline, a.Job, a.URL = long("repository", n), long("pipeline", n), long("job", n), long("url", n)
			return c
		}, nil},
		{"long runner classes", func(n int) tracker.Change { return job(long("class", n), n, queued) }, nil},
		{"short runner classes", func(n int) tracker.Change { return job(fmt.Sprint(n), n, queued) }, nil},
		{"active runs with long attributes", func(n int) tracker.Change { return run(n, started) }, nil},
		{"ended runs with long attributes", func(n int) tracker.Change { return run(n, ended) }, nil},
		{"ended runs with short attributes", func(n int) tracker.Change {
			c := run(0, ended)
			c.ID, c.Attributes = fmt.Sprint(n), tracker.Attributes{Branch: fmt.Sprint(n)}
			return c
		}, nil},
		{"ended runs with the same attributes", func(n int) tracker.Change { return realistic(10*(n%10)+100_000*n, ended, start) }, nil},
		{"rules that use everything", func(n int) tracker.Change { return run(n, started) }, all},
		{"rules that use much", func(n int) tracker.Change { return realistic(n, queued, start) }, all},
		{"many objects, then long runner classes", func(n int) tracker.Change {
			if n < 15_000 {
				return realistic(n, ended, start)
			}
			return job(long("class", n), n, queued)
		}, nil},
		{"deployments and commits", func(n int) tracker.Change {
			c := realistic(10*n, ended, start)
			if n%2 == 0 {
				c.Kind, c.Attributes.Repository = tracker.Deployment, fmt.Sprint(n)
			}
			return c
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			const objects = 10_000
			before := heap()
			tr := tracker.New(tracker.Options{MaxObjects: objects, LabelInputs: c.inputs})
			most := 0.0
			for n := range 3 * objects {
				tr.Apply(c.change(n), start)
				if n%objects == objects/2 {
					tr.Tick(start)
				}
				if n%objects == objects-1 {
					most = max(most, heap()-before)
				}
			}
			n := sum(tr.Stats().Entries)
			t.Logf("%.1f MB, %.1f MB by its own account, %d objects, %d groups", most/1e6, float64(tr.Used())/1e6, n, tr.Groups())
			if most > objects*tracker.ObjectBytes {
				t.Errorf("got %.1f MB, expected at most %.1f MB", most/1e6, objects*tracker.ObjectBytes/1e6)
			}
			if n < objects/25 {
				t.Errorf("got %d objects, expected more", n)
			}
			runtime.KeepAlive(tr)
		})
	}
}
