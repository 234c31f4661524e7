package status

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/topn"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// The events that report the usage of a worker. Rules decide which families they
// update.
const (
	workerContainersEvent = "worker containers"
	workerVolumesEvent    = "worker volumes"
	workerTasksEvent      = "worker tasks"
)

// workers returns the workers with the oldest heartbeats, at most limit of them. Its
// memory use is proportional to the limit. It reads all series of three families.
func (s *Status) workers(limit int, now series.Instant, wall series.Wall) Workers {
	staleAfter := s.engine.Store().OwnerLimit()
	total, oldest := s.oldestHeartbeats(limit)
	w := Workers{
		Total:             total,
		StaleAfterSeconds: staleAfter.Seconds(),
		List:              make([]Worker, len(oldest)),
	}
	byOwner := make(map[*series.Owner]*labeledWorker, len(oldest))
	for i, h := range oldest {
		w.List[i] = Worker{
			Name:           excerpt.Display(h.owner.Name()),
			LastHeartbeat:  wall.Time(h.last),
			DropsInSeconds: traffic.Rounded(staleAfter.Seconds() + s.engine.TickInterval().Seconds() - time.Duration(now-h.last).Seconds()),
		}
		byOwner[h.owner] = &labeledWorker{Worker: &w.List[i]}
	}
	for _, usage := range []struct {
		event string
		field func(*Worker) **float64
	}{
		{workerContainersEvent, func(w *Worker) **float64 { return &w.Containers }},
		{workerVolumesEvent, func(w *Worker) **float64 { return &w.Volumes }},
		{workerTasksEvent, func(w *Worker) **float64 { return &w.Tasks }},
	} {
		if gauge, ok := s.engine.WorkerGauge(usage.event); ok {
			addUsage(gauge, byOwner, usage.field, wall)
		}
	}
	for _, lw := range byOwner {
		lw.Platform, lw.Team, lw.Tags = excerpt.Display(sortAndJoin(lw.platforms)), excerpt.Display(sortAndJoin(lw.teams)), excerpt.Display(sortAndJoin(lw.tags))
	}
	return w
}

// A heartbeat is a worker and the time of its latest heartbeat.
type heartbeat struct {
	owner *series.Owner
	last  series.Instant
}

func (h heartbeat) compare(other heartbeat) int {
	return cmp.Or(cmp.Compare(h.last, other.last), strings.Compare(h.owner.Name(), other.owner.Name()))
}

// oldestHeartbeats returns the total number of workers, and the latest heartbeats of
// the workers that have been silent for longest: at most limit of them, oldest first.
func (s *Status) oldestHeartbeats(limit int) (total int, oldest []heartbeat) {
	selection := topn.New(limit, heartbeat.compare)
	for owner, last := range s.engine.Store().Owners {
		total++
		selection.Add(heartbeat{owner, last})
	}
	return total, selection.Sorted()
}

// A labeledWorker is a worker with the label values of its series.
type labeledWorker struct {
	*Worker
	platforms, teams, tags []string
}

// addUsage adds the values and labels of the gauge's series to the workers.
func addUsage(gauge engine.WorkerGauge, workers map[*series.Owner]*labeledWorker, field func(*Worker) **float64, wall series.Wall) {
	platform, team, tags := gauge.Label("platform"), gauge.Label("team_name"), gauge.Label("tags")
	var values []string
	for page := range gauge.Family.Sorted {
		for _, s := range page {
			w := workers[s.Owner()]
			if w == nil {
				continue
			}
			v, ok := gauge.Family.Value(s, wall)
			if !ok {
				continue
			}
			if sum := field(w.Worker); *sum == nil {
				*sum = &v
			} else {
				**sum = finite(**sum + v)
			}
			values = gauge.Family.Values(values[:0], s)
			w.platforms = addValue(w.platforms, values, platform)
			w.teams = addValue(w.teams, values, team)
			w.tags = addValue(w.tags, values, tags)
		}
	}
}

// finite returns v, or the nearest finite number if v is infinite: JSON has no
// infinity.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// addValue appends the value of a label to the list unless the family has no such label
// (label is -1), the value is empty, or the list already contains it.
func addValue(list, values []string, label int) []string {
	if label < 0 || values[label] == "" || slices.Contains(list, values[label]) {
		return list
	}
	return append(list, values[label])
}

// sortAndJoin sorts the values and joins them with commas.
func sortAndJoin(values []string) string {
	slices.Sort(values)
	return strings.Join(values, ", ")
}
