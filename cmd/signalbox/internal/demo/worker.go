package demo

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A workerState is what the scheduler makes of a worker. Only running and landing
// workers send heartbeats.
type workerState uint8

const (
	running  workerState = iota
	landing              // takes no more builds, finishes those that it has
	landed               // has finished them, and is restarted
	retiring             // takes no more builds, and is not to come back soon
	stalled              // has died without a sign
	gone                 // has left
)

// A worker runs builds' tasks.
type worker struct {
	name, platform, team, tag string
	tags                      []string
	tasks                     int // that it can run at a time

	state    workerState
	builds   []*build // whose tasks it runs
	slowness float64  // 1 unless there is an incident
	caches   int      // volumes that are no build's
}

// beats reports whether the worker sends heartbeats.
func (w *worker) beats() bool {
	return w.state == running || w.state == landing || w.state == retiring
}

// takes reports whether the worker can run a task of the job now.
func (w *worker) takes(j *job) bool {
	return w.state == running && len(w.builds) < w.tasks &&
		w.platform == j.platform && w.tag == j.tag && (w.team == "" || w.team == j.team)
}

// heartbeats is how far a worker's are apart: soon enough that one may be lost.
func (s *simulation) heartbeats() time.Duration {
	return min(30*time.Second, s.staleAfter/4)
}

// heartbeat tells what a worker has, now and again and again while it lives.
func (s *simulation) heartbeat(w *worker) {
	if !w.beats() {
		return // whatever brings it back starts its heartbeats anew
	}
	w.caches = min(max(w.caches+s.IntN(9)-4, 60), 600)
	containers := 3*len(w.builds) + s.IntN(4) // beside the tasks': of checks
	s.tellUsage(w, metric.WorkerContainers, containers)
	s.tellUsage(w, metric.WorkerVolumes, w.caches+8*len(w.builds))
	s.tellUsage(w, metric.WorkerTasks, len(w.builds))
	if s.chance(.1) {
		s.tellUsage(w, metric.WorkerUnknownContainers, s.IntN(3))
		s.tellUsage(w, metric.WorkerUnknownVolumes, s.IntN(5))
	}
	s.after(s.heartbeats(), func() { s.heartbeat(w) })
}

func (s *simulation) tellUsage(w *worker, resource metric.WorkerResource, count int) {
	tell(s, workerReports, metric.WorkerUsage{
		Resource:   resource,
		WorkerName: w.name,
		Platform:   w.platform,
		TeamName:   w.team,
		Tags:       w.tags,
		Count:      count,
	})
}

// planFate notes when something happens to a worker that runs. Fates come by the
// staleness limit, so that at any speed one sees workers go and come back.
func (s *simulation) planFate(w *worker) {
	s.after(s.waiting(20*s.staleAfter), func() {
		switch {
		case s.chance(.5):
			s.die(w)
		case s.chance(.7):
			s.drain(w, landing)
		default:
			s.drain(w, retiring)
		}
	})
}

// die ends a worker without a word, and the builds on it.
func (s *simulation) die(w *worker) {
	w.state = stalled
	for _, b := range slices.Clone(w.builds) {
		s.finish(b, metric.BuildErrored)
	}
	s.logError("atc.tracker.track.task-step.worker-disappeared")
	s.planReturn(w)
}

// drain has a worker finish what it runs, and then go.
func (s *simulation) drain(w *worker, state workerState) {
	w.state = state
	s.drained(w)
}

// leave is when a build has left a worker, which then has room for another.
func (s *simulation) leave(b *build, w *worker) {
	i := slices.Index(w.builds, b)
	w.builds = slices.Delete(w.builds, i, i+1)
	if w.state == running {
		s.fill(w)
		return
	}
	s.drained(w)
}

// drained lets a worker go that drains and has nothing left to do.
func (s *simulation) drained(w *worker) {
	switch {
	case len(w.builds) > 0:
		return
	case w.state == landing:
		w.state = landed
	case w.state == retiring:
		w.state = gone
	default:
		return
	}
	s.planReturn(w)
}

// planReturn notes when a worker is back: not before its series have gone.
func (s *simulation) planReturn(w *worker) {
	s.after(s.between(s.staleAfter*13/10, s.staleAfter*5/2), func() {
		w.state = running
		w.caches = 60 + s.IntN(60)
		s.tellRequest("RegisterWorker", "POST", "/api/v1/workers", 200, s.lasting(s.slowed(20*time.Millisecond), .4))
		s.heartbeat(w)
		s.fill(w)
		s.planFate(w)
	})
}

// tellWorkerStates counts the workers, now and again and again.
func (s *simulation) tellWorkerStates() {
	var states metric.WorkerStates
	for _, w := range s.workers {
		switch w.state {
		case running:
			states.Running++
		case landing:
			states.Landing++
		case landed:
			states.Landed++
		case retiring:
			states.Retiring++
		case stalled:
			states.Stalled++
		}
	}
	tell(s, workerStates, states)
	s.tally[workerStates] += 4 // it is an event for each state
	s.after(time.Minute, s.tellWorkerStates)
}
