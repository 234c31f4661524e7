package emitter

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
	"github.com/signalbox-ci/signalbox/emitter/internal/status"
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

// labelCounts keeps how many values the labels of the largest families have. Counting
// looks at each of their series, so it is done a twentieth of the time at most.
type labelCounts struct {
	counts map[string][]status.LabelCount // by family: the name, so that none is kept
	until  time.Time
}

// Counts are good for as long at least.
const labelCountsAge = 5 * time.Second

func (l *labelCounts) of(families []*series.Family, now time.Time) map[string][]status.LabelCount {
	if l.counts != nil && now.Before(l.until) {
		return l.counts
	}
	begin := time.Now()
	l.counts = make(map[string][]status.LabelCount, len(families))
	for _, f := range families {
		if f.Len() <= 1 {
			continue
		}
		for _, c := range f.CountValues() {
			l.counts[f.Name()] = append(l.counts[f.Name()], status.LabelCount{Name: presented(c.Name), Values: c.Values})
		}
	}
	l.until = now.Add(max(labelCountsAge, 20*time.Since(begin)))
	return l.counts
}
