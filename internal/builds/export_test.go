package builds

import "time"

// Overview returns the section of the overview, and whether there is anything to show.
func (b *Builds) Overview(now time.Time) (Overview, bool) { return b.section(now) }

type (
	Overview   = buildsSection
	RunCounts  = runCounts
	WaitCounts = waitCounts
	Active     = activeCounts
	Pipeline   = pipelineEntry
	Run        = runEntry
)

const (
	MaxPipelines  = maxPipelines
	MaxBytes      = maxBytes
	RelativeError = relativeError
)

// Results are the results of runs that are counted.
func Results() []string { return results }

// Used returns the memory that the tables of pipelines and classes of runners use by
// their own count, and the number of pipelines.
func (b *Builds) Used() (bytes int64, pipelines int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pipelines.bytes + b.runnerClasses.bytes, len(b.pipelines.entries)
}

// Times counts times as a window does.
type Times struct{ h histogram }

func (t *Times) Add(seconds float64)        { t.h[bucketOf(seconds)]++ }
func (t *Times) Quantile(q float64) float64 { return t.h.quantile(q, t.h.total()) }
