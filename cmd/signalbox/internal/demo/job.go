package demo

import (
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// mostUnfinished is how many builds of a job may be unfinished; it is not triggered
// beyond. It is what keeps the queue short when workers are away.
const mostUnfinished = 3

// A job is what builds are of.
type job struct {
	jobPlan
	id             int
	team, pipeline string
	teamID         string
	next           []*job // those that this one triggers

	builds     int     // how many there were
	unfinished int     // of these
	trouble    float64 // what its flakes are multiplied by; 1 unless there is an incident
}

// newJobs makes the jobs of the organisation.
func newJobs() []*job {
	var jobs []*job
	for i, team := range organisation {
		for _, pipeline := range team.pipelines {
			first := len(jobs)
			for _, plan := range pipeline.jobs {
				if plan.platform == "" {
					plan.platform = "linux"
				}
				if plan.spread == 0 {
					plan.spread = .35
				}
				j := &job{
					jobPlan:  plan,
					id:       len(jobs) + 1,
					team:     team.name,
					teamID:   strconv.Itoa(i + 1),
					pipeline: pipeline.name,
					trouble:  1,
				}
				for _, earlier := range jobs[first:] {
					if earlier.name == plan.after {
						earlier.next = append(earlier.next, j)
					}
				}
				jobs = append(jobs, j)
			}
		}
	}
	return jobs
}

// step is which of the job's steps wait for a worker.
func (j *job) step(of string) metric.StepsWaitingLabels {
	labels := metric.StepsWaitingLabels{TeamId: j.teamID, TeamName: j.team, Type: of}
	if of == "task" {
		labels.Platform, labels.WorkerTags = j.platform, j.tag
	}
	return labels
}

// task is which of the job's tasks wait for a worker.
func (j *job) task() metric.TasksWaitingLabels {
	return metric.TasksWaitingLabels{TeamId: j.teamID, WorkerTags: j.tag, Platform: j.platform}
}

// planTrigger notes the next time that a job is triggered by anything but another job.
func (s *simulation) planTrigger(j *job) {
	var wait time.Duration
	switch {
	case j.every > 0:
		wait = s.between(j.every*9/10, j.every*11/10)
	case j.commits > 0:
		wait = s.waiting(time.Duration(float64(time.Hour) / (j.commits * s.load())))
	default:
		return
	}
	s.after(wait, func() {
		s.trigger(j)
		s.planTrigger(j)
	})
}

// trigger schedules a job: a build of it starts, unless there are enough.
func (s *simulation) trigger(j *job) {
	if j.unfinished >= mostUnfinished {
		return
	}
	tell(s, locks, metric.LockAcquired{LockType: "JobScheduling"})
	s.monitor.JobsScheduling.Inc()
	s.monitor.DatabaseQueries.IncDelta(12)
	tell(s, jobsScheduled, metric.SchedulingJobDuration{
		PipelineName: j.pipeline,
		JobName:      j.name,
		JobID:        j.id,
		Duration:     s.lasting(s.slowed(60*time.Millisecond), .6),
	})
	s.monitor.JobsScheduled.Inc()
	s.monitor.JobsScheduling.Dec()
	tell(s, locks, metric.LockReleased{LockType: "JobScheduling"})
	s.start(j)
}
