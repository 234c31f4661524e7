package builds

import "time"

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
	texts   texts
}

// A latestRuns has the runs that ended last, newest first.
type latestRuns struct {
	runs [maxLatest]*run
	n    int
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
	at := l.find(report)
	var r *run
	switch {
	case at >= 0:
		r = l.runs[at]
		if report.seconds >= 0 {
			r.seconds = report.seconds
		}
	case l.n < maxLatest:
		r = &run{seconds: report.seconds}
		at = l.n
		l.runs[at] = r
		l.n++
	case report.ended.Before(l.runs[l.n-1].ended):
		return
	default:
		at = l.n - 1
		r = l.runs[at]
		r.seconds = report.seconds
	}
	r.ended, r.result = report.ended, report.result
	r.texts.set(report.system, report.instance, report.repository, report.pipeline, report.id, report.attempt, report.url)
	to := at
	for to > 0 && !l.runs[to-1].ended.After(r.ended) {
		to--
	}
	copy(l.runs[to+1:at+1], l.runs[to:at])
	for to == at && at < l.n-1 && l.runs[at+1].ended.After(r.ended) {
		l.runs[at] = l.runs[at+1]
		at++
		to = at
	}
	l.runs[to] = r
}

// find returns the index of a run, or -1 if it is unknown.
func (l *latestRuns) find(report *runReport) int {
	if report.id == "" {
		return -1
	}
	for i, r := range l.runs[:l.n] {
		if r.texts.is(runID, report.id) && r.texts.is(runAttempt, report.attempt) && r.texts.is(runRepository, report.repository) &&
			r.texts.is(runInstance, report.instance) && r.texts.is(runSystem, report.system) {
			return i
		}
	}
	return -1
}
