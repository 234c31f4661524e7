package status

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/topn"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// The events that report what is on a worker. The rules decide which families they
// update.
const (
	workerContainersEvent = "worker containers"
	workerVolumesEvent    = "worker volumes"
	workerTasksEvent      = "worker tasks"
)

// workers returns the workers, at most limit of them, first those whose series will be
// removed first. It takes memory in proportion to the limit, and a walk over the series
// of three families.
func (s *Status) workers(limit int, now series.Instant, wall series.Wall) Workers {
	staleAfter := s.engine.Store().OwnerLimit()
	total, oldest := s.oldestWorkers(limit)
	w := Workers{
		Total:             total,
		StaleAfterSeconds: staleAfter.Seconds(),
		List:              make([]Worker, len(oldest)),
	}
	byOwner := make(map[*series.Owner]*shownWorker, len(oldest))
	for i, h := range oldest {
		w.List[i] = Worker{
			Name:           shown(h.owner.Name()),
			LastHeartbeat:  wall.Time(h.last),
			DropsInSeconds: traffic.Rounded(staleAfter.Seconds() + s.engine.TickInterval().Seconds() - time.Duration(now-h.last).Seconds()),
		}
		byOwner[h.owner] = &shownWorker{Worker: &w.List[i]}
	}
	for _, usage := range []struct {
		event string
		of    func(*Worker) **float64
	}{
		{workerContainersEvent, func(w *Worker) **float64 { return &w.Containers }},
		{workerVolumesEvent, func(w *Worker) **float64 { return &w.Volumes }},
		{workerTasksEvent, func(w *Worker) **float64 { return &w.Tasks }},
	} {
		if gauge, ok := s.engine.WorkerGauge(usage.event); ok {
			readWorkers(gauge, byOwner, usage.of, wall)
		}
	}
	for _, sw := range byOwner {
		sw.Platform, sw.Team, sw.Tags = shown(joined(sw.platforms)), shown(joined(sw.teams)), shown(joined(sw.tags))
	}
	return w
}

// A heardWorker is a worker and when its last heartbeat came.
type heardWorker struct {
	owner *series.Owner
	last  series.Instant
}

func (h heardWorker) compare(other heardWorker) int {
	return cmp.Or(cmp.Compare(h.last, other.last), strings.Compare(h.owner.Name(), other.owner.Name()))
}

// oldestWorkers returns how many workers there are, and those whose last heartbeat is
// the oldest, in that order.
func (s *Status) oldestWorkers(limit int) (total int, oldest []heardWorker) {
	selection := topn.New(limit, heardWorker.compare)
	for owner, last := range s.engine.Store().Owners {
		total++
		selection.Add(heardWorker{owner, last})
	}
	return total, selection.Sorted()
}

// A shownWorker is a worker with the label values of its series.
type shownWorker struct {
	*Worker
	platforms, teams, tags []string
}

// readWorkers adds what the series of a gauge say about the workers.
func readWorkers(gauge engine.WorkerGauge, workers map[*series.Owner]*shownWorker, of func(*Worker) **float64, wall series.Wall) {
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
			if sum := of(w.Worker); *sum == nil {
				*sum = &v
			} else {
				**sum = finite(**sum + v)
			}
			values = gauge.Family.Values(values[:0], s)
			w.platforms = noted(w.platforms, values, platform)
			w.teams = noted(w.teams, values, team)
			w.tags = noted(w.tags, values, tags)
		}
	}
}

// finite returns v, or the nearest number that JSON can represent.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// noted adds the value of a label to those of a worker's other series.
func noted(of, values []string, label int) []string {
	if label < 0 || values[label] == "" || slices.Contains(of, values[label]) {
		return of
	}
	return append(of, values[label])
}

// joined returns the sorted values in one text.
func joined(values []string) string {
	slices.Sort(values)
	return strings.Join(values, ", ")
}
