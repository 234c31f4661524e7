package aggregator

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/topn"
)

// maxListBytes is the maximum size of the texts in a list of the overview. Groups and
// agents can have dozens of labels with long values.
const maxListBytes = 512 << 10

// overviewLimit is the maximum number of groups and of agents in the overview.
const overviewLimit = 1000

// OverviewFields returns the fields that the Aggregator adds to the overview, the JSON
// behind the status page of emitter.Prometheus: agents and groups. It yields the name
// of each field with a function that returns its value, which can be encoded as JSON.
// The value describes the state at the time of the iteration. Its list has at most
// limit elements, and never more than 1,000. It has fewer if their texts are very long.
func (a *Aggregator) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) {
		agents, groups := a.Agents.overview(overviewLimit), a.Groups.overview(overviewLimit)
		cutAgents := func(limit int) any {
			o := agents
			o.List = o.List[:min(max(limit, 0), len(o.List))]
			return o
		}
		cutGroups := func(limit int) any {
			o := groups
			o.List = o.List[:min(max(limit, 0), len(o.List))]
			return o
		}
		_ = yield("agents", cutAgents) && yield("groups", cutGroups)
	}
}

// A groupsSection is the section of the overview about groups of pushed metrics.
type groupsSection struct {
	Total  int          `json:"total"`  // number of groups
	Series int          `json:"series"` // number of series of all groups, including sums
	Limit  int          `json:"limit"`  // maximum number of series
	List   []groupEntry `json:"list"`   // latest push first

	DamagedFile  string `json:"damaged_file"`  // path to which a damaged storage file was moved since the start; empty if there was none
	StorageError string `json:"storage_error"` // error of the last write to disk; empty if it succeeded
}

// A groupEntry is a group of pushed metrics.
type groupEntry struct {
	Labels  []labelEntry `json:"labels"`  // grouping labels
	Series  int          `json:"series"`  // number of series
	Pushed  *time.Time   `json:"pushed"`  // time of the last successful push; null if there was none
	Failed  *time.Time   `json:"failed"`  // time of the last rejected push; null if there was none
	Expires *time.Time   `json:"expires"` // null if the group never expires
}

// An agentsSection is the section of the overview about the agents that pushed within
// their TTL.
type agentsSection struct {
	Total  int          `json:"total"`  // number of agents
	Series int          `json:"series"` // number of series of all agents, including sums and series that expired recently
	Limit  int          `json:"limit"`  // maximum number of series
	List   []agentEntry `json:"list"`   // latest update first
}

// An agentEntry is an agent.
type agentEntry struct {
	Labels  []labelEntry `json:"labels"`  // base labels that are not empty
	Series  int          `json:"series"`  // number of series that have not expired
	Updated time.Time    `json:"updated"` // time of the last update
	Expires time.Time    `json:"expires"` // time at which all series expire if there are no further updates
}

// A labelEntry is a label.
type labelEntry struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newLabelEntry(l Label) labelEntry {
	return labelEntry{Name: excerpt.Display(l.Name), Value: excerpt.Display(l.Value)}
}

// textBytesOf returns the size of the texts of an entry with the labels.
func textBytesOf(labels []labelEntry) (n int) {
	for _, l := range labels {
		n += len(l.Name) + len(l.Value)
	}
	return n
}

// timeOrNil returns the time in UTC, or nil for the zero time.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// overview returns the section about groups, with at most limit groups. Pushes wait for
// it, but the time it takes does not depend on the total number of groups.
func (gs *Groups) overview(limit int) groupsSection {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	gs.expire(now)
	o := groupsSection{
		Total:  len(gs.groups),
		Series: int(gs.seriesCount.Load()) + len(gs.sums),
		Limit:  gs.maxSeries,
		List:   make([]groupEntry, 0, min(max(limit, 0), len(gs.groups))),
	}
	if file := gs.diskStatus.movedTo.Load(); file != nil {
		o.DamagedFile = excerpt.Display(*file)
	}
	if err := gs.diskStatus.flushErr.Load(); err != nil {
		o.StorageError = excerpt.Display((*err).Error())
	}
	bytes := 0
	for e := gs.latest.Front(); e != nil && len(o.List) < limit && bytes < maxListBytes; e = e.Next() {
		g := e.Value.(*group)
		entry := groupEntry{
			Labels: make([]labelEntry, 0, len(g.labels)), Series: g.size(),
			Pushed: timeOrNil(g.pushed), Failed: timeOrNil(g.failed), Expires: timeOrNil(g.expires(now, wall)),
		}
		for _, l := range g.labels {
			entry.Labels = append(entry.Labels, newLabelEntry(l))
		}
		bytes += textBytesOf(entry.Labels)
		o.List = append(o.List, entry)
	}
	return o
}

// overview returns the section about agents, with at most limit agents. Only updates of
// the listed agents wait for it, and only briefly.
func (a *Agents) overview(limit int) agentsSection {
	now, wall := a.clock.Tick(), a.wall()
	o := agentsSection{Series: int(a.seriesCount.Load()), Limit: int(a.maxSeries), List: []agentEntry{}}
	type updatedAgent struct {
		*agent
		at series.Instant
	}
	latest := topn.New(limit, func(a, b updatedAgent) int {
		return cmp.Or(cmp.Compare(b.at, a.at), slices.Compare(a.values, b.values))
	})
	for ag := range a.all {
		at := series.Instant(ag.updated.Load())
		if at == 0 || after(at, a.ttl) <= now {
			continue // the agent is being created, or has expired
		}
		o.Total++
		latest.Add(updatedAgent{ag, at})
	}
	bytes := 0
	for _, ag := range latest.Sorted() {
		if bytes >= maxListBytes {
			break
		}
		updated := wall.Add(-time.Duration(now - ag.at)).UTC()
		entry := agentEntry{Labels: []labelEntry{}, Series: ag.live(now), Updated: updated, Expires: updated.Add(a.ttl)}
		for i, v := range ag.values {
			if v != "" {
				entry.Labels = append(entry.Labels, newLabelEntry(Label{Name: a.base[i], Value: v}))
			}
		}
		bytes += textBytesOf(entry.Labels)
		o.List = append(o.List, entry)
	}
	return o
}

// live returns the number of the agent's series that have not expired.
func (ag *agent) live(now series.Instant) (n int) {
	ag.mu.Lock()
	defer ag.mu.Unlock()
	for i := range ag.entries {
		if e := &ag.entries[i]; e.summed && e.deadline > now || !e.summed && !e.series.Expired(now) {
			n++
		}
	}
	return n
}
