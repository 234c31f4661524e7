package emitter

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// The events that tell what is on a worker. Which families they drive, and what the
// labels are called, is up to the rules.
const (
	workerContainersEvent = "worker containers"
	workerVolumesEvent    = "worker volumes"
	workerTasksEvent      = "worker tasks"
)

// workers are the workers that were heard of; those that will be dropped first come
// first, as many as the limit says. It takes memory in proportion to that, and a walk
// over the series of three families.
func (p *Prometheus) workers(limit int, now series.Instant, wall series.Wall) status.Workers {
	staleAfter := p.store.OwnerLimit()
	total, oldest := p.oldestWorkers(limit)
	w := status.Workers{
		Total:             total,
		StaleAfterSeconds: staleAfter.Seconds(),
		List:              make([]status.Worker, len(oldest)),
	}
	shown := make(map[*series.Owner]*shownWorker, len(oldest))
	for i, h := range oldest {
		w.List[i] = status.Worker{
			Name:           presented(h.owner.Name()),
			LastHeartbeat:  wall.Time(h.last),
			DropsInSeconds: rounded(staleAfter.Seconds() + p.tolerance.Seconds() - time.Duration(now-h.last).Seconds()),
		}
		shown[h.owner] = &shownWorker{Worker: &w.List[i]}
	}
	for _, usage := range []struct {
		event string
		of    func(*status.Worker) **float64
	}{
		{workerContainersEvent, func(w *status.Worker) **float64 { return &w.Containers }},
		{workerVolumesEvent, func(w *status.Worker) **float64 { return &w.Volumes }},
		{workerTasksEvent, func(w *status.Worker) **float64 { return &w.Tasks }},
	} {
		if plan := p.plans.Load().find(usage.event); plan != nil {
			plan.readWorkers(shown, usage.of, wall)
		}
	}
	for _, s := range shown {
		s.Platform, s.Team, s.Tags = presented(joined(s.platforms)), presented(joined(s.teams)), presented(joined(s.tags))
	}
	return w
}

// A heardWorker is a worker and when it was last heard of.
type heardWorker struct {
	owner *series.Owner
	last  series.Instant
}

func (h heardWorker) compare(other heardWorker) int {
	return cmp.Or(cmp.Compare(h.last, other.last), strings.Compare(h.owner.Name(), other.owner.Name()))
}

// oldestWorkers are those that were not heard of for the longest time, in that order,
// and how many there are in all.
func (p *Prometheus) oldestWorkers(limit int) (total int, oldest []heardWorker) {
	var kept latestFirst
	for owner, last := range p.store.Owners {
		total++
		h := heardWorker{owner, last}
		if len(kept) < limit {
			heap.Push(&kept, h)
		} else if limit > 0 && h.compare(kept[0]) < 0 {
			kept[0] = h
			heap.Fix(&kept, 0)
		}
	}
	slices.SortFunc(kept, heardWorker.compare)
	return total, kept
}

// latestFirst is a heap of workers, the one that was heard of last on top.
type latestFirst []heardWorker

// Len implements heap.Interface, as do the others.
func (l latestFirst) Len() int           { return len(l) }
func (l latestFirst) Less(i, j int) bool { return l[i].compare(l[j]) > 0 }
func (l latestFirst) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *latestFirst) Push(h any)        { *l = append(*l, h.(heardWorker)) }

func (l *latestFirst) Pop() any {
	last := len(*l) - 1
	h := (*l)[last]
	*l = (*l)[:last]
	return h
}

// A shownWorker is a worker with what its label sets say of it.
type shownWorker struct {
	*status.Worker
	platforms, teams, tags []string
}

// readWorkers adds up what the workers' series hold that the event drives.
func (p *plan) readWorkers(shown map[*series.Owner]*shownWorker, of func(*status.Worker) **float64, wall series.Wall) {
	u := p.usage()
	if u == nil {
		return
	}
	platform, team, tags := p.label(u, "platform"), p.label(u, "team_name"), p.label(u, "tags")
	var values []string
	for page := range u.family.Sorted {
		for _, s := range page {
			w := shown[s.Owner()]
			if w == nil {
				continue
			}
			v, ok := u.family.Value(s, wall)
			if !ok {
				continue
			}
			if sum := of(w.Worker); *sum == nil {
				*sum = &v
			} else {
				**sum = finite(**sum + v)
			}
			values = u.family.Values(values[:0], s)
			w.platforms = noted(w.platforms, values, platform)
			w.teams = noted(w.teams, values, team)
			w.tags = noted(w.tags, values, tags)
		}
	}
}

// usage is the first of the plan's updates that sets a gauge which belongs to the
// worker, or nil.
func (p *plan) usage() *update {
	for i := range p.updates {
		if u := &p.updates[i]; p.worker >= 0 && u.op == series.Set && slices.Contains(u.labels, uint8(p.worker)) {
			return u
		}
	}
	return nil
}

// label is the index of the family's label that shows an attribute, or -1.
func (p *plan) label(u *update, attribute string) int {
	return slices.IndexFunc(u.labels, func(i uint8) bool { return p.attributeOf(i) == attribute })
}

// finite is v, or the number nearest to it that JSON has.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// noted is a worker's values of a label with that of one more series.
func noted(of, values []string, label int) []string {
	if label < 0 || values[label] == "" || slices.Contains(of, values[label]) {
		return of
	}
	return append(of, values[label])
}

// joined is the values in one text.
func joined(values []string) string {
	slices.Sort(values)
	return strings.Join(values, ", ")
}
