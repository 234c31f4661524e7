package tracker_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/metric"
)

func TestTracker(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Tracker")
}

// start is when the tests begin.
var start = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// at returns the time some seconds after start.
func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// measured returns a duration measured by a CI system.
func measured(seconds float64) *time.Duration {
	d := time.Duration(seconds * float64(time.Second))
	return &d
}

// text returns the events as a page shows metrics, with the attributes in names.
func text(events []metric.Event, names ...string) []string {
	lines := []string{}
	for _, e := range events {
		var labels []string
		for _, name := range names {
			if v, ok := e.Attributes[name]; ok {
				labels = append(labels, fmt.Sprintf("%s=%q", name, v))
			}
		}
		line := e.Name
		if len(labels) > 0 {
			line += "{" + strings.Join(labels, ",") + "}"
		}
		lines = append(lines, fmt.Sprintf("%s %g", line, e.Value))
	}
	return lines
}

// counts returns the counts that are not 0, such as "github pending 1".
func counts(all []tracker.Count) []string {
	lines := []string{}
	for _, c := range all {
		if c.Count > 0 {
			lines = append(lines, fmt.Sprintf("%s %s %d", c.System, c.Name, c.Count))
		}
	}
	return lines
}

// job returns a change to a job of GitHub: it was queued at 0, started at 5 and ended
// at 9 seconds.
func job(id string, s tracker.State) tracker.Change {
	c := tracker.Change{
		System: "github", Kind: tracker.Job, ID: id, Attempt: "1", RunID: "7", State: s,
		Queued: at(0), Started: at(5), Ended: at(9),
		Attributes: tracker.Attributes{Repository: "octo-org/api", Pipeline: "CI", RunnerClass: "linux", Retry: "false"},
	}
	if s == tracker.Ended {
		c.Result = tracker.ResultSuccess
	}
	return c
}

// withoutRun returns a change like job, to a job whose run is unknown.
func withoutRun(id string, s tracker.State) tracker.Change {
	c := job(id, s)
	c.RunID = ""
	return c
}

// run returns a change to a run of GitHub: it was queued at 0 and ended at 60 seconds.
func run(id, attempt string, s tracker.State) tracker.Change {
	c := job(id, s)
	c.Kind, c.RunID, c.Attempt, c.QueuedUntilJob = tracker.Run, "", attempt, true
	c.Started, c.Ended = at(0), at(60)
	c.Attributes = tracker.Attributes{Repository: "octo-org/api", Pipeline: "CI", Trigger: "push", RefKind: "default", Branch: "main"}
	return c
}

// permutations returns all orders of the numbers less than n.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// inputs returns attributes that rules use as they are.
func inputs(attributes ...string) iter.Seq2[string, func(string) string] {
	return func(yield func(string, func(string) string) bool) {
		for _, attribute := range attributes {
			if !yield(attribute, nil) {
				return
			}
		}
	}
}
