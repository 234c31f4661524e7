package builds

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"
)

// maxLatest is the number of finished runs to show.
const maxLatest = 20

// The texts of a run. The last one is its URL.
const (
	runSystem = iota
	runInstance
	runRepository
	runPipeline
	runID
	runAttempt
)

// A run is a run that has finished.
type run struct {
	ended   time.Time
	result  key
	seconds float64 // the duration; negative if it is unknown
	number  uint64  // of the report; of runs that ended at the same time, the last one is shown first
	texts   texts
}

// A latestRuns has the runs that ended last, in no particular order. What is compared at
// each event is in arrays, so that it takes little time.
type latestRuns struct {
	seed  maphash.Seed
	runs  [maxLatest]run
	ids   [maxLatest]uint64 // hashes of the IDs
	ended [maxLatest]int64  // when the runs ended, in nanoseconds since the Unix epoch
	n     int
	first int // of the runs, the one that ended first

	reports uint64
}

// A runReport is what one event says about a run that has finished.
type runReport struct {
	name
	id, attempt, url string
	ended            time.Time
	result           key
	seconds          float64 // negative if the event does not have the duration
}

// set adds a run, or changes it if it is known. Two events about one run can arrive in
// any order. A run without an ID is never known.
func (l *latestRuns) set(report *runReport) {
	id, ended := maphash.String(l.seed, report.id), report.ended.UnixNano()
	at := l.find(report, id)
	switch {
	case at >= 0:
		if report.seconds >= 0 {
			l.runs[at].seconds = report.seconds
		}
	case l.n < maxLatest:
		at = l.n
		l.n++
		l.runs[at].seconds = report.seconds
	case ended < l.ended[l.first]:
		return
	default:
		at = l.first
		l.runs[at].seconds = report.seconds
	}
	r := &l.runs[at]
	l.reports++
	r.ended, r.result, r.number = report.ended, report.result, l.reports
	r.texts.set(report.system, report.instance, report.repository, report.pipeline, report.id, report.attempt, report.url)
	l.ids[at], l.ended[at] = id, ended
	for i, t := range l.ended[:l.n] {
		if t < l.ended[l.first] || i == 0 {
			l.first = i
		}
	}
}

// find returns the index of a run, or -1 if it is unknown. id is the hash of its ID.
func (l *latestRuns) find(report *runReport, id uint64) int {
	if report.id == "" {
		return -1
	}
	for i, known := range l.ids[:l.n] {
		if known == id && l.runs[i].is(report) {
			return i
		}
	}
	return -1
}

// is reports whether a report is about the run.
func (r *run) is(report *runReport) bool {
	return r.texts.is(runID, report.id) && r.texts.is(runAttempt, report.attempt) && r.texts.is(runRepository, report.repository) &&
		r.texts.is(runInstance, report.instance) && r.texts.is(runSystem, report.system)
}

// newestFirst returns the runs, the one that ended last first.
func (l *latestRuns) newestFirst() []*run {
	list := make([]*run, l.n)
	for i := range list {
		list[i] = &l.runs[i]
	}
	slices.SortFunc(list, func(a, b *run) int {
		return cmp.Or(b.ended.Compare(a.ended), cmp.Compare(b.number, a.number))
	})
	return list
}
