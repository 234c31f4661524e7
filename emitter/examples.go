package emitter

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// maxExampleBytes is how much is kept of each text of an example.
const maxExampleBytes = 512

// examples are the latest events that were rejected, one of each reason. Its zero
// value has none. It is safe for concurrent use.
type examples [reasons]atomic.Pointer[example]

type example struct {
	at                     series.Instant
	event, metric, message string
}

// keep makes the event the example of its reason. Of long texts it keeps the
// beginnings.
func (e *examples) keep(why reason, at series.Instant, event, metric, message string) {
	e[why].Store(&example{at, excerpt(event), excerpt(metric), excerpt(message)})
}

// excerpt is a copy of the beginning of what somebody sent, in UTF-8.
func excerpt(s string) string {
	return strings.Clone(strings.ToValidUTF8(beginning(s, maxExampleBytes), "\uFFFD"))
}

// rejections are the reasons that there were with their examples, the most frequent first.
func (m *selfMetrics) rejections(wall series.Wall) []status.Rejection {
	list := []status.Rejection{}
	for why := accepted + 1; why < reasons; why++ {
		count := m.rejected[why].Load()
		if count == 0 {
			continue
		}
		r := status.Rejection{Reason: reasonLabels[why], Count: count}
		if e := m.examples[why].Load(); e != nil {
			r.Latest = &status.Example{Time: wall.Time(e.at), Event: e.event, Metric: e.metric, Message: e.message}
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b status.Rejection) int { return cmp.Compare(b.Count, a.Count) })
	return list
}
