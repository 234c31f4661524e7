package aggregator

import (
	"cmp"
	"container/heap"
	"container/list"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// LatestGroups are the groups of pushed metrics without the metrics: how many there
// are, and those that were pushed last.
type LatestGroups struct {
	Total       int
	Series      int // of all groups, and sums of them
	SeriesLimit int
	Latest      []GroupSummary // those first that were pushed last

	// DamagedFile is where the file of groups was moved when it was found damaged last.
	// StorageError is why the latest attempt to bring pushes to disk failed. Both are
	// empty if nothing is wrong.
	DamagedFile, StorageError string
}

// A GroupSummary is a Group without its metrics. Its times are as there.
type GroupSummary struct {
	Labels                  []Label // must not be changed
	Series                  int
	Pushed, Failed, Expires time.Time
}

// LatestAgents are the agents that pushed within their TTL: how many there are, and
// those that were heard of last.
type LatestAgents struct {
	Total       int
	Series      int // of all agents, and sums of them, those that expired of late included
	SeriesLimit int
	Latest      []AgentSummary // those first that were heard of last
}

// An AgentSummary is an agent without its metrics.
type AgentSummary struct {
	Labels           []Label // those base labels that are not empty, in their order
	Series           int
	Updated, Expires time.Time
}

// LatestGroups returns at most so many of the groups that were pushed last, none of
// them if that is 0 or less. However many there are, pushes wait for it no longer than
// it takes to list those. It is safe for concurrent use.
func (a *Aggregator) LatestGroups(most int) LatestGroups {
	j := a.jobs
	j.store.Lock()
	defer j.store.Unlock()
	now, wall := a.clock.Tick(), a.wall()
	j.expire(now)
	l := LatestGroups{
		Total:       len(j.groups),
		Series:      int(j.seriesCount.Load()) + len(j.sums),
		SeriesLimit: j.options.MaxSeries,
		Latest:      make([]GroupSummary, 0, min(max(most, 0), len(j.groups))),
	}
	if file := j.damagedFile.Load(); file != nil {
		l.DamagedFile = *file
	}
	if err := j.flushError.Load(); err != nil {
		l.StorageError = (*err).Error()
	}
	for e := j.latest.Front(); e != nil && len(l.Latest) < most; e = e.Next() {
		g := e.Value.(*group)
		s := GroupSummary{Labels: g.labels, Series: g.size(), Pushed: g.pushed, Failed: g.failed}
		if at := g.source.Deadline(); at != series.Never {
			s.Expires = wall.Add(time.Duration(at - now))
		}
		l.Latest = append(l.Latest, s)
	}
	return l
}

// orderLatest puts the groups in the order of their last pushes, which those that were
// restored are not in.
func (j *jobs) orderLatest() {
	j.store.Lock()
	defer j.store.Unlock()
	groups := make([]*group, 0, len(j.groups))
	for _, g := range j.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return b.pushed.Compare(a.pushed) })
	j.latest = list.List{}
	for _, g := range groups {
		g.latest = j.latest.PushBack(g)
	}
}

// LatestAgents returns at most so many of the agents that were heard of last, none of
// them if that is 0 or less. Updates do not wait for it, but for a moment those of
// agents that it returns. It is safe for concurrent use.
func (a *Aggregator) LatestAgents(most int) LatestAgents {
	now, wall := a.clock.Tick(), a.wall()
	l := LatestAgents{Series: int(a.held.Load()), SeriesLimit: int(a.maxSeries), Latest: []AgentSummary{}}
	var latest oldestFirst
	for ag := range a.eachAgent {
		updated := series.Instant(ag.updated.Load())
		if updated == 0 || after(updated, a.ttl) <= now {
			continue // being made, or kept for its counters alone
		}
		l.Total++
		if len(latest) < most {
			heap.Push(&latest, heardAgent{ag, updated})
		} else if most > 0 && updated > latest[0].updated {
			latest[0] = heardAgent{ag, updated}
			heap.Fix(&latest, 0)
		}
	}
	slices.SortFunc(latest, func(a, b heardAgent) int {
		return cmp.Or(cmp.Compare(b.updated, a.updated), slices.Compare(a.values, b.values))
	})
	for _, h := range latest {
		s := AgentSummary{Series: h.live(now), Updated: wall.Add(-time.Duration(now - h.updated))}
		s.Expires = s.Updated.Add(a.ttl)
		for i, v := range h.values {
			if v != "" {
				s.Labels = append(s.Labels, Label{Name: a.base[i], Value: v})
			}
		}
		l.Latest = append(l.Latest, s)
	}
	return l
}

// eachAgent calls yield with the agents there are, in any order, until it returns
// false. The lock on them is given up now and then for those who make agents.
func (a *Aggregator) eachAgent(yield func(*agent) bool) {
	const atATime = 1024
	a.agents.RLock()
	defer a.agents.RUnlock()
	n := 0
	for _, ag := range a.agents.byHash {
		for ; ag != nil; ag = ag.next {
			if !yield(ag) {
				return
			}
		}
		if n++; n%atATime == 0 {
			a.agents.RUnlock()
			a.agents.RLock()
		}
	}
}

// live is how many of the agent's series live.
func (ag *agent) live(now series.Instant) (n int) {
	ag.mu.Lock()
	defer ag.mu.Unlock()
	for i := range ag.entries {
		if e := &ag.entries[i]; e.summed && e.deadline > now || !e.summed && !e.series.Over(now) {
			n++
		}
	}
	return n
}

// A heardAgent is an agent and when it was heard of.
type heardAgent struct {
	*agent
	updated series.Instant
}

// oldestFirst is a heap of agents, the one that was not heard of for the longest time
// on top.
type oldestFirst []heardAgent

// Len implements heap.Interface, as do the others.
func (o oldestFirst) Len() int           { return len(o) }
func (o oldestFirst) Less(i, j int) bool { return o[i].updated < o[j].updated }
func (o oldestFirst) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *oldestFirst) Push(h any)        { *o = append(*o, h.(heardAgent)) }

func (o *oldestFirst) Pop() any {
	last := len(*o) - 1
	h := (*o)[last]
	*o = (*o)[:last]
	return h
}
