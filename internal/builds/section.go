package builds

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/internal/topn"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// The maximum numbers of pipelines and of classes of runners in the overview.
const (
	shownPipelines     = 200
	shownRunnerClasses = 100
)

// A buildsSection is the section of the overview about runs and jobs, including the
// builds and steps of Concourse. It omits runs with the result skip. The last hour and
// the last day end at the time of the overview. They are exact to within five minutes
// and an hour, respectively.
type buildsSection struct {
	Runs activeCounts `json:"runs"` // that have not finished
	Jobs activeCounts `json:"jobs"` // that have not finished

	OldestWaitingJob *waitingEntry        `json:"oldest_waiting_job"` // null if no job is known to wait
	Pipelines        pipelinesSection     `json:"pipelines"`
	RunnerClasses    runnerClassesSection `json:"runner_classes"`
	LatestRuns       []runEntry           `json:"latest_runs"` // the last 20 that finished, newest first
}

// An activeCounts contains the numbers of runs or jobs that have not finished, by
// state.
type activeCounts struct {
	Pending   float64 `json:"pending"` // waiting for a worker, or to be scheduled
	Executing float64 `json:"executing"`
	Blocked   float64 `json:"blocked"` // waiting for a person, or for another run or job
}

// A waitingEntry is the job that has waited for a runner for the longest time.
type waitingEntry struct {
	WaitingSeconds float64 `json:"waiting_seconds"`
	System         string  `json:"system"`
	Instance       string  `json:"instance"`
	Repository     string  `json:"repository"`
	Pipeline       string  `json:"pipeline"`
	Job            string  `json:"job"`
	RunnerClass    string  `json:"runner_class"`
	URL            string  `json:"url"` // http or https; empty if unknown
}

// A pipelinesSection lists the pipelines that had runs in the last day.
type pipelinesSection struct {
	Total     int             `json:"total"`     // number of pipelines, including those that are not in the list
	Forgotten uint64          `json:"forgotten"` // number of pipelines that were removed because there were too many
	List      []pipelineEntry `json:"list"`      // most runs in the last day first; at most 200
}

// A pipelineEntry is a pipeline of a repository.
type pipelineEntry struct {
	System     string    `json:"system"`
	Instance   string    `json:"instance"`
	Repository string    `json:"repository"`
	Pipeline   string    `json:"pipeline"`
	Hour       runCounts `json:"hour"`
	Day        runCounts `json:"day"`
}

// A runCounts summarizes the runs of a pipeline in a period. Times are null if none is
// known. They differ from the exact ones by at most 5%.
type runCounts struct {
	Runs uint64 `json:"runs"` // number of runs that finished

	// SuccessRate is the number of runs with the result success, divided by those with
	// success, failure, error or timeout. It is null if there are none.
	SuccessRate *float64 `json:"success_rate"`

	DurationMedianSeconds *float64 `json:"duration_median_seconds"`
	DurationP95Seconds    *float64 `json:"duration_p95_seconds"` // 95th percentile
	QueueMedianSeconds    *float64 `json:"queue_median_seconds"`
	QueueP95Seconds       *float64 `json:"queue_p95_seconds"` // 95th percentile
}

// A runnerClassesSection lists the classes of runners for which jobs waited in the last
// day.
type runnerClassesSection struct {
	Total     int                `json:"total"`     // number of classes, including those that are not in the list
	Forgotten uint64             `json:"forgotten"` // number of classes that were removed because there were too many
	List      []runnerClassEntry `json:"list"`      // most jobs in the last day first; at most 100
}

// A runnerClassEntry is a class of runners.
type runnerClassEntry struct {
	System      string     `json:"system"`
	Instance    string     `json:"instance"`
	RunnerClass string     `json:"runner_class"`
	Hour        waitCounts `json:"hour"`
	Day         waitCounts `json:"day"`
}

