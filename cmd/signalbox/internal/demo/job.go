package demo

import (
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// maxUnfinished is the maximum number of unfinished builds of a job. With so many, the
// job is not triggered. This limits the queue while workers are missing.
const maxUnfinished = 3

// A job is a jobPlan with the state of the job.
type job struct {
	jobPlan
	id             int
	team, pipeline string
	teamID         string
	next           []*job // jobs that run after this one

	builds     int     // number of builds so far
	unfinished int     // number of unfinished builds
	trouble    float64 // factor of flakes; 1 except during an incident
}

// newJobs returns the jobs of the organization.
func newJobs() []*job {
	var jobs []*job
	for i, team := range organization {
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

// stepLabels returns the labels of waiting steps of the job. The type is get, put or
// task.
func (j *job) stepLabels(stepType string) metric.StepsWaitingLabels {
	labels := metric.StepsWaitingLabels{TeamId: j.teamID, TeamName: j.team, Type: stepType}
	if stepType == "task" {
		labels.Platform, labels.WorkerTags = j.platform, j.tag
	}
	return labels
}

// taskLabels returns the labels of waiting tasks of the job.
func (j *job) taskLabels() metric.TasksWaitingLabels {
	return metric.TasksWaitingLabels{TeamId: j.teamID, WorkerTags: j.tag, Platform: j.platform}
}

// planTrigger adds the next trigger of a job to the agenda, unless other jobs trigger
// it.
func (s *simulation) planTrigger(j *job) {
	var wait time.Duration
	switch {
	case j.every > 0:
		wait = s.Uniform(j.every*9/10, j.every*11/10)
	case j.commits > 0:
		wait = s.Exponential(time.Duration(float64(time.Hour) / (j.commits * s.load())))
	default:
		return
	}
	s.After(wait, func() {
		s.trigger(j)
		s.planTrigger(j)
	})
}

// trigger starts a build of a job, unless it has too many unfinished builds.
func (s *simulation) trigger(j *job) {
	if j.unfinished >= maxUnfinished {
		return
	}
	emit(s, locks, metric.LockAcquired{LockType: "JobScheduling"})
	s.monitor.JobsScheduling.Inc()
	s.monitor.DatabaseQueries.IncDelta(12)
	emit(s, jobsScheduled, metric.SchedulingJobDuration{
		PipelineName: j.pipeline,
		JobName:      j.name,
		JobID:        j.id,
		Duration:     s.Lognormal(s.slowed(60*time.Millisecond), .6),
	})
	s.monitor.JobsScheduled.Inc()
	s.monitor.JobsScheduling.Dec()
	emit(s, locks, metric.LockReleased{LockType: "JobScheduling"})
	s.start(j)
}
