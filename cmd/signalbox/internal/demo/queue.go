package demo

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// enqueue adds a build to the queue, and assigns it to a worker if one has room.
func (s *simulation) enqueue(b *build) {
	b.queued = s.Now
	s.queue = append(s.queue, b)
	s.monitor.StepsWaiting.With(b.job.stepLabels("task")).Inc()
	s.monitor.TasksWaiting.With(b.job.taskLabels()).Inc()
	if w := s.workerFor(b.job); w != nil {
		s.assign(b, w)
	}
}

// dequeue removes a build from the queue, if it is there.
func (s *simulation) dequeue(b *build) {
	i := slices.Index(s.queue, b)
	if i < 0 {
		return
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	s.monitor.StepsWaiting.With(b.job.stepLabels("task")).Dec()
	s.monitor.TasksWaiting.With(b.job.taskLabels()).Dec()
}

// assign moves a build from the queue to a worker.
func (s *simulation) assign(b *build, w *worker) {
	s.dequeue(b)
	// Even an idle worker does not start immediately.
	waited := s.Now - b.queued + s.Exponential(s.slowed(200*time.Millisecond))
	emit(s, waits, metric.StepsWaitingDuration{Labels: b.job.stepLabels("task"), Duration: waited})
	emit(s, waits, metric.TasksWaitingDuration{Labels: b.job.taskLabels(), Duration: waited})
	s.runTask(b, w)
}

// workerFor returns the worker with the fewest builds that can run a task of the job
// now, or nil.
func (s *simulation) workerFor(j *job) *worker {
	var best *worker
	for _, w := range s.workers {
		if w.canRun(j) && (best == nil || len(w.builds) < len(best.builds)) {
			best = w
		}
	}
	return best
}

// fill assigns queued builds to a worker until it has no more room or no build fits.
func (s *simulation) fill(w *worker) {
	for {
		i := slices.IndexFunc(s.queue, func(b *build) bool { return w.canRun(b.job) })
		if i < 0 {
			return
		}
		s.assign(s.queue[i], w)
	}
}
