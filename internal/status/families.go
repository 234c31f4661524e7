package status

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// countedFamilies is how many of the largest families have their label values counted.
const countedFamilies = 10

// families returns the families that events update, those with the most series first.
func (s *Status) families(now time.Time) Families {
	f := Families{List: []Family{}}
	var all []*series.Family
	for _, family := range s.engine.Store().Families() {
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
	labels := s.labels.of(all[:min(len(all), countedFamilies)], now)
	for _, family := range all {
		f.List = append(f.List, Family{
			Name:    shown(family.Name()),
			Type:    family.Type().String(),
			Series:  size[family],
			Refused: family.Refused(),
			Labels:  labels[family.Name()],
		})
	}
	return f
}

// labelCounts counts how many values the labels of the largest families have. That
// reads each of their series, which can take longer than a client waits for the
// overview, so the goroutine of run does it, at most a twentieth of the time. Until it
// is done, of returns the previous counts.
type labelCounts struct {
	wanted chan labelsWanted // unbuffered: requests while it counts are left out
	latest atomic.Pointer[countedLabels]
}

type labelsWanted struct {
	families []*series.Family
	now      time.Time
}

type countedLabels struct {
	byFamily map[string][]LabelCount // the name, so that no family is kept
	until    time.Time               // when they are to be counted again
}

// labelCountsAge is how long counts are used, at least.
const labelCountsAge = 5 * time.Second

// of returns the latest counts by family, nil before the first, and requests new ones if
// those are old.
func (l *labelCounts) of(families []*series.Family, now time.Time) map[string][]LabelCount {
	latest := l.latest.Load()
	if latest == nil || !now.Before(latest.until) {
		select {
		case l.wanted <- labelsWanted{families, now}:
		default: // it is counting
		}
	}
	if latest == nil {
		return nil
	}
	return latest.byFamily
}

// run counts what of requests, until the context ends.
func (l *labelCounts) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-l.wanted:
			begin := time.Now()
			counts := make(map[string][]LabelCount, len(w.families))
			for _, f := range w.families {
				if ctx.Err() != nil {
					return
				}
				if f.Len() <= 1 {
					continue
				}
				for _, c := range f.CountValues() {
					counts[f.Name()] = append(counts[f.Name()], LabelCount{Name: shown(c.Name), Values: c.Values})
				}
			}
			l.latest.Store(&countedLabels{counts, w.now.Add(max(labelCountsAge, 20*time.Since(begin)))})
		}
	}
}
