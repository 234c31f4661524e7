package builds_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gstruct"
	"github.com/onsi/gomega/types"

	"github.com/signalbox-ci/signalbox/internal/builds"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

func TestBuilds(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "builds")
}

type attributes = map[string]string

// An observer passes events to Builds, as the engine does.
type observer struct {
	*builds.Builds
	taps map[string]engine.Tap
	now  time.Time
}

// start is neither the beginning of an hour nor that of a slot.
var start = time.Date(2026, 3, 4, 14, 32, 10, 0, time.UTC)

func newObserver(o builds.Options) *observer {
	b := builds.New(o)
	return &observer{b, b.Taps(), start}
}

// emit emits an event without a time.
func (o *observer) emit(event string, value float64, a attributes) {
	o.emitAt(time.Time{}, event, value, a)
}

func (o *observer) emitAt(at time.Time, event string, value float64, a attributes) {
	o.taps[event](engine.NewTappedEvent(metric.Event{Name: event, Value: value, Attributes: a, Time: at}, o.now))
}

// with returns the attributes and others, which are names and values.
func with(a attributes, others ...string) attributes {
	all := maps.Clone(a)
	for i := 0; i < len(others); i += 2 {
		all[others[i]] = others[i+1]
	}
	return all
}

var (
	github = attributes{"system": "github"}
	unit   = with(github, "repository", "acme/app", "pipeline", "unit")
)

// finish emits the events of a run that has finished.
func (o *observer) finish(id, result string, seconds float64, others ...string) {
	a := with(with(unit, "run_id", id, "attempt", "1", "result", result), others...)
	o.emit("ci run finished", 1, a)
	o.emit("ci run time", seconds, a)
}

func (o *observer) overview() builds.Overview {
	v, _ := o.Overview(o.now)
	return v
}

// near matches a pointer to about the value.
func near(v float64) types.GomegaMatcher {
	return gstruct.PointTo(BeNumerically("~", v, v*builds.RelativeError+0.001))
}

