package demo

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A workerState is the state of a worker in the scheduler. Only running, landing and
// retiring workers send heartbeats.
type workerState uint8

const (
	running  workerState = iota
	landing              // accepts no more builds, finishes those that it has
	landed               // has finished them and is being restarted
	retiring             // accepts no more builds, and then leaves
	stalled              // has failed without notice
	gone                 // has left
)

// A worker runs the tasks of builds.
type worker struct {
	name, platform, team, tag string
	tags                      []string
	tasks                     int // maximum number of concurrent tasks

	state    workerState
	builds   []*build // builds whose tasks it runs
	slowness float64  // factor for durations of tasks; 1 except during an incident
	caches   int      // volumes that do not belong to a build
}

// sendsHeartbeats reports whether the worker sends heartbeats.
func (w *worker) sendsHeartbeats() bool {
	return w.state == running || w.state == landing || w.state == retiring
}

// canRun reports whether the worker can run a task of the job now.
func (w *worker) canRun(j *job) bool {
	return w.state == running && len(w.builds) < w.tasks &&
		w.platform == j.platform && w.tag == j.tag && (w.team == "" || w.team == j.team)
}

// heartbeatInterval returns the time between heartbeats of a worker. It is short enough
// that the worker does not become stale when some are lost.
func (s *simulation) heartbeatInterval() time.Duration {
	return min(30*time.Second, s.staleAfter/4)
}

// heartbeat emits the usage of a worker, and adds the next heartbeat to the agenda
// until the worker stops.
func (s *simulation) heartbeat(w *worker) {
	if !w.sendsHeartbeats() {
		return // planReturn restarts the heartbeats
	}
	w.caches = min(max(w.caches+s.IntN(9)-4, 60), 600)
	containers := 3*len(w.builds) + s.IntN(4) // those of tasks and of checks
	s.emitUsage(w, metric.WorkerContainers, containers)
	s.emitUsage(w, metric.WorkerVolumes, w.caches+8*len(w.builds))
	s.emitUsage(w, metric.WorkerTasks, len(w.builds))
	if s.Chance(.1) {
		s.emitUsage(w, metric.WorkerUnknownContainers, s.IntN(3))
		s.emitUsage(w, metric.WorkerUnknownVolumes, s.IntN(5))
	}
	s.After(s.heartbeatInterval(), func() { s.heartbeat(w) })
}

func (s *simulation) emitUsage(w *worker, resource metric.WorkerResource, count int) {
	emit(s, workerReports, metric.WorkerUsage{
		Resource:   resource,
		WorkerName: w.name,
		Platform:   w.platform,
		TeamName:   w.team,
		Tags:       w.tags,
		Count:      count,
	})
}

// planOutage adds the next failure or restart of a worker to the agenda. The time
// depends on the staleness limit, so that workers disappear and return visibly at any
// speed.
func (s *simulation) planOutage(w *worker) {
	s.After(s.Exponential(20*s.staleAfter), func() {
		switch {
		case s.Chance(.5):
			s.die(w)
		case s.Chance(.7):
			s.drain(w, landing)
		default:
			s.drain(w, retiring)
		}
	})
}

// die makes a worker fail without notice. The builds on it end with an error.
func (s *simulation) die(w *worker) {
	w.state = stalled
	for _, b := range slices.Clone(w.builds) {
		s.finish(b, metric.BuildErrored)
	}
	s.logError("atc.tracker.track.task-step.worker-disappeared")
	s.planReturn(w)
}

// drain makes a worker accept no more builds. It stops when its builds have finished.
func (s *simulation) drain(w *worker, state workerState) {
	w.state = state
	s.finishDraining(w)
}

// release removes a build from a worker, which then has room for another one.
func (s *simulation) release(b *build, w *worker) {
	i := slices.Index(w.builds, b)
	w.builds = slices.Delete(w.builds, i, i+1)
	if w.state == running {
		s.fill(w)
		return
	}
	s.finishDraining(w)
}

// finishDraining stops a draining worker that has no more builds.
func (s *simulation) finishDraining(w *worker) {
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

// planReturn adds the return of a worker to the agenda, for a time when its series have
// become stale.
func (s *simulation) planReturn(w *worker) {
	s.After(s.Uniform(s.staleAfter*13/10, s.staleAfter*5/2), func() {
		w.state = running
		w.caches = 60 + s.IntN(60)
		s.emitRequest("RegisterWorker", "POST", "/api/v1/workers", 200, s.Lognormal(s.slowed(20*time.Millisecond), .4))
		s.heartbeat(w)
		s.fill(w)
		s.planOutage(w)
	})
}

// emitWorkerStates emits the number of workers by state, and adds the next call to the
// agenda.
func (s *simulation) emitWorkerStates() {
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
	emit(s, workerStates, states)
	s.tally[workerStates] += 4 // a call emits five events, one for each state
	s.After(time.Minute, s.emitWorkerStates)
}
