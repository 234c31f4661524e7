package tracker_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/metric"
)

const (
	queued  = tracker.Queued
	blocked = tracker.Blocked
	started = tracker.Started
	ended   = tracker.Ended
)

var _ = Describe("Tracker", func() {
	var (
		options tracker.Options
		t       *tracker.Tracker
		now     time.Time
		create  func()
	)
	BeforeEach(func() {
		options, now = tracker.Options{}, at(10)
		create = func() { t = tracker.New(options) }
		create()
	})

	// apply applies a change and returns the events.
	apply := func(c tracker.Change) []metric.Event {
		GinkgoHelper()
		events, outcome := t.Apply(c, now)
		Expect(outcome).To(Equal(tracker.Accepted))
		return events
	}
	// rejected applies a change that has no effect and returns the outcome.
	rejected := func(c tracker.Change) tracker.Outcome {
		GinkgoHelper()
		events, outcome := t.Apply(c, now)
		Expect(events).To(BeEmpty())
		return outcome
	}
	entries := func() []string { return counts(t.Stats().Entries) }
	anomalies := func() []string { return counts(t.Stats().Anomalies) }

	Describe("the life of a job", func() {
		It("counts each state once, and observes its times", func() {
			Expect(text(apply(job("1", queued)), "runner_class", "state", "result")).To(Equal([]string{
				`ci job queued{runner_class="linux"} 1`,
				`ci jobs active{runner_class="linux",state="pending"} 1`,
			}))
			Expect(text(apply(job("1", started)), "state", "result")).To(Equal([]string{
				`ci job started 1`,
				`ci job queue time 5`,
				`ci jobs active{state="pending"} 0`,
				`ci jobs active{state="executing"} 1`,
			}))
			Expect(text(apply(job("1", ended)), "state", "result")).To(Equal([]string{
				`ci job finished{result="success"} 1`,
				`ci job run time{result="success"} 4`,
				`ci jobs active{state="executing"} 0`,
			}))
			Expect(entries()).To(Equal([]string{"github ended 2"})) // with its run
		})

		It("counts the same in any order, and repeats have no effect", func() {
			for _, order := range permutations(3) {
				create()
				got := map[string]float64{}
				for range 2 {
					for _, i := range order {
						events, _ := t.Apply(job("1", []tracker.State{queued, started, ended}[i]), now)
						for _, e := range events {
							if e.Name == "ci jobs active" {
								got["active "+e.Attributes["state"]] = e.Value
							} else {
								got[e.Name] += e.Value
							}
						}
					}
				}
				for _, e := range t.Tick(now) {
					Expect(e.Name).To(Equal("ci oldest job waiting"))
					Expect(e.Value).To(BeZero())
				}
				Expect(got["active pending"] + got["active executing"]).To(BeZero())
				delete(got, "active pending")
				delete(got, "active executing")
				Expect(got).To(Equal(map[string]float64{
					"ci job queued": 1, "ci job started": 1, "ci job finished": 1, "ci job queue time": 5, "ci job run time": 4,
				}), fmt.Sprint(order))
			}
		})

		It("reports whether a change without an effect was a repeat or late", func() {
			apply(job("1", started))
			Expect(rejected(job("1", started))).To(Equal(tracker.Duplicate))
			Expect(rejected(job("1", queued))).To(Equal(tracker.Stale))
			apply(job("1", ended))
			Expect(rejected(job("1", ended))).To(Equal(tracker.Duplicate))
			Expect(rejected(job("1", started))).To(Equal(tracker.Stale))
		})

		It("keeps objects apart that differ in system, instance, kind, ID or attempt", func() {
			one := job("1", queued)
			apply(one)
			for _, change := range []func(*tracker.Change){
				func(c *tracker.Change) { c.System = "gitea" },
				func(c *tracker.Change) { c.Instance = "git.example.com" },
				func(c *tracker.Change) { c.Kind = tracker.Run },
				func(c *tracker.Change) { c.ID = "2" },
				func(c *tracker.Change) { c.Attempt = "2" },
				func(c *tracker.Change) { c.ID, c.Attempt = "11", "" },
				func(c *tracker.Change) { c.ID, c.Attempt = "", "11" },
			} {
				other := one
				if change(&other); other.ID != "" {
					apply(other)
				}
			}
		})

		It("ignores changes that do not say what they are about", func() {
			for _, change := range []func(*tracker.Change){
				func(c *tracker.Change) { c.System = "" },
				func(c *tracker.Change) { c.ID = "" },
				func(c *tracker.Change) { c.Kind = 0 },
				func(c *tracker.Change) { c.Kind = tracker.Worker + 1 },
				func(c *tracker.Change) { c.Kind = tracker.Worker },
				func(c *tracker.Change) { c.Kind, c.State = tracker.Worker, tracker.Lost+1 },
				func(c *tracker.Change) { c.State = 0 },
				func(c *tracker.Change) { c.State = tracker.Available },
			} {
				c := job("1", queued)
				change(&c)
				Expect(rejected(c)).To(Equal(tracker.Ignored))
			}
			Expect(entries()).To(BeEmpty())
		})

		It("observes no times of a skipped job, but counts anomalies", func() {
			c := job("1", ended)
			c.Result, c.Started, c.Ended = tracker.ResultSkip, at(-1), at(-1)
			Expect(text(apply(c), "result", "error_type")).To(Equal([]string{
				`ci job queued 1`,
				`ci job finished{result="skip"} 1`,
			}))
			Expect(anomalies()).To(Equal([]string{"github negative_queue 1"}))
		})

		It("observes no times of a job that was cancelled in the queue", func() {
			apply(job("1", queued))
			c := job("1", ended)
			c.Result, c.NeverStarted, c.Started, c.QueueTime = tracker.ResultCancellation, true, at(0), measured(9)
			Expect(text(apply(c), "result", "state")).To(Equal([]string{
				`ci job finished{result="cancellation"} 1`,
				`ci jobs active{state="pending"} 0`,
			}))
			Expect(anomalies()).To(BeEmpty())
			Expect(rejected(job("1", started))).To(Equal(tracker.Stale))
		})

		It("counts the start of a job whose start was seen, even if its end denies that", func() {
			c := job("1", started)
			c.NeverStarted = true // has no meaning yet
			Expect(text(apply(c))).To(ContainElement("ci job queue time 5"))
			c = job("1", ended)
			c.NeverStarted = true
			Expect(text(apply(c))).To(Equal([]string{"ci job finished 1", "ci jobs active 0"}))
		})

		It("does not take times of later states for true", func() {
			c := job("1", queued)
			c.Started, c.Ended = at(0), at(0)
			apply(c)
			Expect(text(apply(job("1", started)))).To(ContainElement("ci job queue time 5"))
		})

		It("prefers the durations that the CI system measured", func() {
			c := job("1", ended)
			c.QueueTime, c.RunTime = measured(3.25), measured(0.5)
			Expect(text(apply(c))).To(ContainElements("ci job queue time 3.25", "ci job run time 0.5"))
		})

		It("observes the queue time at the end if it was unknown at the start", func() {
			c := job("1", started)
			c.Queued, c.Started = time.Time{}, time.Time{}
			Expect(text(apply(c))).To(Equal([]string{"ci job queued 1", "ci job started 1", "ci jobs active 1"}))
			c = job("1", ended)
			c.Queued, c.Started, c.QueueTime = time.Time{}, time.Time{}, measured(2)
			Expect(text(apply(c))).To(Equal([]string{"ci job queue time 2", "ci job finished 1", "ci jobs active 0"}))
		})

		It("remembers times that later changes do not repeat", func() {
			apply(job("1", queued))
			c := job("1", started)
			c.Queued = time.Time{}
			Expect(text(apply(c))).To(ContainElement("ci job queue time 5"))
			c = job("1", ended)
			c.Queued, c.Started = time.Time{}, time.Time{}
			Expect(text(apply(c))).To(ContainElement("ci job run time 4"))
		})

		It("uses the time of the change for the time of its state", func() {
			for i, s := range []tracker.State{queued, started, ended} {
				c := job("1", s)
				c.Queued, c.Started, c.Ended, c.Time = time.Time{}, time.Time{}, time.Time{}, at(float64(i*i))
				events := apply(c)
				Expect(events[0].Time).To(Equal(at(float64(i * i))))
				if s == ended {
					Expect(text(events)).To(ContainElement("ci job run time 3"))
				}
			}
		})

		It("uses the time of the delivery if the time of the queueing is unknown", func() {
			c := job("1", queued)
			c.Queued, now = time.Time{}, at(1)
			apply(c)
			c = job("1", started)
			c.Queued, now = time.Time{}, at(10)
			Expect(text(apply(c))).To(ContainElement("ci job queue time 4"))
		})

		It("observes nothing if all times are unknown", func() {
			c := job("1", ended)
			c.Queued, c.Started, c.Ended = time.Time{}, time.Time{}, time.Time{}
			events := apply(c)
			Expect(text(events)).To(Equal([]string{"ci job queued 1", "ci job started 1", "ci job finished 1"}))
			Expect(events[0].Time).To(Equal(now))
		})

		It("allows for rounding, and drops durations that are more negative", func() {
			for i, c := range []struct {
				queue, run float64
				want       []string
			}{
				{-1, -2, []string{"ci job queue time 0", "ci job run time 0"}},
				{-2.1, 1, []string{"ci job run time 1"}},
				{1, -3, []string{"ci job queue time 1"}},
			} {
				change := job(fmt.Sprint(i), ended)
				change.Queued, change.Ended = change.Started.Add(-*measured(c.queue)), change.Started.Add(*measured(c.run))
				var got []string
				for _, line := range text(apply(change)) {
					if line != "ci job queued 1" && line != "ci job started 1" && line != "ci job finished 1" {
						got = append(got, line)
					}
				}
				Expect(got).To(Equal(c.want))
			}
			Expect(anomalies()).To(Equal([]string{"github negative_queue 2", "github negative_duration 2"}))
		})

		It("removes and counts times that cannot be right, once", func() {
			c := job("1", ended)
			c.Queued, c.Started, c.Ended = time.Unix(0, 0), time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), now.Add(time.Hour+1)
			c.Anomalies = []tracker.Anomaly{tracker.Unreadable, math.MaxUint8}
			events := apply(c)
			Expect(text(events)).To(Equal([]string{"ci job queued 1", "ci job started 1", "ci job finished 1"}))
			want := []string{"github future 1", "github epoch 1", "github unreadable 1"}
			Expect(anomalies()).To(Equal(want))
			Expect(rejected(c)).To(Equal(tracker.Duplicate))
			Expect(anomalies()).To(Equal(want))
		})

		It("has all attributes that are known", func() {
			c := job("1", ended)
			c.Instance, c.Result = "git.example.com", tracker.ResultFailure
			c.Attributes = tracker.Attributes{
				Owner: "octo-org", Repository: "octo-org/api", Pipeline: "CI", Branch: "main", RefKind: "default", Trigger: "push", Retry: "true",
				Commit: "abc", URL: "https://git.example.com/1", Job: "test", RunnerClass: "linux", RunnerGroup: "large", Worker: "runner-1",
				ErrorType: "script_failure", RawResult: "failed", Environment: "prod", Tier: "production", Service: "api",
			}
			events := apply(c)
			common := map[string]string{
				"system": "github", "instance": "git.example.com", "owner": "octo-org", "repository": "octo-org/api", "pipeline": "CI",
				"branch": "main", "ref_kind": "default", "trigger": "push", "retry": "true", "commit": "abc", "url": "https://git.example.com/1",
				"run_id": "7", "attempt": "1", "job_id": "1", "job": "test", "runner_class": "linux", "runner_group": "large", "worker": "runner-1",
				"environment": "prod", "tier": "production", "service": "api",
			}
			Expect(events[0].Attributes).To(Equal(common))
			Expect(events[2].Name).To(Equal("ci job queue time"))
			Expect(events[2].Attributes).To(Equal(common))
			common["result"], common["raw_result"], common["error_type"] = "failure", "failed", "script_failure"
			Expect(events[3].Attributes).To(Equal(common))
		})

		It("has an error type only if there was an error, and a result in any case", func() {
			for i, c := range []struct{ result, errorType, want string }{
				{tracker.ResultFailure, "script_failure", `ci job finished{result="failure",error_type="script_failure"} 1`},
				{tracker.ResultTimeout, "", `ci job finished{result="timeout",error_type="_OTHER"} 1`},
				{tracker.ResultSuccess, "unknown_failure", `ci job finished{result="success"} 1`},
				{"", "x", `ci job finished{result="other"} 1`},
			} {
				change := job(fmt.Sprint(i), ended)
				change.Result, change.Attributes.ErrorType = c.result, c.errorType
				Expect(text(apply(change), "result", "error_type")).To(ContainElement(c.want))
			}
		})
	})

	Describe("a job that waits for an approval", func() {
		change := func(s tracker.State, seconds float64) tracker.Change {
			c := job("1", s)
			c.Time, c.Started, c.Ended = at(seconds), at(100), at(109)
			return c
		}
		BeforeEach(func() { now = at(200) })

		It("is blocked, and queued again when it is released", func() {
			apply(change(queued, 0))
			Expect(text(apply(change(blocked, 1)), "state")).To(Equal([]string{`ci jobs active{state="pending"} 0`, `ci jobs active{state="blocked"} 1`}))
			Expect(entries()).To(Equal([]string{"github blocked 1"}))
			Expect(text(t.Tick(now), "state")).To(Equal([]string{`ci jobs active{state="blocked"} 1`}))
			Expect(text(apply(change(queued, 90)), "state")).To(Equal([]string{`ci jobs active{state="blocked"} 0`, `ci jobs active{state="pending"} 1`}))
			Expect(text(apply(change(started, 100)))).To(ContainElement("ci job queue time 10"))
		})

		It("has no queue time if the time of the release is that of the block", func() {
			apply(change(blocked, 1))
			c := change(queued, 1)
			apply(c)
			Expect(text(t.Tick(now))).To(ContainElement("ci oldest job waiting 0"))
			Expect(text(apply(change(started, 100)))).To(Equal([]string{"ci job started 1", "ci jobs active 0", "ci jobs active 1"}))
			Expect(text(apply(change(ended, 109)))).To(Equal([]string{"ci job finished 1", "ci job run time 9", "ci jobs active 0"}))
		})

		It("is queued from the delivery of the release on if the time of the release is unknown", func() {
			now = at(2)
			apply(change(blocked, 1))
			now = at(90)
			c := change(queued, 0)
			c.Time, c.Queued = time.Time{}, at(0) // the creation
			apply(c)
			Expect(text(t.Tick(at(93)))).To(ContainElement("ci oldest job waiting 3"))
			now = at(101)
			Expect(text(apply(change(started, 100)))).To(ContainElement("ci job queue time 10"))
		})

		It("has no queue time if the release was not delivered, unless the system measured it", func() {
			apply(change(blocked, 1))
			Expect(text(apply(change(started, 100)))).NotTo(ContainElement(ContainSubstring("queue time")))
			c := change(ended, 109)
			c.QueueTime = measured(3)
			Expect(text(apply(c))).To(ContainElement("ci job queue time 3"))
		})

		It("stays released if the change to blocked is repeated", func() {
			apply(change(blocked, 1))
			apply(change(queued, 90))
			Expect(rejected(change(blocked, 1))).To(Equal(tracker.Duplicate))
			Expect(text(apply(change(started, 100)))).To(ContainElement("ci job queue time 10"))
		})

		It("has no queue time if it was blocked for so long that it was forgotten", func() {
			apply(change(blocked, 1))
			now = now.Add(25 * time.Hour)
			t.Tick(now)
			now = now.Add(14 * 24 * time.Hour)
			t.Tick(now)
			Expect(entries()).To(Equal([]string{"github ended 1"}))
			now = now.Add(1)
			t.Tick(now)
			Expect(entries()).To(BeEmpty())
			c := job("1", started)
			c.Started, now = now, now.Add(time.Second)
			Expect(text(apply(c))).To(Equal([]string{"ci job queued 1", "ci job started 1", "ci jobs active 1"}))
			r := run("7", "1", started)
			r.Started = now
			Expect(text(apply(r))).To(Equal([]string{"ci run queued 1", "ci run started 1", "ci runs active 1"}))
		})

		It("is pending again when an approval is given after days, without being counted again", func() {
			requested, given := at(1), at(1).Add(70*time.Hour) // from Friday to Monday
			r := run("7", "1", queued)
			r.Time = at(0)
			apply(r)
			apply(change(queued, 0))
			apply(change(blocked, 1))
			for now = requested; now.Before(given); now = now.Add(time.Hour) {
				t.Tick(now)
			}
			Expect(counts(t.Stats().Expired)).To(Equal([]string{"github pending 1", "github blocked 1"}))
			Expect(entries()).To(Equal([]string{"github ended 2"}))

			now = given.Add(time.Second)
			c := change(queued, 0)
			c.Time = given
			Expect(text(apply(c), "state")).To(Equal([]string{`ci jobs active{state="pending"} 1`}))
			Expect(text(t.Tick(now))).To(Equal([]string{"ci jobs active 1", "ci oldest job waiting 1"}))
			c.State, c.Started, now = started, given.Add(5*time.Second), given.Add(6*time.Second)
			c.Time = c.Started
			Expect(text(apply(c))).To(Equal([]string{"ci job started 1", "ci job queue time 5", "ci jobs active 0", "ci jobs active 1"}))
			r.State, r.Started, r.Time = started, c.Started, c.Started
			Expect(text(apply(r))).To(Equal([]string{"ci run started 1", "ci runs active 1"}))
		})

		It("has a queue time longer than QueuedLimit if only the start was delivered", func() {
			options.QueuedLimit = time.Second
			create()
			Expect(text(apply(job("1", started)))).To(ContainElement("ci job queue time 5"))
		})

		It("is blocked again if it waits for another approval", func() {
			apply(change(blocked, 1))
			apply(change(queued, 50))
			Expect(text(apply(change(blocked, 51)), "state")).To(ContainElement(`ci jobs active{state="blocked"} 1`))
			apply(change(queued, 90))
			Expect(text(apply(change(started, 100)))).To(ContainElement("ci job queue time 10"))
		})

		It("stays blocked if an older change to queued arrives late", func() {
			apply(change(blocked, 1))
			Expect(rejected(change(queued, 0))).To(Equal(tracker.Stale))
			Expect(rejected(change(blocked, 1))).To(Equal(tracker.Duplicate))
		})
	})

	Describe("a job that leaves the queue before it starts", func() {
		left := withoutRun("1", queued)
		left.Dequeued, left.Time = true, at(4)

		It("counts the same in any order", func() {
			changes := []tracker.Change{withoutRun("1", queued), left, withoutRun("1", started), withoutRun("1", ended)}
			for _, order := range permutations(len(changes)) {
				create()
				var events []metric.Event
				for _, i := range order {
					caused, _ := t.Apply(changes[i], now)
					events = append(events, caused...)
				}
				events = slices.DeleteFunc(events, func(e metric.Event) bool { return e.Name == "ci jobs active" })
				Expect(text(events)).To(ConsistOf("ci job queued 1", "ci job started 1", "ci job queue time 5", "ci job finished 1", "ci job run time 4"), "%v", order)
				Expect(text(t.Tick(now))).To(BeEmpty())
			}
		})

		It("is not active until it starts", func() {
			apply(withoutRun("1", queued))
			Expect(text(apply(left), "state")).To(Equal([]string{`ci jobs active{state="pending"} 0`}))
			Expect(rejected(left)).To(Equal(tracker.Duplicate))
			Expect(rejected(withoutRun("1", queued))).To(Equal(tracker.Duplicate))
			Expect(t.Tick(now)).To(BeEmpty())
			Expect(text(apply(withoutRun("1", started)), "state")).To(ContainElement(`ci jobs active{state="executing"} 1`))
		})
	})

	Describe("a run of GitHub", func() {
		It("is queued until its first job starts", func() {
			Expect(text(apply(run("7", "1", queued)), "state")).To(Equal([]string{`ci run queued 1`, `ci runs active{state="pending"} 1`}))
			apply(job("1", queued))
			events := apply(job("1", started))
			Expect(text(events, "trigger", "run_id", "job_id")).To(ContainElement(`ci run queue time{trigger="push",run_id="7"} 5`))
			Expect(text(apply(job("2", started)))).NotTo(ContainElement(ContainSubstring("run queue")))
			Expect(text(apply(run("7", "1", started)))).To(Equal([]string{"ci run started 1", "ci runs active 0", "ci runs active 1"}))
			Expect(text(apply(run("7", "1", ended)), "result")).To(Equal([]string{
				`ci run finished{result="success"} 1`, `ci run time{result="success"} 60`, `ci runs active 0`,
			}))
		})

		It("has the same queue time if its jobs were delivered first", func() {
			later := job("1", started)
			later.Started = at(8)
			apply(later)
			apply(job("2", ended))
			Expect(text(apply(run("7", "1", started)), "trigger", "job_id")).To(Equal([]string{
				`ci run queued{trigger="push"} 1`, `ci run started{trigger="push"} 1`, `ci run queue time{trigger="push"} 5`, `ci runs active 1`,
			}))
		})

		It("has no queue time if no job started", func() {
			c := job("1", ended)
			c.NeverStarted = true
			apply(c)
			skipped := run("7", "1", ended)
			skipped.Result = tracker.ResultSkip
			Expect(text(apply(skipped))).To(Equal([]string{"ci run queued 1", "ci run finished 1"}))
			Expect(text(apply(job("2", started)))).NotTo(ContainElement(ContainSubstring("run queue")))
		})

		It("has no queue time if its first job waited for an approval", func() {
			for _, runFirst := range []bool{true, false} {
				create()
				if runFirst {
					apply(run("7", "1", queued))
				}
				c := job("1", blocked)
				c.Time = at(1)
				apply(c)
				Expect(text(apply(job("1", started)))).NotTo(ContainElement(ContainSubstring("run queue time")))
				Expect(text(apply(job("2", started)))).NotTo(ContainElement(ContainSubstring("run queue time")))
				Expect(text(apply(run("7", "1", ended)))).NotTo(ContainElement(ContainSubstring("run queue time")))
			}
		})

		It("has a queue time if a job that is not the first one waits for an approval", func() {
			c := job("2", blocked)
			c.Time = at(1)
			apply(c)
			apply(job("1", started))
			apply(job("2", started))
			Expect(text(apply(run("7", "1", started)))).To(ContainElement("ci run queue time 5"))
		})

		It("gives its jobs the attributes that they lack", func() {
			apply(run("7", "1", queued))
			c := job("1", queued)
			c.Attributes.Pipeline = ""
			Expect(text(apply(c), "pipeline", "branch", "ref_kind", "trigger")[0]).To(Equal(
				`ci job queued{pipeline="CI",branch="main",ref_kind="default",trigger="push"} 1`))
		})

		It("has a time of its own for each attempt", func() {
			apply(run("7", "1", ended))
			again := run("7", "2", ended)
			again.Queued, again.Started, again.Ended = at(1200), at(1200), at(1503)
			now = at(1600)
			Expect(text(apply(again))).To(ContainElement("ci run time 303"))
		})

		It("ignores jobs of an earlier attempt that are repeated", func() {
			again := run("7", "2", queued)
			again.Queued, now = at(1200), at(1600)
			apply(again)
			inherited := job("1", ended)
			inherited.Attempt, inherited.Attributes.Retry = "2", "true"
			Expect(rejected(inherited)).To(Equal(tracker.Ignored))
			inherited.NeverStarted, inherited.Queued, inherited.Started = true, at(1200), time.Time{}
			Expect(rejected(inherited)).To(Equal(tracker.Ignored))
			other := job("2", ended)
			other.Attributes.Retry = "true"
			other.Attempt, other.Queued, other.Started, other.Ended = "2", at(1200), at(1199), at(1300)
			apply(other)
		})
	})

	It("does not ignore jobs that started before the first delivery about their run", func() {
		for _, state := range []tracker.State{queued, blocked, started} {
			create()
			c := run("7", "2", state)
			c.Queued, c.Started, c.Time = time.Time{}, time.Time{}, time.Time{}
			if state == started {
				c.Time = at(9)
			}
			apply(c)
			c = job("1", started)
			c.Attempt, c.Attributes.Retry = "2", "true"
			apply(c)
		}
	})

	It("does not ignore jobs of a first attempt, whatever their times", func() {
		c := run("7", "1", queued)
		c.Queued = at(100)
		apply(c)
		apply(job("1", started))
	})

	Describe("a pipeline of GitLab", func() {
		change := func(s tracker.State, endedAt float64) tracker.Change {
			c := tracker.Change{
				System: "gitlab", Kind: tracker.Run, ID: "31", State: s, Queued: at(0), Reopens: true, Result: tracker.ResultFailure,
				Attributes: tracker.Attributes{Repository: "gitlab-org/gitlab-test", Retry: "false"},
			}
			if s >= started {
				c.QueueTime = measured(12)
			}
			if s == ended {
				c.Ended, c.RunTime = at(endedAt), measured(endedAt/2)
			}
			return c
		}
		BeforeEach(func() { now = at(1000) })

		It("can start and end again", func() {
			for _, s := range []tracker.State{queued, started} {
				apply(change(s, 0))
			}
			Expect(text(apply(change(ended, 180)), "retry")).To(Equal([]string{
				`ci run finished{retry="false"} 1`, `ci run time{retry="false"} 90`, `ci runs active 0`}))
			Expect(rejected(change(ended, 180))).To(Equal(tracker.Duplicate))
			Expect(text(apply(change(started, 0)), "retry", "state")).To(Equal([]string{`ci run started{retry="true"} 1`, `ci runs active{state="executing"} 1`}))
			Expect(rejected(change(started, 0))).To(Equal(tracker.Duplicate))
			Expect(rejected(change(ended, 180))).To(Equal(tracker.Stale))
			Expect(rejected(change(ended, 170))).To(Equal(tracker.Stale))
			Expect(text(apply(change(ended, 780)), "retry")).To(Equal([]string{
				`ci run finished{retry="true"} 1`, `ci run time{retry="true"} 390`, `ci runs active 0`}))
			Expect(rejected(change(ended, 180))).To(Equal(tracker.Duplicate))
		})

		It("does not start again because its start is delivered late", func() {
			apply(change(ended, 180))
			Expect(rejected(change(queued, 0))).To(Equal(tracker.Stale))
			Expect(rejected(change(started, 0))).To(Equal(tracker.Stale))
		})

		It("starts again if the payload has a time after its end, and not if it has none", func() {
			for _, s := range []tracker.State{started, ended} {
				apply(change(s, 180))
			}
			c := change(started, 0)
			c.Time = at(180)
			Expect(rejected(c)).To(Equal(tracker.Stale))
			c = change(queued, 0)
			c.Time = at(181)
			Expect(text(apply(c), "state")).To(Equal([]string{`ci runs active{state="pending"} 1`}))
			c = change(started, 0)
			c.Time = at(190)
			Expect(text(apply(c), "state")).To(Equal([]string{
				`ci run started 1`, `ci runs active{state="pending"} 0`, `ci runs active{state="executing"} 1`}))
		})

		It("starts again after an end at an unknown time only if the first start was delivered", func() {
			for _, first := range []tracker.State{queued, started} {
				create()
				apply(change(first, 0))
				c := change(ended, 0)
				c.Ended = time.Time{}
				apply(c)
				c = change(started, 0)
				c.Time = at(500)
				_, outcome := t.Apply(c, now)
				Expect(outcome == tracker.Accepted).To(Equal(first == started))
			}
		})

		It("does not take a late start for the second one", func() {
			apply(change(ended, 180))
			c := change(queued, 0)
			c.Time = at(190)
			apply(c)
			c = change(started, 0)
			c.Time = at(12)
			Expect(rejected(c)).To(Equal(tracker.Stale))
		})

		It("has no queue time when it starts again, even if the first one was not delivered", func() {
			c := change(ended, 180)
			c.QueueTime = nil
			apply(c)
			Expect(text(apply(change(ended, 780)))).To(Equal([]string{"ci run started 1", "ci run finished 1", "ci run time 390"}))
		})

		It("counts a later end if the start between is lost, and observes no time across both", func() {
			c := change(ended, 180)
			c.Started = at(12)
			apply(c)
			c = change(ended, 780)
			c.Started, c.RunTime = at(12), nil
			Expect(text(apply(c), "retry")).To(Equal([]string{`ci run started{retry="true"} 1`, `ci run finished{retry="true"} 1`}))
		})

		It("ends for good if the system does not start objects again", func() {
			c := change(ended, 180)
			c.Reopens = false
			apply(c)
			c.Ended = at(780)
			Expect(rejected(c)).To(Equal(tracker.Duplicate))
		})
	})

	Describe("a deployment", func() {
		change := func(id string, s tracker.State, seconds float64) tracker.Change {
			return tracker.Change{
				System: "github", Kind: tracker.Deployment, ID: id, State: s, Time: at(seconds), Result: tracker.ResultSuccess,
				Attributes: tracker.Attributes{Repository: "octo-org/api", Environment: "prod", Commit: "abc"},
			}
		}
		BeforeEach(func() { now = at(1000) })

		It("is counted when it ends, with its time and the time since the commit", func() {
			c := run("7", "1", queued)
			c.Attributes.Commit, c.CommitTime = "abc", at(-600)
			apply(c)
			Expect(apply(change("1", queued, 0))).To(BeEmpty())
			Expect(apply(change("1", started, 60))).To(BeEmpty())
			Expect(text(apply(change("1", ended, 100)), "environment", "result")).To(Equal([]string{
				`ci deployment finished{environment="prod",result="success"} 1`,
				`ci deployment run time{environment="prod",result="success"} 40`,
				fmt.Sprintf(`ci last deployment{environment="prod",result="success"} %g`, float64(at(100).Unix())),
				`ci change lead time{environment="prod",result="success"} 700`,
			}))
			Expect(rejected(change("1", ended, 100))).To(Equal(tracker.Duplicate))
			Expect(t.Tick(now)).To(HaveLen(1)) // the run
		})

		It("has no lead time if it failed, or if the commit is unknown or newer", func() {
			c := run("7", "1", queued)
			c.Attributes.Commit, c.CommitTime = "abc", at(500)
			apply(c)
			failed := change("1", ended, 600)
			failed.Result = tracker.ResultFailure
			Expect(text(apply(failed))).To(Equal([]string{"ci deployment finished 1"}))
			unknown := change("2", ended, 600)
			unknown.Attributes.Commit = "def"
			Expect(text(apply(unknown))).To(HaveLen(2))
			Expect(text(apply(change("3", ended, 100)))).To(Equal([]string{"ci deployment finished 1"})) // before its commit
			Expect(anomalies()).To(Equal([]string{"github negative_duration 1"}))
		})

		It("does not set the time of the last deployment back", func() {
			for _, seconds := range []float64{600, 700} {
				Expect(text(apply(change(fmt.Sprint(seconds), ended, seconds)))).To(HaveLen(2))
			}
			Expect(text(apply(change("late", ended, 650)))).To(HaveLen(1))
			elsewhere := change("elsewhere", ended, 650)
			elsewhere.Attributes.Environment = "staging"
			Expect(text(apply(elsewhere))).To(HaveLen(2))
		})

		It("does not set the time of the last deployment to a time in the future", func() {
			ahead := change("ahead", ended, now.Sub(start).Seconds()+1800)
			Expect(text(apply(ahead))).To(ContainElement(fmt.Sprintf("ci last deployment %g", float64(now.Unix()))))
			now = now.Add(time.Minute)
			Expect(text(apply(change("later", ended, now.Sub(start).Seconds())))).To(ContainElement(fmt.Sprintf("ci last deployment %g", float64(now.Unix()))))
		})

		It("remembers a bounded number of commits, for a while", func() {
			c := run("7", "1", queued)
			c.CommitTime = at(-600)
			for i := range 50_001 {
				c.ID, c.Attributes.Commit = fmt.Sprint(i), fmt.Sprint(i)
				apply(c)
			}
			leadTimes := func() []string {
				var lines []string
				for _, commit := range []string{"0", "1", "50000"} {
					d := change(commit+now.String(), ended, now.Sub(start).Seconds())
					d.Attributes.Commit = commit
					for _, line := range text(apply(d), "commit") {
						if line[:9] == "ci change" {
							lines = append(lines, line)
						}
					}
				}
				return lines
			}
			Expect(leadTimes()).To(HaveLen(2)) // not of the first
			now = now.Add(14 * 24 * time.Hour)
			t.Tick(now)
			Expect(leadTimes()).To(HaveLen(2))
			now = now.Add(time.Second)
			t.Tick(now)
			Expect(t.Times()).To(BeZero())
			Expect(leadTimes()).To(BeEmpty())
		})
	})

	Describe("a worker", func() {
		const active = `ci workers{queue="default",state=%q} %d`
		worker := func(id string, s tracker.State, seconds float64) tracker.Change {
			return tracker.Change{
				System: "buildkite", Kind: tracker.Worker, ID: id, State: s, Time: at(seconds), Attributes: tracker.Attributes{Worker: "agent-" + id, Queue: "default"},
			}
		}
		states := func(events []metric.Event) []string { return text(events, "queue", "state") }

		It("is counted in the state that it entered last", func() {
			Expect(states(apply(worker("1", tracker.Available, 0)))).To(Equal([]string{fmt.Sprintf(active, "available", 1)}))
			Expect(states(apply(worker("2", tracker.Busy, 0)))).To(Equal([]string{fmt.Sprintf(active, "busy", 1)}))
			Expect(states(apply(worker("2", tracker.Available, 2)))).To(Equal([]string{fmt.Sprintf(active, "busy", 0), fmt.Sprintf(active, "available", 2)}))
			Expect(rejected(worker("2", tracker.Offline, 1))).To(Equal(tracker.Stale))
			Expect(rejected(worker("2", tracker.Available, 3))).To(Equal(tracker.Duplicate))
			Expect(counts(t.Stats().Entries)).To(Equal([]string{"buildkite available 2"}))
		})

		It("is counted as lost once, if it did not sign off", func() {
			apply(worker("1", tracker.Available, 0))
			Expect(states(apply(worker("1", tracker.Lost, 1)))).To(Equal([]string{
				`ci worker lost{queue="default"} 1`, fmt.Sprintf(active, "available", 0), fmt.Sprintf(active, "offline", 1),
			}))
			Expect(rejected(worker("1", tracker.Lost, 1))).To(Equal(tracker.Duplicate))
			Expect(states(apply(worker("1", tracker.Offline, 2)))).To(HaveEach(HavePrefix("ci workers")))
		})

		It("takes effect when it is delivered, if the time is unknown", func() {
			c := worker("1", tracker.Available, 0)
			c.Time = time.Time{}
			apply(c)
			c.State = tracker.Offline
			apply(c)
			Expect(rejected(worker("1", tracker.Available, 0))).To(Equal(tracker.Stale))
		})

		It("leaves the gauge ten minutes after it went offline, and not before", func() {
			apply(worker("1", tracker.Offline, 0))
			apply(worker("2", tracker.Available, 0))
			Expect(states(t.Tick(now.Add(10 * time.Minute)))).To(ContainElement(fmt.Sprintf(active, "offline", 1)))
			Expect(states(t.Tick(now.Add(10*time.Minute + 1)))).To(Equal([]string{fmt.Sprintf(active, "offline", 0), fmt.Sprintf(active, "available", 1)}))
			Expect(states(t.Tick(now.Add(100 * 24 * time.Hour)))).To(Equal([]string{fmt.Sprintf(active, "available", 1)}))
			Expect(counts(t.Stats().Expired)).To(BeEmpty())
			Expect(counts(t.Stats().Entries)).To(Equal([]string{"buildkite available 1"}))
		})
	})

	Describe("an incident", func() {
		incident := func(s tracker.State, seconds float64) tracker.Change {
			c := tracker.Change{System: "cdevents", Kind: tracker.Incident, ID: "1", State: s, Attributes: tracker.Attributes{Environment: "production", Service: "api"}}
			if s == started {
				c.Started = at(seconds)
			} else {
				c.Ended = at(seconds)
			}
			return c
		}

		It("is counted when it is opened and resolved, with the time between", func() {
			labels := `{environment="production",service="api"}`
			Expect(text(apply(incident(started, 0)), "environment", "service", "result")).To(Equal([]string{"ci incident opened" + labels + " 1"}))
			Expect(rejected(incident(started, 1))).To(Equal(tracker.Duplicate))
			Expect(text(apply(incident(ended, 9)), "environment", "service", "result")).To(Equal([]string{
				"ci incident resolved" + labels + " 1", "ci incident time to restore" + labels + " 9",
			}))
		})

		It("can last for weeks", func() {
			apply(incident(started, 0))
			now = now.Add(29 * 24 * time.Hour)
			t.Tick(now)
			Expect(counts(t.Stats().Expired)).To(BeEmpty())
			Expect(text(apply(incident(ended, 29*86400)))).To(ContainElement(HavePrefix("ci incident time to restore 2.5056e+06")))
		})
	})

	Describe("tests", func() {
		It("are counted once, when what ran them has ended", func() {
			c := run("1", "1", started)
			c.Tests = []tracker.TestCount{{Outcome: "passed", Count: 8}, {Outcome: "failed", Suite: "unit", Count: 2}, {Outcome: "skipped"}}
			Expect(text(apply(c))).NotTo(ContainElement(HavePrefix("ci tests")))
			c.State, c.Result = ended, tracker.ResultFailure
			Expect(text(apply(c), "repository", "outcome", "suite", "result")).To(ContainElements(
				`ci tests finished{repository="octo-org/api",outcome="passed"} 8`, `ci tests finished{repository="octo-org/api",outcome="failed",suite="unit"} 2`,
			))
			Expect(rejected(c)).To(Equal(tracker.Duplicate))
		})

		It("can be reported one by one", func() {
			c := tracker.Change{System: "cdevents", Kind: tracker.TestCase, ID: "1", State: started, Started: at(0)}
			Expect(apply(c)).To(BeEmpty())
			c.State, c.Ended, c.Tests = ended, at(1), []tracker.TestCount{{Outcome: "passed", Count: 1}}
			Expect(text(apply(c), "outcome")).To(Equal([]string{`ci tests finished{outcome="passed"} 1`}))
			Expect(rejected(c)).To(Equal(tracker.Duplicate))
		})
	})

	Describe("gauges", func() {
		It("are repeated at each tick, and set to 0 once", func() {
			apply(job("1", queued))
			apply(job("2", queued))
			apply(job("3", started))
			now = at(20)
			for range 2 {
				Expect(text(t.Tick(now), "state", "runner_class")).To(Equal([]string{
					`ci jobs active{state="pending",runner_class="linux"} 2`,
					`ci jobs active{state="executing",runner_class="linux"} 1`,
					`ci oldest job waiting{runner_class="linux"} 20`,
				}))
			}
			apply(job("1", ended))
			apply(job("2", ended))
			Expect(text(apply(job("3", ended)), "state")).To(ContainElement(`ci jobs active{state="executing"} 0`))
			Expect(text(t.Tick(now), "runner_class")).To(Equal([]string{`ci oldest job waiting{runner_class="linux"} 0`}))
			Expect(t.Tick(now)).To(BeEmpty())
		})

		It("say how long the job that was queued first has waited", func() {
			for i, seconds := range []float64{7, 3, 5} {
				c := job(fmt.Sprint(i), queued)
				c.Queued = at(seconds)
				apply(c)
			}
			Expect(text(t.Tick(now))).To(ContainElement("ci oldest job waiting 7"))
			apply(job("1", ended))
			Expect(text(t.Tick(now))).To(ContainElement("ci oldest job waiting 5"))
			future := job("9", queued)
			future.Queued, future.Attributes.RunnerClass = at(60), "clock is ahead"
			apply(future)
			Expect(text(t.Tick(now))).To(ContainElement("ci oldest job waiting 0"))
		})

		It("describe the job that has waited the longest, as far as labels do not", func() {
			options.LabelInputs = func(string) iter.Seq2[string, func(string) string] { return inputs("runner_class", "pipeline") }
			create()
			late, early := job("1", queued), job("2", queued)
			early.Queued = at(-10)
			early.Attributes.Job, early.Attributes.URL = "test", "https://ci.example.com/2"
			apply(late)
			apply(early)
			description := map[string]string{
				"runner_class": "linux", "pipeline": "CI", "job_id": "2", "job": "test", "repository": "octo-org/api", "url": "https://ci.example.com/2",
			}
			waiting := func() metric.Event {
				events := t.Tick(now)
				return events[slices.IndexFunc(events, func(e metric.Event) bool { return e.Name == "ci oldest job waiting" })]
			}
			Expect(waiting().Attributes).To(Equal(description))
			apply(job("2", started))
			Expect(waiting().Attributes["job_id"]).To(Equal("1"))
			apply(job("1", started))
			Expect(waiting()).To(And(HaveField("Value", 0.0), HaveField("Attributes", map[string]string{"runner_class": "linux", "pipeline": "CI"})))
		})

		It("do not mention a queue that was empty at every tick", func() {
			apply(job("1", queued))
			apply(job("1", ended))
			Expect(t.Tick(now)).To(BeEmpty())
		})

		It("have the attributes that rules look at", func() {
			options.LabelInputs = func(event string) iter.Seq2[string, func(string) string] {
				if event == "ci jobs active" {
					return inputs("repository", "state", "worker")
				}
				return inputs()
			}
			create()
			apply(job("1", queued))
			other := job("2", queued)
			other.Attributes.Repository, other.Attributes.Worker = "octo-org/web", "w"
			apply(other)
			events := t.Tick(now)
			Expect(events).To(HaveLen(3))
			Expect(events[0].Attributes).To(Equal(map[string]string{"repository": "octo-org/api", "state": "pending"}))
			Expect(events[1].Attributes).To(Equal(map[string]string{"repository": "octo-org/web", "state": "pending", "worker": "w"}))
			Expect(events[2].Attributes).To(Equal(map[string]string{"job_id": "1", "repository": "octo-org/api", "pipeline": "CI"}))
		})

		It("follow a change of the attributes that rules look at", func() {
			names := []string{"repository", "state"}
			options.LabelInputs = func(string) iter.Seq2[string, func(string) string] { return inputs(names...) }
			create()
			apply(job("1", queued))
			names = []string{"pipeline", "state"}
			Expect(text(apply(job("1", started)), "repository", "pipeline", "state")[2:]).To(Equal([]string{
				`ci jobs active{repository="octo-org/api",state="pending"} 0`,
				`ci jobs active{pipeline="CI",state="executing"} 1`,
			}))
		})

		Describe("after the attributes that rules look at have changed", func() {
			var names []string
			BeforeEach(func() {
				names = []string{"repository", "runner_class", "state"}
				options.LabelInputs = func(string) iter.Seq2[string, func(string) string] { return inputs(names...) }
				create()
				for i := range 6 {
					c := job(fmt.Sprint(i), queued)
					c.Attributes.RunnerClass = fmt.Sprint("class-", i%3)
					apply(c)
				}
				t.Tick(now)
			})

			// Receivers that know the values by the attributes of the events forget the former ones.
			It("set what had the former attributes to 0, and only once", func() {
				names = []string{"repository", "state"}
				apply(job("9", queued))
				Expect(text(t.Tick(now), "repository", "runner_class", "state")).To(Equal([]string{
					`ci jobs active{repository="octo-org/api",runner_class="class-0",state="pending"} 0`, `ci oldest job waiting{repository="octo-org/api",runner_class="class-0"} 0`,
					`ci jobs active{repository="octo-org/api",runner_class="class-1",state="pending"} 0`, `ci oldest job waiting{repository="octo-org/api",runner_class="class-1"} 0`,
					`ci jobs active{repository="octo-org/api",runner_class="class-2",state="pending"} 0`, `ci oldest job waiting{repository="octo-org/api",runner_class="class-2"} 0`,
					`ci jobs active{repository="octo-org/api",state="pending"} 7`, `ci oldest job waiting{repository="octo-org/api"} 10`,
				}))
				Expect(t.Tick(now)).To(HaveLen(2))
			})

			const former = 6 // groups
			It("set each series to the sum of the objects", func() {
				names = []string{"repository", "pipeline", "state"}
				Expect(text(t.Tick(now), names...)[former:]).To(Equal([]string{
					`ci jobs active{repository="octo-org/api",state="pending"} 6`, `ci oldest job waiting{repository="octo-org/api"} 10`,
				}))
				// A new job has the attribute that is unknown of the others.
				Expect(text(apply(job("9", queued)), names...)).To(ContainElement(`ci jobs active{repository="octo-org/api",pipeline="CI",state="pending"} 1`))
				Expect(t.Groups()).To(Equal(4))
				for i := range 6 {
					apply(job(fmt.Sprint(i), ended))
				}
				apply(job("9", ended))
				Expect(text(t.Tick(now), names...)).To(Equal([]string{`ci oldest job waiting{repository="octo-org/api"} 0`}))
				Expect(t.Groups()).To(BeZero())
			})

			It("join the group of objects that changed since then", func() {
				names = []string{"state", "repository"}
				apply(job("9", queued))
				Expect(text(t.Tick(now), names...)[former:]).To(Equal([]string{
					`ci jobs active{state="pending",repository="octo-org/api"} 7`, `ci oldest job waiting{repository="octo-org/api"} 10`,
				}))
				Expect(t.Groups()).To(Equal(2))
			})

			It("say once that nothing waits any longer", func() {
				for i := range 6 {
					apply(job(fmt.Sprint(i), ended))
				}
				names = []string{"repository"}
				Expect(text(t.Tick(now), "repository", "runner_class")).To(Equal([]string{
					`ci oldest job waiting{repository="octo-org/api",runner_class="class-0"} 0`, `ci oldest job waiting{repository="octo-org/api",runner_class="class-1"} 0`,
					`ci oldest job waiting{repository="octo-org/api",runner_class="class-2"} 0`, `ci oldest job waiting{repository="octo-org/api"} 0`,
				}))
				Expect(t.Tick(now)).To(BeEmpty())
				Expect(t.Groups()).To(BeZero())
			})
		})

		It("are right if replacements exchange the values of labels", func() {
			other := map[string]string{"a": "a", "b": "b"}
			options.LabelInputs = func(string) iter.Seq2[string, func(string) string] {
				return func(yield func(string, func(string) string) bool) {
					yield("runner_class", func(class string) string { return other[class] })
				}
			}
			create()
			for i, class := range []string{"a", "b", "b"} {
				c := job(fmt.Sprint(i), started)
				c.Attributes.RunnerClass = class
				apply(c)
			}
			other = map[string]string{"a": "b", "b": "a"}
			Expect(text(t.Tick(now), "runner_class")).To(Equal([]string{`ci jobs active{runner_class="a"} 1`, `ci jobs active{runner_class="b"} 2`}))
			other = nil
			Expect(text(t.Tick(now), "runner_class")).To(Equal([]string{`ci jobs active{runner_class="b"} 0`, `ci jobs active{runner_class="a"} 3`}))
		})

		It("count objects together whose labels have the same values after replacements", func() {
			options.LabelInputs = func(string) iter.Seq2[string, func(string) string] {
				return func(yield func(string, func(string) string) bool) {
					_ = yield("system", nil) && yield("runner_class", func(class string) string { return strings.TrimRight(class, "0123456789") }) &&
						yield("state", func(state string) string { return strings.ReplaceAll(state, "blocked", "pending") })
				}
			}
			create()
			var events []metric.Event
			for i, state := range []tracker.State{queued, queued, tracker.Blocked, started} {
				c := job(fmt.Sprint(i), state)
				c.Attributes.RunnerClass = fmt.Sprint("run-", i)
				events = apply(c)
			}
			Expect(text(events, "runner_class", "state")).To(ContainElement(`ci jobs active{runner_class="run-3",state="executing"} 1`))
			Expect(text(t.Tick(now), "runner_class", "state")).To(ContainElements(
				`ci jobs active{runner_class="run-0",state="pending"} 3`, `ci jobs active{runner_class="run-3",state="executing"} 1`))
		})

		It("count all states together if no label shows the state", func() {
			options.LabelInputs = func(string) iter.Seq2[string, func(string) string] { return inputs("system") }
			create()
			apply(job("1", queued))
			apply(job("2", started))
			Expect(text(t.Tick(now), "system")).To(ContainElement(`ci jobs active{system="github"} 2`))
			apply(job("1", ended))
			apply(job("2", ended))
			Expect(text(t.Tick(now), "system")).NotTo(ContainElement(HavePrefix("ci jobs active")))
		})

		It("are as many as there are active objects, not more", func() {
			for i := range 10_000 {
				c := job(fmt.Sprint(i), queued)
				c.Attributes.RunnerClass = fmt.Sprint(i)
				apply(c)
			}
			Expect(t.Tick(now)).To(HaveLen(20_000))
			for i := range 10_000 {
				apply(job(fmt.Sprint(i), ended))
			}
			Expect(t.Tick(now)).To(HaveLen(10_000)) // 0 seconds
			Expect(t.Tick(now)).To(BeEmpty())
		})
	})

	It("has statistics of the systems that it was told about before their first change", func() {
		Expect(tracker.New(tracker.Options{}).Stats().Entries).To(BeEmpty())
		s := tracker.New(tracker.Options{Systems: []string{"gitlab", "github"}}).Stats()
		Expect(s.Entries).To(HaveLen(8))
		Expect(s.Entries[0]).To(Equal(tracker.Count{System: "github", Name: "pending"}))
		Expect(s.Anomalies).NotTo(BeEmpty())
	})

	Describe("limits", func() {
		BeforeEach(func() {
			options = tracker.Options{QueuedLimit: 2 * time.Hour, RunningLimit: time.Hour, Memory: 24 * time.Hour}
			create()
		})

		It("remove objects from the gauges that never end", func() {
			apply(job("1", queued))
			apply(job("2", blocked))
			apply(run("7", "1", started))
			now = now.Add(time.Hour)
			Expect(t.Tick(now)).To(HaveLen(4))
			now = now.Add(1)
			Expect(text(t.Tick(now), "state")[:3]).To(Equal([]string{
				`ci runs active{state="executing"} 0`, `ci jobs active{state="pending"} 1`, `ci jobs active{state="blocked"} 1`,
			}))
			now = now.Add(time.Hour)
			Expect(text(t.Tick(now), "state")).To(Equal([]string{
				`ci jobs active{state="pending"} 0`, `ci jobs active{state="blocked"} 0`, `ci oldest job waiting 0`,
			}))
			Expect(t.Tick(now)).To(BeEmpty())
			Expect(counts(t.Stats().Expired)).To(Equal([]string{"github pending 1", "github blocked 1", "github executing 1"}))
			Expect(entries()).To(Equal([]string{"github ended 3"}))
		})

		It("forget what is only known about jobs that wait", func() {
			used := func(url string) int {
				create()
				c := job("1", queued)
				c.Attributes.URL = url
				apply(c)
				t.Tick(now)
				t.Tick(now.Add(2*time.Hour + 1))
				return t.Used()
			}
			Expect(used(strings.Repeat("x", 500))).To(Equal(used("x")))
		})

		It("do not make an expired object count twice if it continues", func() {
			apply(job("1", queued))
			now = now.Add(2*time.Hour + 1)
			t.Tick(now)
			Expect(rejected(job("1", queued))).To(Equal(tracker.Duplicate))
			now = now.Add(14 * 24 * time.Hour)
			t.Tick(now)
			Expect(rejected(job("1", queued))).To(Equal(tracker.Duplicate))
			Expect(text(apply(job("1", started)))).To(Equal([]string{"ci job started 1", "ci job queue time 5", "ci jobs active 1"}))
		})

		It("forget what has ended, but count no repeat of it", func() {
			c := job("1", ended)
			c.Ended = now.Add(time.Hour) // the clock of the CI system is ahead
			apply(c)
			for range 100 {
				now = now.Add(15 * time.Minute)
				t.Tick(now)
				Expect(rejected(c)).To(Equal(tracker.Duplicate))
			}
			now = now.Add(1)
			t.Tick(now)
			Expect(entries()).To(BeEmpty())
			Expect(rejected(c)).To(Equal(tracker.Stale))
			Expect(rejected(job("1", queued))).To(Equal(tracker.Stale))
		})

		It("count no repeat about a run that is forgotten, even if a job of it is known", func() {
			apply(run("7", "1", queued))
			now = now.Add(30 * time.Hour)
			t.Tick(now)
			now = now.Add(15 * 24 * time.Hour)
			t.Tick(now)
			c := job("1", started)
			c.Started = now
			apply(c)
			Expect(rejected(run("7", "1", queued))).To(Equal(tracker.Stale))
		})

		It("count what is not older than the memory", func() {
			now = at(9).Add(24 * time.Hour)
			apply(job("1", ended))
			now = now.Add(1)
			Expect(rejected(job("2", ended))).To(Equal(tracker.Stale))
		})

		It("bound the number of objects: the first that ended is removed first, then the oldest active one", func() {
			options.MaxObjects = 3
			create()
			apply(withoutRun("1", queued))
			apply(withoutRun("2", ended))
			apply(withoutRun("3", ended))
			apply(withoutRun("4", started))
			Expect(rejected(withoutRun("3", ended))).To(Equal(tracker.Duplicate))
			apply(withoutRun("5", started))
			Expect(text(apply(withoutRun("6", started)), "state")).To(Equal([]string{
				`ci jobs active{state="pending"} 0`, `ci job queued 1`, `ci job started 1`, `ci job queue time 5`, `ci jobs active{state="executing"} 3`,
			}))
			Expect(counts(t.Stats().Evicted)).To(Equal([]string{"github pending 1", "github ended 2"}))
			Expect(entries()).To(Equal([]string{"github executing 3"}))
		})

		It("let new objects remove those that expired or ended first, before active ones", func() {
			options.MaxObjects = 3
			create()
			apply(withoutRun("expires", queued))
			now = now.Add(3 * time.Hour)
			t.Tick(now)
			now = now.Add(time.Second)
			apply(withoutRun("ends", ended))
			apply(withoutRun("1", started))
			apply(withoutRun("2", started))
			Expect(rejected(withoutRun("ends", ended))).To(Equal(tracker.Duplicate))
			apply(withoutRun("3", started))
			Expect(entries()).To(Equal([]string{"github executing 3"}))
		})

		It("bound the memory for texts, but keep the object that was changed", func() {
			options.MaxObjects = 10 // and 64 KiB
			create()
			for i := range 9 {
				c := job(fmt.Sprint(i), queued)
				c.Attributes.RunnerClass = strings.Repeat(fmt.Sprint(i), 10_000)
				apply(c)
			}
			Expect(entries()).To(Equal([]string{"github pending 2"}))
			Expect(counts(t.Stats().Evicted)).To(Equal([]string{"github pending 7"}))
			huge := job("huge", queued)
			huge.Attributes.RunnerClass = strings.Repeat("x", 100_000)
			apply(huge)
			Expect(entries()).To(Equal([]string{"github pending 1"}))
			Expect(rejected(huge)).To(Equal(tracker.Duplicate))
			huge.State = ended
			apply(huge)
			Expect(text(t.Tick(now))).To(BeEmpty())
			Expect(entries()).To(Equal([]string{"github ended 2"})) // and its run
		})

		It("do not evict the object whose run is added", func() {
			for _, options.MaxObjects = range []int{1, 2} {
				create()
				apply(job("1", queued))
				apply(job("2", queued))
				apply(job("1", started))
				Expect(entries()).To(Equal([]string{"github executing 1", "github ended 1"}))
				apply(job("1", ended))
				apply(job("2", ended))
			}
		})
	})
})
