package forge

import "time"

const (
	// jobTimeout is the time after which a job that hangs is stopped.
	jobTimeout = 9 * time.Minute

	hangs  = .004 // probability that a job hangs
	breaks = .006 // probability that the runner of a job fails
)

// A job is a job of a run.
type job struct {
	run        *run
	plan       *jobPlan
	parameters string // of its matrix; "" means none

	id      int
	retries int // number of attempts before this one
	runner  string

	created, started, ended time.Time // zero before
	result                  string    // "" before the end

	deployment *deployment // while it deploys; nil if it does not
}

// A deployment is a deployment by a job.
type deployment struct {
	job *job
	id  int

	created, started, ended time.Time // zero before
	result                  string
}

// newJob returns a job that is created now.
func (r *run) newJob(plan *jobPlan, parameters string) *job {
	return &job{run: r, plan: plan, parameters: parameters, id: r.simulation.nextID(), created: r.simulation.now()}
}

// pool returns the runners for the job.
func (j *job) pool() *pool { return j.run.org.pools[j.plan.pool] }

// queue lets the job wait for a runner.
func (j *job) queue() {
	j.run.simulation.report(j.about(queued))
	j.pool().add(j)
}

// start starts the job on its runner.
func (j *job) start() {
	s := j.run.simulation
	if j.result != "" { // cancelled while the runner prepared for it
		j.pool().release(j.runner)
		return
	}
	j.started = s.now()
	s.report(j.about(started))
	j.run.jobStarted()
	if j.plan.deploys != "" {
		j.deployment = &deployment{job: j, id: s.nextID(), created: s.now(), started: s.now()}
		s.report(j.deployment.about(started))
	}

	took, result := s.Lognormal(j.plan.duration, .3), success
	switch {
	case s.Chance(hangs):
		took, result = jobTimeout, timedOut
	case j.run.org.system == GitLab && s.Chance(breaks):
		result = broken
	case s.Chance(j.plan.fails):
		took, result = s.Uniform(took/4, took), failure
	}
	s.agenda.After(took, func() { j.end(result) })
}

// end ends the job, unless it has ended.
func (j *job) end(result string) {
	if j.result != "" {
		return
	}
	s := j.run.simulation
	j.result, j.ended = result, s.now()
	j.pool().remove(j)
	if j.deployment != nil {
		j.deployment.end(result)
	}
	s.report(j.about(ended))
	if !j.started.IsZero() {
		j.pool().release(j.runner)
	}
	j.run.jobEnded()
}

// skip ends a job because another one failed. GitLab does not report it: after a retry,
// the same job can still run.
func (j *job) skip() {
	j.result, j.ended = skipped, j.run.simulation.now()
	if j.run.org.system == GitHub {
		j.run.simulation.report(j.about(ended))
	}
}

// end ends the deployment with the result of its job.
func (d *deployment) end(result string) {
	d.ended, d.result = d.job.run.simulation.now(), result
	if result != success {
		d.result = failure
	}
	d.job.run.simulation.report(d.about(ended))
}