// A waitCounts summarizes the queue times of the jobs that started in a period. Times
// are null if none is known. They differ from the exact ones by at most 5%.
type waitCounts struct {
	Jobs               uint64   `json:"jobs"` // number of jobs whose queue time is known
	QueueMedianSeconds *float64 `json:"queue_median_seconds"`
	QueueP95Seconds    *float64 `json:"queue_p95_seconds"` // 95th percentile
}

// A runEntry is a run that has finished.
type runEntry struct {
	Time            time.Time `json:"time"` // when it ended
	System          string    `json:"system"`
	Instance        string    `json:"instance"`
	Repository      string    `json:"repository"`
	Pipeline        string    `json:"pipeline"`
	Result          string    `json:"result"`           // success, failure, error, timeout, cancellation, other
	DurationSeconds *float64  `json:"duration_seconds"` // null if unknown
	URL             string    `json:"url"`              // http or https; empty if unknown
}

// A Section adds the field "builds" to the overview, if there is anything to show.
type Section struct {
	Builds *Builds
	Now    func() time.Time
}

// OverviewFields implements status.Section.
func (s *Section) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) {
		o, ok := s.Builds.section(s.Now())
		if ok {
			yield("builds", func(limit int) any {
				o := o
				o.Pipelines.List = o.Pipelines.List[:min(len(o.Pipelines.List), limit)]
				o.RunnerClasses.List = o.RunnerClasses.List[:min(len(o.RunnerClasses.List), limit)]
				return o
			})
		}
	}
}

// section returns the section of the overview at the time now, or false if there is
// nothing to show.
func (b *Builds) section(now time.Time) (o buildsSection, ok bool) {
	at := slotOf(now)
	o.Pipelines.List, o.RunnerClasses.List = []pipelineEntry{}, []runnerClassEntry{}
	var pipelines, classes []counted
	pipelines, o.Pipelines.Total, o.Pipelines.Forgotten = b.busiest(&b.pipelines, shownPipelines, resultKeys, durationKeys, at)
	for _, p := range pipelines {
		c := b.countsOf(p.entry, at)
		o.Pipelines.List = append(o.Pipelines.List, pipelineEntry{
			System: p.texts().display(textSystem), Instance: p.texts().display(textInstance),
			Repository: p.texts().display(textRepository), Pipeline: p.texts().display(textPipeline),
			Hour: c.hour.ofRuns(), Day: c.day.ofRuns(),
		})
	}
	classes, o.RunnerClasses.Total, o.RunnerClasses.Forgotten = b.busiest(&b.runnerClasses, shownRunnerClasses, queueKeys, allKeys, at)
	for _, p := range classes {
		c := b.countsOf(p.entry, at)
		o.RunnerClasses.List = append(o.RunnerClasses.List, runnerClassEntry{
			System: p.texts().display(textSystem), Instance: p.texts().display(textInstance), RunnerClass: p.texts().display(textRunnerClass),
			Hour: c.hour.ofJobs(), Day: c.day.ofJobs(),
		})
	}
	b.addCurrent(&o, now)
	ok = o.Runs != activeCounts{} || o.Jobs != activeCounts{} || o.OldestWaitingJob != nil ||
		len(o.Pipelines.List) > 0 || len(o.RunnerClasses.List) > 0 || len(o.LatestRuns) > 0
	return o, ok
}

// addCurrent adds the active runs and jobs, the oldest waiting job, and the latest
// runs.
func (b *Builds) addCurrent(o *buildsSection, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.Runs, o.Jobs = activeOf(b.runs.sums(now)), activeOf(b.jobs.sums(now))
	if job := b.waiting.longest(now); job != nil {
		t := job.texts
		o.OldestWaitingJob = &waitingEntry{
			WaitingSeconds: traffic.Rounded(job.seconds), System: t.display(textSystem), Instance: t.display(textInstance),
			Repository: t.display(textRepository), Pipeline: t.display(textPipeline), Job: t.display(textJob),
			RunnerClass: t.display(textJobRunnerClass), URL: webURL(t.at(textJobURL)),
		}
	}
	o.LatestRuns = make([]runEntry, b.latest.n)
	for i, r := range b.latest.newestFirst() {
		t := r.texts
		o.LatestRuns[i] = runEntry{
			Time: r.ended.UTC(), System: t.display(textSystem), Instance: t.display(textInstance),
			Repository: t.display(textRepository), Pipeline: t.display(textPipeline), Result: results[r.result],
			URL: webURL(t.at(textRunURL)),
		}
		if r.seconds >= 0 {
			o.LatestRuns[i].DurationSeconds = rounded(r.seconds)
		}
	}
}

