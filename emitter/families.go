package emitter

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// countedFamilies is of how many families, the largest, the label values are counted.
const countedFamilies = 10

// families are the families that events drive; those with the most series come first.
func (p *Prometheus) families(now time.Time) status.Families {
	f := status.Families{List: []status.Family{}}
	var all []*series.Family
	for _, family := range p.store.Families() {
		if !family.Internal() {
			all = append(all, family)
			f.Limit = family.Limit()
		}
	}
	size := make(map[*series.Family]int, len(all)) // they change while they are sorted
	for _, family := range all {
		size[family] = family.Len()
		f.Series += size[family]
	}
	slices.SortStableFunc(all, func(a, b *series.Family) int { return cmp.Compare(size[b], size[a]) })

	f.Total = len(all)
	labels := p.status.labels.of(all[:min(len(all), countedFamilies)], now)
	for _, family := range all {
		f.List = append(f.List, status.Family{
			Name:    presented(family.Name()),
			Type:    family.Type().String(),
			Series:  size[family],
			Refused: family.Refused(),
			Labels:  labels[family.Name()],
		})
	}
	return f
}

// labelCounts keep how many values the labels of the largest families have. Counting
// looks at each of their series, which can take longer than anybody waits for the
// overview. So it is done beside, by the goroutine of run, a twentieth of the time at
// most, and meanwhile there are the counts of before.
type labelCounts struct {
	wanted chan labelsWanted // without room: what comes while it counts is not counted next
	latest atomic.Pointer[countedLabels]
}

type labelsWanted struct {
	families []*series.Family
	now      time.Time
}

type countedLabels struct {
	byFamily map[string][]status.LabelCount // the name, so that no family is kept
	until    time.Time                      // when they are to be counted again
}

// Counts are good for as long at least.
const labelCountsAge = 5 * time.Second

// of is how many values the labels have, by family, as it was counted last: nil before
// the first time. It has them counted again if that was long ago.
func (l *labelCounts) of(families []*series.Family, now time.Time) map[string][]status.LabelCount {
	latest := l.latest.Load()
	if latest == nil || !now.Before(latest.until) {
		select {
		case l.wanted <- labelsWanted{families, now}:
		default: // it counts at this moment
		}
	}
	if latest == nil {
		return nil
	}
	return latest.byFamily
}

// run counts what is wanted until the context ends.
func (l *labelCounts) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-l.wanted:
			begin := time.Now()
			counts := make(map[string][]status.LabelCount, len(w.families))
			for _, f := range w.families {
				if ctx.Err() != nil {
					return
				}
				if f.Len() <= 1 {
					continue
				}
				for _, c := range f.CountValues() {
					counts[f.Name()] = append(counts[f.Name()], status.LabelCount{Name: presented(c.Name), Values: c.Values})
				}
			}
			l.latest.Store(&countedLabels{counts, w.now.Add(max(labelCountsAge, 20*time.Since(begin)))})
		}
	}
}
