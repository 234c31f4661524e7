package aggregator

import (
	"container/heap"
	"container/list"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A group contains the metrics that were pushed with one set of grouping labels.
type group struct {
	key    string
	labels []Label // sorted
	source series.Source
	ttl    time.Duration
	ownTTL bool          // ttl was set by a push, and is not the default
	index  int           // in Groups.expiring; -1 if the group never expires
	latest *list.Element // in Groups.latest

	pushed, failed time.Time
	families       map[string]*family
	own, bytes     int64 // memory of the group without its families, and of the families

	pushTime, failureTime pushTimeSeries
}

// A pushTimeSeries is a series whose value is the time of a push to a group.
type pushTimeSeries struct {
	family *series.OpenFamily
	series *series.OpenSeries
}

func newGroup(key string, labels []Label) *group {
	return &group{key: key, labels: labels, index: -1, families: make(map[string]*family)}
}

// isNew reports whether the group has not been added to Groups yet.
func (g *group) isNew() bool { return g.pushTime.series == nil }

// size returns the number of the group's series.
func (g *group) size() (n int) {
	for _, f := range g.families {
		n += len(f.samples)
	}
	return n
}

// expires returns when the group expires, or the zero time if it never does.
func (g *group) expires(now series.Instant, wall time.Time) time.Time {
	if at := g.source.Deadline(); at != series.Never {
		return wall.Add(time.Duration(at - now))
	}
	return time.Time{}
}

// A snapshot is the state of a group at a point in time.
type snapshot struct {
	group    Group     // without Families
	families []*family // sorted by name; immutable
}

func (g *group) snapshot(now series.Instant, wall time.Time) snapshot {
	s := snapshot{
		group:    Group{Labels: g.labels, Pushed: g.pushed, Failed: g.failed, Expires: g.expires(now, wall), TTL: g.ttl},
		families: make([]*family, 0, len(g.families)),
	}
	for _, f := range g.families {
		s.families = append(s.families, f)
	}
	slices.SortFunc(s.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	return s
}

// add adds the group to the groups if it is new. The caller must hold mu and the
// store's lock.
func (gs *Groups) add(g *group) {
	if !g.isNew() {
		return
	}
	_, shown := gs.texts(g.labels, len(g.labels))
	fold := series.Alone
	if gs.aggregated {
		fold = series.Max
	}
	for _, t := range []struct {
		to         *pushTimeSeries
		name, help string
	}{
		{&g.pushTime, pushTimeName, "Last Unix time when changing this group in the Pushgateway succeeded."},
		{&g.failureTime, failureTimeName, "Last Unix time when changing this group in the Pushgateway failed."},
	} {
		f := gs.family(t.name, t.help, series.Gauge)
		*t.to = pushTimeSeries{f, f.Join(shown, gs.holder(g), &g.source, fold)}
		t.to.series.LiveUntil(series.Never)
	}
	gs.groups[g.key] = g
	g.latest = gs.latest.PushBack(g)
	gs.groupCount.Store(int64(len(gs.groups)))
}

// remove removes a group. The caller must hold mu.
func (gs *Groups) remove(g *group) {
	gs.store.Lock()
	defer gs.store.Unlock()
	for _, f := range g.families {
		gs.removeFamily(g, f)
	}
	for _, t := range []pushTimeSeries{g.pushTime, g.failureTime} {
		t.family.Leave(t.series)
	}
	if g.index >= 0 {
		heap.Remove(&gs.expiring, g.index)
	}
	gs.memory.Add(-g.own - g.bytes)
	delete(gs.groups, g.key)
	gs.latest.Remove(g.latest)
	gs.groupCount.Store(int64(len(gs.groups)))
}

// holder returns the holder of the group's series in the store. If groups are
// aggregated, all of them share one holder.
func (gs *Groups) holder(g *group) any {
	if gs.aggregated {
		return gs
	}
	return g
}

// family returns the family with the name, and adds it if necessary. The caller must
// hold the store's lock.
func (gs *Groups) family(name, help string, typ series.Type) *series.OpenFamily {
	if f := gs.store.Family(name); f != nil {
		return f
	}
	return gs.store.AddFamily(name, help, typ)
}

// setTTL sets the TTL of the group, which begins now. 0 means that it never expires.
func (gs *Groups) setTTL(g *group, ttl time.Duration, now series.Instant) {
	g.ttl = ttl
	gs.liveUntil(g, after(now, ttl))
}

// liveUntil sets the instant at which the group expires. With series.Never, the group
// does not expire.
func (gs *Groups) liveUntil(g *group, deadline series.Instant) {
	g.source.LiveUntil(deadline)
	switch {
	case deadline == series.Never && g.index >= 0:
		heap.Remove(&gs.expiring, g.index)
	case deadline == series.Never:
	case g.index >= 0:
		heap.Fix(&gs.expiring, g.index)
	default:
		heap.Push(&gs.expiring, g)
	}
}

// expiring is a heap of the groups that have a TTL; the first to expire is on top.
type expiring []*group

// Len and the following methods implement heap.Interface.
func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].source.Deadline() < e[j].source.Deadline() }
func (e expiring) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

func (e *expiring) Push(g any) {
	g.(*group).index = len(*e)
	*e = append(*e, g.(*group))
}

func (e *expiring) Pop() any {
	last := len(*e) - 1
	g := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	g.index = -1
	return g
}

// unixSeconds returns a time in seconds since the Unix epoch, or 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