func activeOf(sums [4]float64) activeCounts {
	return activeCounts{Pending: sums[1], Executing: sums[2], Blocked: sums[3]}
}

// A counted is an entry with the count that it is sorted by.
type counted struct {
	*entry
	n uint64
}

func (c counted) compare(d counted) int {
	return cmp.Or(cmp.Compare(d.n, c.n), c.entry.compare(d.entry))
}

// busiest returns the n entries with the highest sums of counts in the last day, of the
// keys from first up to but not including end. It also returns the number of entries
// that have counts in the last day, and the number of those that were forgotten.
func (b *Builds) busiest(t *table, n int, first, end key, now slot) (list []counted, total int, forgotten uint64) {
	b.mu.Lock()
	all := slices.Clone(t.entries)
	forgotten = t.forgotten
	b.mu.Unlock()
	selection := topn.New(n, counted.compare)
	b.inParts(all, func(e *entry) int {
		cells := e.since(now-slotsPerDay, now)
		if len(cells) > 0 {
			total++
			selection.Add(counted{e, sum(cells, first, end)})
		}
		return len(cells)
	})
	return selection.Sorted(), total, forgotten
}

// inParts calls do, which returns the number of cells that it read, for the entries that
// have not been removed. It holds the lock for at most about 100 µs at a time.
func (b *Builds) inParts(entries []*entry, do func(*entry) int) {
	const part = 20_000 // cells
	for len(entries) > 0 {
		b.mu.Lock()
		for work := 0; work < part && len(entries) > 0; entries = entries[1:] {
			work += 100
			if e := entries[0]; e.at >= 0 {
				work += do(e)
			}
		}
		b.mu.Unlock()
	}
}

// A recent contains the counts of an entry in the last hour and in the last day.
type recent struct{ hour, day counts }

func (b *Builds) countsOf(e *entry, now slot) *recent {
	var r recent
	b.mu.Lock()
	defer b.mu.Unlock()
	r.hour.add(e.since(now-slotsPerHour, now))
	r.day.add(e.since(now-slotsPerDay, now))
	return &r
}

func (c *counts) ofRuns() (r runCounts) {
	for _, n := range c.results {
		r.Runs += n
	}
	succeeded := c.results[success]
	if all := succeeded + c.results[failure] + c.results[failedToRun] + c.results[timeout]; all > 0 {
		rate := math.Round(1e4*float64(succeeded)/float64(all)) / 1e4
		r.SuccessRate = &rate
	}
	r.DurationMedianSeconds, r.DurationP95Seconds, _ = c.durations.summary()
	r.QueueMedianSeconds, r.QueueP95Seconds, _ = c.queue.summary()
	return r
}

func (c *counts) ofJobs() (w waitCounts) {
	w.QueueMedianSeconds, w.QueueP95Seconds, w.Jobs = c.queue.summary()
	return w
}

// summary returns the median and the 95th percentile in seconds, which are nil if there
// are no times, and the number of times.
func (h *histogram) summary() (median, p95 *float64, total uint64) {
	if total = h.total(); total > 0 {
		median, p95 = rounded(h.quantile(0.5, total)), rounded(h.quantile(0.95, total))
	}
	return median, p95, total
}

func rounded(seconds float64) *float64 {
	v := traffic.Rounded(seconds)
	return &v
}
