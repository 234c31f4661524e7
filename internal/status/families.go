package status

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// countedFamilies is the number of families whose label values are counted: those with
// the most series.
const countedFamilies = 10

// families returns the families that events update, most series first.
func (s *Status) families(now time.Time) Families {
	f := Families{List: []Family{}}
	var all []*series.Family
	for _, family := range s.engine.Store().Families() {
		if !family.Internal() {
			all = append(all, family)
			f.Limit = family.Limit()
		}
	}
	size := make(map[*series.Family]int, len(all)) // sizes change while the families are sorted
	for _, family := range all {
		size[family] = family.Len()
		f.Series += size[family]
	}
	slices.SortStableFunc(all, func(a, b *series.Family) int { return cmp.Compare(size[b], size[a]) })

	f.Total = len(all)
	labels := s.labels.latest(all[:min(len(all), countedFamilies)], now)
	for _, family := range all {
		f.List = append(f.List, Family{
			Name:    excerpt.Display(family.Name()),
			Type:    family.Type().String(),
			Series:  size[family],
			Refused: family.Refused(),
			Labels:  labels[family.Name()],
		})
	}
	return f
}

// A labelCounter counts the distinct values of each label of a family. Counting reads
// every series, which can take longer than a client waits for the overview, so run does
// it in its own goroutine, for at most a twentieth of the time.
type labelCounter struct {
	requests chan labelCountRequest // unbuffered: requests while run is counting are dropped
	counts   atomic.Pointer[labelCounts]
}

type labelCountRequest struct {
	families []*series.Family
	now      time.Time
}

// labelCounts are the results of one count.
type labelCounts struct {
	byFamily map[string][]LabelCount // by name, so that removed families can be freed
	until    time.Time               // when to count again
}

// labelCountsAge is the minimum time for which counts are used.
const labelCountsAge = 5 * time.Second

// latest returns the latest counts by family name, or nil if there are none yet. It
// requests new counts if these are too old.
func (l *labelCounter) latest(families []*series.Family, now time.Time) map[string][]LabelCount {
	counts := l.counts.Load()
	if counts == nil || !now.Before(counts.until) {
		select {
		case l.requests <- labelCountRequest{families, now}:
		default: // run is counting
		}
	}
	if counts == nil {
		return nil
	}
	return counts.byFamily
}

// run counts the label values that latest requests until ctx is done.
func (l *labelCounter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-l.requests:
			begin := time.Now()
			counts := make(map[string][]LabelCount, len(request.families))
			for _, f := range request.families {
				if ctx.Err() != nil {
					return
				}
				if f.Len() <= 1 {
					continue
				}
				for _, c := range f.CountValues() {
					counts[f.Name()] = append(counts[f.Name()], LabelCount{Name: excerpt.Display(c.Name), Values: c.Values})
				}
			}
			l.counts.Store(&labelCounts{counts, request.now.Add(max(labelCountsAge, 20*time.Since(begin)))})
		}
	}
}
