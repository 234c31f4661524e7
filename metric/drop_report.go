package metric

import "time"

// dropReportInterval is the minimum time between two log lines about dropped events. An
// emitter that drops one event usually drops thousands.
const dropReportInterval = time.Second

// A dropReport counts dropped events between two log lines about them. The zero value
// has nothing to report. It is not safe for concurrent use.
type dropReport struct {
	unreported uint64
	last       time.Time // when a report was last due
}

// add counts one dropped event and returns how many to report now, if any.
func (r *dropReport) add(now time.Time) uint64 {
	r.unreported++
	return r.due(now)
}

// pending reports whether any dropped events are unreported.
func (r *dropReport) pending() bool { return r.unreported > 0 }

// due returns how many dropped events to report now, and marks them as reported.
func (r *dropReport) due(now time.Time) uint64 {
	if now.Sub(r.last) < dropReportInterval {
		return 0
	}
	r.last = now
	return r.take()
}

// take is like due but ignores the interval.
func (r *dropReport) take() uint64 {
	n := r.unreported
	r.unreported = 0
	return n
}
