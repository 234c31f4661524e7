package tracker_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/metric"
)

// A byteReader reads small numbers from fuzzing input. After its end, it reads 0.
type byteReader []byte

// number returns a number less than n.
func (r *byteReader) number(n int) int {
	if len(*r) == 0 {
		return 0
	}
	b := (*r)[0]
	*r = (*r)[1:]
	return int(b) % n
}

func (r *byteReader) yes() bool { return r.number(2) == 1 }

func (r *byteReader) text(of ...string) string { return of[r.number(len(of))] }

func (r *byteReader) time(now time.Time) time.Time {
	switch r.number(8) {
	case 0, 1:
		return time.Time{}
	case 2:
		return []time.Time{time.Unix(0, 0), {}, time.Unix(1, 0), now.Add(2 * time.Hour), now.Add(-30 * time.Hour), time.Unix(1<<40, 0), time.Unix(-1<<40, 0)}[r.number(7)]
	}
	return now.Add(time.Duration(r.number(64)-60) * time.Second)
}

func (r *byteReader) duration() *time.Duration {
	switch r.number(4) {
	case 0:
		return measured(float64(r.number(10) - 3))
	case 1:
		d := time.Duration(-1 << 63)
		return &d
	}
	return nil
}

func (r *byteReader) change(now time.Time) tracker.Change {
	return tracker.Change{
		System: r.text("github", "gitlab", ""), Instance: r.text("", "", "a"), Kind: tracker.Kind(r.number(int(tracker.Worker) + 2)), ID: r.text("1", "2", "3", "4", ""),
		Attempt: r.text("", "1"), RunID: r.text("", "1", "2"), State: tracker.State(r.number(int(tracker.Lost) + 2)),
		Time: r.time(now), Queued: r.time(now), Started: r.time(now), Ended: r.time(now), QueueTime: r.duration(), RunTime: r.duration(),
		QueuedUntilJob: r.yes(), NeverStarted: r.yes(), Reopens: r.number(4) == 0,
		Result:     r.text("", "success", "failure", "skip", "nonsense"),
		CommitTime: r.time(now), Anomalies: make([]tracker.Anomaly, r.number(2)), Tests: make([]tracker.TestCount, r.number(2)),
		Attributes: tracker.Attributes{
			Repository: r.text("", "a/b"), Commit: r.text("", "c"), RunnerClass: r.text("", "x", "y"), Environment: r.text("", "prod"), Retry: r.text("", "true"),
		},
	}
}

// gauges holds the values of gauges by name and attributes.
type gauges map[string]float64

func (g gauges) take(t *testing.T, events []metric.Event) {
	for _, e := range events {
		switch e.Name {
		case "ci runs active", "ci jobs active", "ci oldest job waiting", "ci workers":
			a := e.Attributes
			g[fmt.Sprint(e.Name, a["system"], a["runner_class"], a["state"])] = e.Value
		}
		if e.Value < 0 {
			t.Fatalf("got %+v, expected no negative value", e)
		}
	}
}

// signOff lets all workers that a byteReader can make go offline.
func (g gauges) signOff(t *testing.T, tr *tracker.Tracker, now time.Time) {
	for n := range 3 * 3 * 5 * 2 {
		c := tracker.Change{
			System: []string{"github", "gitlab", ""}[n%3], Instance: []string{"", "", "a"}[n/3%3], Kind: tracker.Worker,
			ID: []string{"1", "2", "3", "4", ""}[n/9%5], Attempt: []string{"", "1"}[n/45], State: tracker.Offline,
		}
		if events, outcome := tr.Apply(c, now); outcome == tracker.Accepted {
			g.take(t, events)
		}
	}
}

func (g gauges) mustBeZero(t *testing.T) {
	for name, v := range g {
		if v != 0 {
			t.Fatalf("got %s %g at the end, expected 0", name, v)
		}
	}
}

func sum(all []tracker.Count) (n uint64) {
	for _, c := range all {
		n += c.Count
	}
	return n
}

// FuzzTracker checks what is true of all sequences of changes.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(strings.Repeat("queued and started and ended", 30)))
	for n := range byte(40) {
		input := make([]byte, 1200)
		for i := range input {
			input[i] = byte(i*int(2*n+1)) + n + byte(i>>5)*7
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		countsOnce(t, input)
		staysWithinBounds(t, input)
	})
}

// countsOnce checks that each attempt is counted once, as long as nothing is forgotten.
func countsOnce(t *testing.T, input []byte) {
	tr, g, now, seen := tracker.New(tracker.Options{}), gauges{}, start, map[string]int{}
	for r := byteReader(input); len(r) > 0; now = now.Add(time.Second) {
		c := r.change(now)
		c.Reopens = false
		events, outcome := tr.Apply(c, now)
		if outcome != tracker.Accepted && len(events) > 0 {
			t.Fatalf("got %v although the outcome is %v", events, outcome)
		}
		g.take(t, events)
		for _, e := range events {
			if strings.HasSuffix(e.Name, "active") || strings.HasPrefix(e.Name, "ci worker") || e.Name == "ci last deployment" {
				continue
			}
			k := fmt.Sprintf("%s of %s %s %s/%s", e.Name, c.System, c.Instance, c.ID, c.Attempt)
			if e.Name == "ci run queue time" {
				k = fmt.Sprintf("%s of %s %s %s/%s", e.Name, c.System, c.Instance, e.Attributes["run_id"], c.Attempt)
			}
			if seen[k]++; seen[k] > 1 {
				t.Fatalf("got a second %s", k)
			}
		}
	}
	g.signOff(t, tr, now)
	g.take(t, tr.Tick(now.Add(31*24*time.Hour)))
	g.mustBeZero(t)
}

// staysWithinBounds checks the limits, and that the same calls have the same results.
func staysWithinBounds(t *testing.T, input []byte) {
	const maxObjects = 5
	var trackers [2]*tracker.Tracker
	for i := range trackers {
		trackers[i] = tracker.New(tracker.Options{
			MaxObjects: maxObjects, QueuedLimit: time.Minute, RunningLimit: 2 * time.Minute, Memory: 3 * time.Minute,
		})
	}
	g, now := gauges{}, start
	for r := byteReader(input); len(r) > 0; {
		var results [2][]metric.Event
		tick := r.number(4) == 0
		now = now.Add(time.Duration(r.number(100)*r.number(10)-50) * time.Second)
		c := r.change(now)
		for i, tr := range trackers {
			if tick {
				results[i] = tr.Tick(now)
			} else {
				results[i], _ = tr.Apply(c, now)
			}
		}
		if !reflect.DeepEqual(results[0], results[1]) {
			t.Fatalf("got %v and %v for the same calls", results[0], results[1])
		}
		g.take(t, results[0])
		if n := sum(trackers[0].Stats().Entries); n > maxObjects {
			t.Fatalf("got %d objects, expected at most %d", n, maxObjects)
		}
		if n := trackers[0].Groups(); n > 3*maxObjects {
			t.Fatalf("got %d groups, expected at most %d", n, 3*maxObjects)
		}
	}
	g.signOff(t, trackers[0], now)
	for range 2 { // expired objects are forgotten at the second tick
		now = now.Add(31 * 24 * time.Hour)
		g.take(t, trackers[0].Tick(now))
	}
	g.mustBeZero(t)
	if n, groups := sum(trackers[0].Stats().Entries), trackers[0].Groups(); n != 0 || !trackers[0].Empty() {
		t.Fatalf("got %d objects and %d groups at the end, expected none", n, groups)
	}
}