var _ = Describe("Builds", func() {
	var o *observer
	BeforeEach(func() { o = newObserver(builds.Options{}) })

	// runs returns the fields of the latest runs that identify them.
	runs := func() (list []string) {
		for _, r := range o.overview().LatestRuns {
			list = append(list, strings.Join([]string{r.System, r.Instance, r.Repository, r.Pipeline, r.Result}, " "))
		}
		return list
	}

	It("have no field in the overview while there is nothing to show", func() {
		o.emit("builds running", 0, nil)
		o.emit("ci runs active", 0, with(github, "state", "executing"))
		o.emit("ci oldest job waiting", 0, github)
		section := &builds.Section{Builds: o.Builds, Now: func() time.Time { return o.now }}
		Expect(maps.Collect(section.OverviewFields())).To(BeEmpty())
		o.emit("builds running", 1, nil)
		Expect(maps.Collect(section.OverviewFields())).To(HaveKey("builds"))
	})

	It("count results and times by pipeline over the last hour and the last day", func() {
		o.finish("1", "success", 100)
		o.finish("2", "failure", 200)
		o.emit("ci run queue time", 7, unit)
		o.now = start.Add(2 * time.Hour)
		o.finish("3", "success", 300)
		o.finish("4", "cancellation", 10)
		o.finish("5", "success", 5, "pipeline", "lint")
		o.finish("6", "skip", 0)

		v := o.overview()
		Expect(v.Pipelines.Total).To(Equal(2))
		Expect(v.Pipelines.List).To(HaveExactElements(HaveField("Pipeline", "unit"), HaveField("Pipeline", "lint")))
		p := v.Pipelines.List[0]
		Expect(p.Day).To(gstruct.MatchAllFields(gstruct.Fields{
			"Runs": BeEquivalentTo(4), "SuccessRate": gstruct.PointTo(Equal(0.6667)),
			"DurationMedianSeconds": near(100), "DurationP95Seconds": near(300),
			"QueueMedianSeconds": near(7), "QueueP95Seconds": near(7),
		}))
		Expect(p.Hour).To(gstruct.MatchAllFields(gstruct.Fields{
			"Runs": BeEquivalentTo(2), "SuccessRate": gstruct.PointTo(Equal(1.0)),
			"DurationMedianSeconds": near(10), "DurationP95Seconds": near(300),
			"QueueMedianSeconds": BeNil(), "QueueP95Seconds": BeNil(),
		}))

		By("forgetting what is too old")
		first := func(hours time.Duration) builds.Pipeline {
			o.now = start.Add(hours*time.Hour + 5*time.Minute)
			return append(o.overview().Pipelines.List, builds.Pipeline{})[0]
		}
		Expect(first(3).Hour.Runs).To(BeZero())
		Expect(first(23).Day.Runs).To(BeEquivalentTo(4))
		Expect(first(24).Day.Runs).To(BeEquivalentTo(2))
		Expect(first(26)).To(BeZero())
	})

	It("have no success rate if no run succeeded or failed", func() {
		o.finish("1", "cancellation", 1)
		Expect(o.overview().Pipelines.List[0].Day).To(And(HaveField("Runs", BeEquivalentTo(1)), HaveField("SuccessRate", BeNil())))
	})

	It("count runs when they ended, unless that is more than a day ago or in the future", func() {
		a := with(unit, "result", "success")
		o.emitAt(start.Add(-2*time.Hour), "ci run finished", 1, a)
		o.emitAt(start.Add(-25*time.Hour), "ci run finished", 1, a)
		o.emitAt(start.Add(25*time.Hour), "ci run finished", 1, a)
		Expect(o.overview().Pipelines.List[0]).To(And(HaveField("Day.Runs", BeEquivalentTo(2)), HaveField("Hour.Runs", BeEquivalentTo(1))))
		Expect(o.overview().LatestRuns[0].Time).To(Equal(start))
	})

	It("continue to count if the clock is set back", func() {
		o.finish("1", "success", 1)
		o.now = start.Add(-1000 * time.Hour)
		o.finish("2", "success", 1)
		Expect(o.overview().Pipelines.List[0].Hour.Runs).To(BeEquivalentTo(1))
		o.now = start
		o.finish("3", "success", 1)
		Expect(o.overview().Pipelines.List[0].Day.Runs).To(BeEquivalentTo(1))
	})

	It("distinguish systems, instances, repositories and pipelines", func() {
		for _, key := range []string{"system", "instance", "repository", "pipeline"} {
			o.finish("1", "success", 1, key, "other")
		}
		o.finish("1", "success", 1)
		Expect(o.overview().Pipelines.List).To(HaveLen(5))
		Expect(runs()).To(HaveLen(5))
	})

	DescribeTable("ignore events that the rules reject",
		func(event string, value float64, a attributes) {
			o.emit(event, value, a)
			_, ok := o.Overview(o.now)
			Expect(ok).To(BeFalse())
		},
		Entry("no system", "ci run finished", 1.0, attributes{"result": "success"}),
		Entry("no result", "ci run finished", 1.0, unit),
		Entry("an unknown result", "ci run finished", 1.0, with(unit, "result", "passed")),
		Entry("an unknown status", "build finished", 1.0, attributes{"build_status": "passed"}),
		Entry("a negative time", "ci run time", -1.0, with(unit, "result", "success", "run_id", "1")),
		Entry("a negative queue time", "ci run queue time", -1.0, unit),
		Entry("no system of a job", "ci job queue time", 1.0, attributes{}),
		Entry("no state", "ci runs active", 1.0, github),
		Entry("an unknown state", "ci jobs active", 1.0, with(github, "state", "finalizing")),
		Entry("a huge number", "ci jobs active", 1e300, with(github, "state", "pending")),
	)

	It("know the results of the catalog", func() {
		for _, e := range catalog.Events(catalog.CI) {
			if e.Name == "ci run finished" {
				Expect(append(builds.Results(), "skip")).To(ConsistOf(e.Values["result"]))
			}
		}
		for event := range o.taps {
			Expect(catalog.Events(catalog.All()...)).To(ContainElement(HaveField("Name", event)))
		}
	})

	Describe("Latest runs", func() {
		It("combine the events about a run, in any order", func() {
			a := with(unit, "run_id", "7", "attempt", "1", "result", "success", "url", "https://example.com/7")
			for _, events := range [][]string{{"ci run finished", "ci run time"}, {"ci run time", "ci run finished"}} {
				o = newObserver(builds.Options{})
				for _, e := range events {
					o.emit(e, 30, a)
				}
				Expect(o.overview().LatestRuns).To(HaveExactElements(gstruct.MatchAllFields(gstruct.Fields{
					"Time": Equal(start), "System": Equal("github"), "Instance": BeEmpty(), "Repository": Equal("acme/app"), "Pipeline": Equal("unit"),
					"Result": Equal("success"), "DurationSeconds": gstruct.PointTo(Equal(30.0)), "URL": Equal("https://example.com/7"),
				})))
			}
		})

		It("do not have a duration that is unknown", func() {
			o.emit("ci run finished", 1, with(unit, "run_id", "7", "result", "error"))
			Expect(o.overview().LatestRuns).To(HaveExactElements(HaveField("DurationSeconds", BeNil())))
		})

		It("are the 20 that ended last, newest first", func() {
			for i := range 40 {
				o.emitAt(start.Add(-time.Duration((i*7)%40)*time.Minute), "ci run finished", 1, with(unit, "result", "success"))
			}
			list := o.overview().LatestRuns
			Expect(list).To(HaveLen(20))
			for i, r := range list {
				Expect(r.Time).To(Equal(start.Add(-time.Duration(i) * time.Minute)))
			}
		})

		It("have a run that finished twice once, at its latest end", func() {
			o.finish("1", "failure", 10)
			o.finish("2", "success", 10)
			o.now = start.Add(time.Minute)
			o.finish("1", "success", 70)
			Expect(runs()).To(Equal([]string{"github  acme/app unit success", "github  acme/app unit success"}))
			Expect(o.overview().LatestRuns[0].DurationSeconds).To(gstruct.PointTo(Equal(70.0)))
		})

		DescribeTable("link only to pages on the web",
			func(url, expected string) {
				o.finish("1", "success", 1, "url", url)
				o.emit("ci oldest job waiting", 1, with(github, "url", url))
				Expect(o.overview().LatestRuns[0].URL).To(Equal(expected))
				Expect(o.overview().OldestWaitingJob.URL).To(Equal(expected))
			},
			Entry(nil, "https://ci.example.com/builds/1?x=1#L2", "https://ci.example.com/builds/1?x=1#L2"),
			Entry(nil, "http://localhost:8080/", "http://localhost:8080/"),
			Entry(nil, "https://example.com/ä", "https://example.com/%C3%A4"),
			Entry(nil, "javascript:alert(1)", ""),
			Entry(nil, "JavaScript://example.com/%0aalert(1)", ""),
			Entry(nil, "data:text/html,x", ""),
			Entry(nil, "//example.com/", ""),
			Entry(nil, "/builds/1", ""),
			Entry(nil, "https://", ""),
			Entry(nil, "https:example.com", ""),
			Entry(nil, "https://github.com@evil.example/", ""),
			Entry(nil, "https://example.com/\u202egnp", "https://example.com/%E2%80%AEgnp"),
			Entry(nil, "https://ex\u202eample.com/", "https://ex%E2%80%AEample.com/"),
			Entry(nil, "https://example.com/?q=\u202e", ""),
			Entry(nil, "https://example.com/\n", ""),
			Entry(nil, "https://example.com/"+strings.Repeat("x", 1024), ""),
		)
	})

	Describe("Active runs and jobs", func() {
		It("are the sums of all groups by state", func() {
			o.emit("ci runs active", 3, with(github, "state", "executing", "branch", "main"))
			o.emit("ci runs active", 4, with(github, "state", "executing", "branch", "dev"))
			o.emit("ci runs active", 5, with(github, "state", "executing", "branch", "main"))
			o.emit("ci runs active", 2, with(github, "state", "pending"))
			o.emit("ci jobs active", 8, with(github, "state", "blocked"))
			Expect(o.overview()).To(And(
				HaveField("Runs", builds.Active{Executing: 9, Pending: 2}), HaveField("Jobs", builds.Active{Blocked: 8})))
			o.emit("ci runs active", 0, with(github, "state", "executing", "branch", "main"))
			Expect(o.overview().Runs).To(Equal(builds.Active{Executing: 4, Pending: 2}))
		})

		It("disappear if they are not set for an hour", func() {
			o.emit("ci runs active", 3, with(github, "state", "executing"))
			o.emit("ci oldest job waiting", 3, github)
			o.now = start.Add(time.Hour - 1)
			Expect(o.overview().Runs.Executing).To(Equal(3.0))
			o.now = start.Add(time.Hour)
			_, ok := o.Overview(o.now)
			Expect(ok).To(BeFalse())
		})

		It("have a limit", func() {
			for i := range 20_000 {
				o.emit("ci runs active", 1, with(github, "state", "executing", "branch", fmt.Sprint(i)))
				o.emit("ci oldest job waiting", 1, with(github, "runner_class", fmt.Sprint(i)))
			}
			Expect(o.overview().Runs.Executing).To(Equal(10_000.0))
			By("making room when groups have expired")
			o.now = start.Add(2 * time.Hour)
			o.emit("ci runs active", 7, with(github, "state", "executing"))
			o.emit("ci oldest job waiting", 7, with(github, "runner_class", "new"))
			Expect(o.overview().Runs.Executing).To(Equal(7.0))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("RunnerClass", "new")))
		})

		It("make room at most once a minute, because it takes time", func() {
			for i := range 20_000 {
				o.emit("ci runs active", 1, with(github, "state", "executing", "branch", fmt.Sprint(i)))
				o.emit("ci oldest job waiting", 1, with(github, "runner_class", fmt.Sprint(i)))
			}
			another := func(at time.Duration) {
				o.now = start.Add(at)
				o.emit("ci runs active", 1, with(github, "state", "executing", "branch", "another"))
				o.emit("ci oldest job waiting", 1, with(github, "runner_class", "another"))
			}
			another(time.Hour - 30*time.Second)
			another(time.Hour)
			_, ok := o.Overview(o.now)
			Expect(ok).To(BeFalse())
			another(time.Hour + time.Minute)
			Expect(o.overview()).To(And(HaveField("Runs.Executing", 1.0), HaveField("OldestWaitingJob.WaitingSeconds", 1.0)))
		})
	})

	Describe("The oldest waiting job", func() {
		job := func(class, name string) attributes {
			return with(unit, "runner_class", class, "job", name, "job_id", name, "url", "https://example.com/"+name)
		}

		It("is the one that has waited for the longest time in any group", func() {
			o.emit("ci oldest job waiting", 30, job("large", "a"))
			o.emit("ci oldest job waiting", 60, job("small", "b"))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(gstruct.MatchAllFields(gstruct.Fields{
				"WaitingSeconds": Equal(60.0), "System": Equal("github"), "Instance": BeEmpty(), "Repository": Equal("acme/app"),
				"Pipeline": Equal("unit"), "Job": Equal("b"), "RunnerClass": Equal("small"), "URL": Equal("https://example.com/b"),
			})))
			By("replacing the job of a group")
			o.emit("ci oldest job waiting", 10, job("small", "c"))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("Job", "a")))
			By("removing the group when no job waits any more")
			o.emit("ci oldest job waiting", 0, with(github, "runner_class", "large"))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("Job", "c")))
		})

		It("replaces that of another run, whatever is known about them", func() {
			// As metric.OldestJobWaiting has them: all attributes, of which some are empty.
			o.emit("ci oldest job waiting", 60, with(job("large", "a"), "run_id", "1", "attempt", "2", "owner", "acme", "branch", "main", "ref_kind", "default",
				"trigger", "push", "retry", "true", "commit", "c0ffee", "runner_group", "default", "worker", ""))
			o.emit("ci oldest job waiting", 30, with(job("large", "b"), "run_id", "2", "retry", "false", "branch", "", "commit", ""))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("Job", "b")))
			o.emit("ci oldest job waiting", 0, attributes{"system": "github", "instance": "", "runner_class": "large", "retry": "false"})
			_, ok := o.Overview(o.now)
			Expect(ok).To(BeFalse())
		})

		It("is not replaced by another one of the same report, if rules group by repository", func() {
			o.emitAt(start, "ci oldest job waiting", 30, with(job("large", "a"), "repository", "acme/a"))
			o.emitAt(start, "ci oldest job waiting", 20, with(job("large", "b"), "repository", "acme/b"))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("Job", "a")))
			o.emitAt(start.Add(time.Second), "ci oldest job waiting", 21, with(job("large", "b"), "repository", "acme/b"))
			Expect(o.overview().OldestWaitingJob).To(gstruct.PointTo(HaveField("Job", "b")))
		})
	})

	It("have the queue times of classes of runners", func() {
		for i := range 100 {
			o.emit("ci job queue time", float64(i), with(github, "runner_class", "linux"))
		}
		o.emit("ci job queue time", 5, github)
		v := o.overview().RunnerClasses
		Expect(v.Total).To(Equal(2))
		Expect(v.List[0]).To(And(HaveField("System", "github"), HaveField("RunnerClass", "linux")))
		Expect(v.List[0].Hour).To(Equal(v.List[0].Day))
		Expect(v.List[0].Day).To(gstruct.MatchAllFields(gstruct.Fields{
			"Jobs": BeEquivalentTo(100), "QueueMedianSeconds": near(49), "QueueP95Seconds": near(94),
		}))
		Expect(v.List[1].RunnerClass).To(BeEmpty())
	})

	It("understand Concourse's events", func() {
		build := attributes{"team_name": "main", "pipeline": "core", "job": "slow", "build_id": "22", "build": "1"}
		o.emit("build finished", 2000, with(build, "build_status", "succeeded"))
		o.emit("build finished", 0, with(build, "build_id", "23", "build_status", "aborted"))
		o.emit("build finished", 4000, with(build, "build_id", "24", "build_status", "errored"))
		o.emit("builds running", 5, nil)
		o.emit("steps waiting", 2, attributes{"platform": "linux", "type": "task", "workerTags": "gpu"})
		o.emit("steps waiting", 3, attributes{"platform": "linux", "type": "get", "workerTags": "gpu"})
		o.emit("steps waiting duration", 9, attributes{"platform": "linux", "type": "get", "workerTags": "gpu"})
		v := o.overview()
		Expect(v.Runs).To(Equal(builds.Active{Executing: 5}))
		Expect(v.Jobs).To(Equal(builds.Active{Pending: 5}))
		Expect(v.Pipelines.List).To(HaveExactElements(gstruct.MatchFields(gstruct.IgnoreExtras, gstruct.Fields{
			"System": Equal("concourse"), "Repository": Equal("main"), "Pipeline": Equal("core"),
			"Day": gstruct.MatchAllFields(gstruct.Fields{
				"Runs": BeEquivalentTo(3), "SuccessRate": gstruct.PointTo(Equal(0.5)),
				"DurationMedianSeconds": near(2), "DurationP95Seconds": near(4), "QueueMedianSeconds": BeNil(), "QueueP95Seconds": BeNil(),
			}),
		})))
		Expect(v.RunnerClasses.List).To(HaveExactElements(And(HaveField("System", "concourse"), HaveField("RunnerClass", "gpu"), HaveField("Day.QueueMedianSeconds", near(9)))))
		Expect(runs()).To(Equal([]string{"concourse  main core error", "concourse  main core cancellation", "concourse  main core success"}))
		Expect(v.LatestRuns[1].DurationSeconds).To(BeNil())
	})

	It("cut and escape texts", func() {
		o.finish("1", "success", 1, "repository", "\u202e"+strings.Repeat("x", 5000), "pipeline", "a\x00\xff")
		v := o.overview()
		Expect(len(v.Pipelines.List[0].Repository)).To(BeNumerically("<", 300))
		Expect(v.Pipelines.List[0].Repository).To(HavePrefix(`\u202exxx`))
		Expect(v.Pipelines.List[0].Pipeline).To(Equal(`a\x00\xff`))
		Expect(v.LatestRuns[0]).To(And(HaveField("Repository", v.Pipelines.List[0].Repository), HaveField("Pipeline", v.Pipelines.List[0].Pipeline)))
		o.finish("1", "success", 2, "repository", "\u202e"+strings.Repeat("x", 5000), "pipeline", "a\x00\xff")
		Expect(runs()).To(HaveLen(1), "the run is recognized")
	})

	Describe("Limits", func() {
		It("of pipelines forget the one that has been inactive for the longest time", func() {
			for i := range builds.MaxPipelines {
				o.finish("1", "success", 1, "pipeline", fmt.Sprint(i))
			}
			o.finish("1", "success", 1, "pipeline", "0")
			o.finish("1", "success", 1, "pipeline", "new")
			v := o.overview()
			Expect(v.Pipelines.Total).To(Equal(builds.MaxPipelines))
			Expect(v.Pipelines.Forgotten).To(BeEquivalentTo(1))
			Expect(v.Pipelines.List).To(HaveLen(200))
			Expect(v.Pipelines.List[0]).To(And(HaveField("Pipeline", "0"), HaveField("Day.Runs", BeEquivalentTo(2))), "was active again")
		})

		It("of memory are part of the budget", func() {
			memory := membudget.Divide(64 << 20).Held
			o = newObserver(builds.Options{Memory: memory})
			for i := range 60_000 {
				o.finish("1", "success", float64(i), "pipeline", fmt.Sprint(i))
			}
			used, pipelines := o.Used()
			Expect(memory.Used()).To(Equal(used))
			Expect(used).To(BeNumerically("~", memory.Size()/16*7/8, 1000))
			Expect(pipelines).To(And(BeNumerically(">", 1000), BeNumerically("<", builds.MaxPipelines)))
		})

		It("remove pipelines without runs in the last day while others have some", func() {
			for i := range 100 {
				o.finish("1", "success", 1, "pipeline", fmt.Sprint(i))
			}
			o.now = start.Add(30 * time.Hour)
			for range 100 {
				o.finish("1", "success", 1)
			}
			_, pipelines := o.Used()
			Expect(pipelines).To(Equal(1))
			Expect(o.overview().Pipelines.Forgotten).To(BeZero())
		})
	})

	It("cut the lists to the limit", func() {
		for i := range 300 {
			o.finish("1", "success", 1, "pipeline", fmt.Sprint(i))
			o.emit("ci job queue time", 1, with(github, "runner_class", fmt.Sprint(i)))
		}
		section := &builds.Section{Builds: o.Builds, Now: func() time.Time { return o.now }}
		for limit, expected := range map[int][2]int{10: {10, 10}, 100: {100, 100}, 1000: {200, 100}} {
			v := maps.Collect(section.OverviewFields())["builds"](limit).(builds.Overview)
			Expect(v.Pipelines.List).To(HaveLen(expected[0]))
			Expect(v.RunnerClasses.List).To(HaveLen(expected[1]))
			Expect([]int{v.Pipelines.Total, v.RunnerClasses.Total}).To(Equal([]int{300, 300}))
		}
	})
})
