package builds

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"time"
)

// maxLatest is the number of finished runs to show.
const maxLatest = 20

// The indexes of the texts of a run, which follow those of its pipeline.
const (
	textRunID = textPipeline + 1 + iota
	textRunAttempt
	textRunURL
)

// A run is a run that has finished.
type run struct {
	ended   time.Time
	result  key
	seconds float64 // the duration; negative if it is unknown
	number  uint64  // of the latest report; of runs that ended at the same time, the one reported last is shown first
	texts   texts
}

// latestRuns contains the runs that ended last, in no particular order. The values that
// each event is compared with are in arrays, so that comparing takes little time.
type latestRuns struct {
	seed  maphash.Seed
	runs  [maxLatest]run
	ids   [maxLatest]uint64 // hashes of the texts that identify the runs
	ended [maxLatest]int64  // when the runs ended, in nanoseconds since the Unix epoch
	n     int
	first int // index of the run that ended first

	reports uint64
}

// A runReport is what one event says about a run that has finished.
type runReport struct {
	ended   time.Time
	result  key
	seconds float64 // negative if the event does not contain the duration
}

// set adds a run, or updates it if it is known. It may keep t, and returns a buffer for
// other texts. The two events about a run can arrive in any order. A run without an ID
// is always added.
func (l *latestRuns) set(t texts, report *runReport) texts {
	identity := t.first(textRunURL)
	id, ended := maphash.Bytes(l.seed, identity), report.ended.UnixNano()
	at := l.find(t, identity, id)
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
		return t
	default:
		at = l.first
		l.runs[at].seconds = report.seconds
	}
	r := &l.runs[at]
	l.reports++
	r.ended, r.result, r.number = report.ended, report.result, l.reports
	r.texts, t = t, r.texts[:0]
	l.ids[at], l.ended[at] = id, ended
	l.first, ended = 0, l.ended[0]
	for i, t := range l.ended[1:l.n] {
		if t < ended {
			l.first, ended = i+1, t
		}
	}
	return t
}

// find returns the index of the run with the texts, or -1 if it is unknown. identity are
// those that identify it, and id is their hash.
func (l *latestRuns) find(t, identity texts, id uint64) int {
	for i, known := range l.ids[:l.n] {
		if known == id && len(t.at(textRunID)) > 0 && bytes.Equal(l.runs[i].texts.first(textRunURL), identity) {
			return i
		}
	}
	return -1
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
