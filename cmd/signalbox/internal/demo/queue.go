package demo

import (
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// enqueue has a build wait for a worker, if only for a moment.
func (s *simulation) enqueue(b *build) {
	b.queued = s.now
	s.queue = append(s.queue, b)
	s.monitor.StepsWaiting.With(b.job.step("task")).Inc()
	s.monitor.TasksWaiting.With(b.job.task()).Inc()
	if w := s.workerFor(b.job); w != nil {
		s.place(b, w)
	}
}

// dequeue takes a build out of the queue, if it is there.
func (s *simulation) dequeue(b *build) {
	i := slices.Index(s.queue, b)
	if i < 0 {
		return
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	s.monitor.StepsWaiting.With(b.job.step("task")).Dec()
	s.monitor.TasksWaiting.With(b.job.task()).Dec()
}

// place gives a build that waits to a worker.
func (s *simulation) place(b *build, w *worker) {
	s.dequeue(b)
	// Even an idle worker takes a moment.
	waited := s.now - b.queued + s.waiting(s.slowed(200*time.Millisecond))
	tell(s, waits, metric.StepsWaitingDuration{Labels: b.job.step("task"), Duration: waited})
	tell(s, waits, metric.TasksWaitingDuration{Labels: b.job.task(), Duration: waited})
	s.work(b, w)
}

// workerFor is the least busy of the workers that can run a task of the job now, or
// nil.
func (s *simulation) workerFor(j *job) *worker {
	var best *worker
	for _, w := range s.workers {
		if w.takes(j) && (best == nil || len(w.builds) < len(best.builds)) {
			best = w
		}
	}
	return best
}

// fill gives a worker the builds that wait for one like it.
func (s *simulation) fill(w *worker) {
	for {
		i := slices.IndexFunc(s.queue, func(b *build) bool { return w.takes(b.job) })
		if i < 0 {
			return
		}
		s.place(s.queue[i], w)
	}
}
