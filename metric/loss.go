package metric

import "time"

// lossReportInterval is the least time between two log lines about lost
// events. An emitter that loses one event is about to lose thousands.
const lossReportInterval = time.Second

// A lossReport counts lost events up to the next log line about them. The zero
// value has nothing to report. It is not safe for concurrent use.
type lossReport struct {
	unreported uint64
	last       time.Time // when the last line was due
}

// add counts one lost event, and returns how many to report now, if any.
func (r *lossReport) add(now time.Time) uint64 {
	r.unreported++
	return r.due(now)
}

// pending tells whether there are losses that no line has told of.
func (r *lossReport) pending() bool { return r.unreported > 0 }

// due returns how many lost events to report now, and takes them as reported.
func (r *lossReport) due(now time.Time) uint64 {
	if now.Sub(r.last) < lossReportInterval {
		return 0
	}
	r.last = now
	return r.take()
}

// take is due whatever the time.
func (r *lossReport) take() uint64 {
	n := r.unreported
	r.unreported = 0
	return n
}
