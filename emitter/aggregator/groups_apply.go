package aggregator

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// setFamilies adds the families to the group, or replaces those with the same names. If
// replace is true, it removes all others. at returns the instant at which a family was
// pushed. The caller must hold mu and the store's lock; this also applies to the
// functions below.
func (gs *Groups) setFamilies(g *group, families []*family, replace bool, at func(*family) series.Instant) {
	if replace {
		for name, old := range g.families {
			if _, stays := find(families, name); !stays {
				gs.removeFamily(g, old)
			}
		}
	}
	for _, f := range families {
		old := g.families[f.name]
		if old != nil && (old.typ != f.typ || len(f.samples) == 0) {
			gs.removeFamily(g, old)
			old = nil
		}
		if len(f.samples) > 0 {
			gs.setFamily(g, old, f, at(f))
		}
	}
}

// setFamily adds f to the group. It replaces old, unless that is nil.
func (gs *Groups) setFamily(g *group, old, f *family, now series.Instant) {
	f.open = gs.openFor(g, f)
	replaced := newReplacedSamples(old)
	fold := series.Alone
	if gs.aggregated {
		fold = gs.gauges.of(f.name)
	}
	for i := range f.samples {
		s := &f.samples[i]
		before := replaced.take(i, s.text)
		if gs.aggregated && isSummed(f.typ) {
			gs.sum(f, s).add(g, before, s)
			continue
		}
		if before != nil {
			s.series = before.series
		} else {
			s.series = f.open.Join(s.shown, gs.holder(g), &g.source, fold)
		}
		if s.metric != nil {
			s.series.Fill(s.metric)
		} else {
			s.series.Set(s.value)
		}
		s.series.SetUpdated(now)
		s.series.LiveUntil(series.Never)
	}
	g.families[f.name] = f
	gs.seriesCount.Add(int64(len(f.samples)))
	if old != nil {
		gs.seriesCount.Add(int64(-len(old.samples)))
		for removed := range replaced.rest {
			gs.removeSample(g, old, removed)
		}
	}
}

// openFor returns the family in the store for a family of the group, and adds it to the
// store if necessary. The first help text that a client pushes remains. A different
// help text in f replaces it only if groups are not aggregated and no other client has
// series in the family.
func (gs *Groups) openFor(g *group, f *family) *series.OpenFamily {
	open := gs.store.Family(f.name)
	if open != nil && f.help != "" && f.help != open.Help() &&
		(open.Help() == "" || open.Help() == agentHelp || !gs.aggregated && !open.HeldByOthers(g, gs.clock.Now())) {
		open.SetHelp(f.help)
	}
	// The family is looked up again, because HeldByOthers may have removed it.
	return gs.family(f.name, f.help, f.typ)
}

// A replacedSamples contains the samples of a family that is being replaced. The new
// family usually has the same samples in the same order.
type replacedSamples struct {
	old     []sample
	taken   []bool
	indexed bool
	index   series.LabelIndex // of the old texts; built when the order differs
}

func newReplacedSamples(old *family) *replacedSamples {
	if old == nil {
		return &replacedSamples{}
	}
	return &replacedSamples{old: old.samples, taken: make([]bool, len(old.samples))}
}

// take returns the old sample with the labels in the text, or nil. It first tries the
// i-th.
func (r *replacedSamples) take(i int, text string) *sample {
	if i >= len(r.old) || r.old[i].text != text {
		if !r.indexed {
			r.indexed = true
			for i := range r.old {
				r.index.Add(r.old[i].text)
			}
		}
		var ok bool
		if i, ok = r.index.Find(text); !ok {
			return nil
		}
	}
	r.taken[i] = true
	return &r.old[i]
}

// rest calls yield with the samples that take did not return.
func (r *replacedSamples) rest(yield func(*sample) bool) {
	for i, taken := range r.taken {
		if !taken && !yield(&r.old[i]) {
			return
		}
	}
}

// sum returns the sum to which a sample is to be added, and creates it if necessary. If
// the sample has other buckets, sum replaces the existing sum; the caller has checked
// that no other group has a sample in it.
func (gs *Groups) sum(f *family, s *sample) *sum {
	total := gs.sums[sumKey{f.name, s.shown}]
	if total != nil && !total.canAdd(s) {
		gs.dropSum(total)
		f.open = gs.family(f.name, f.help, f.typ)
		total = nil
	}
	if total == nil {
		total = gs.newSum(f.open, f.help, s.shown, s.metric)
	}
	return total
}

// newSum creates a sum, to which a sample with the metric will be added. It is not
// served until then.
func (gs *Groups) newSum(f *series.OpenFamily, help, shown string, metric *dto.Metric) *sum {
	total := &sum{all: gs, name: f.Name(), help: help, typ: f.Type(), shown: shown, groups: make(map[*group]struct{})}
	total.series = f.Join(shown, gs, nil, series.Alone)
	total.bytes = sumMemory(shown, metric)
	gs.memory.Add(total.bytes)
	gs.sums[sumKey{f.Name(), shown}] = total
	gs.sumCount.Store(int64(len(gs.sums)))
	return total
}

// dropSum removes a sum.
func (gs *Groups) dropSum(total *sum) {
	gs.store.Family(total.name).Leave(total.series)
	delete(gs.sums, sumKey{total.name, total.shown})
	gs.sumCount.Store(int64(len(gs.sums)))
	total.dropped = true
	gs.memory.Add(-total.bytes)
	total.hasChanged()
}

// removeFamily removes a family from the group.
func (gs *Groups) removeFamily(g *group, f *family) {
	for i := range f.samples {
		gs.removeSample(g, f, &f.samples[i])
	}
	delete(g.families, f.name)
	gs.seriesCount.Add(int64(-len(f.samples)))
}

// removeSample removes a sample from the store. If the sample is part of a sum, the sum
// does not decrease.
func (gs *Groups) removeSample(g *group, f *family, s *sample) {
	if s.series != nil {
		f.open.Leave(s.series)
		return
	}
	gs.sums[sumKey{f.name, s.shown}].removeSample(g, s)
}
