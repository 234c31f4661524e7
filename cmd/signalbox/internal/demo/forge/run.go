package forge

import (
	"fmt"
	"time"
)

// The results of runs, jobs and deployments, in GitHub's words.
const (
	success   = "success"
	failure   = "failure"
	cancelled = "cancelled"
	skipped   = "skipped"
	timedOut  = "timed_out"
	broken    = "broken" // the runner failed; only on GitLab
)

// A run is a run of a workflow, or a pipeline.
type run struct {
	simulation *Simulation
	org        *organization
	repository *repositoryPlan
	workflow   *workflowPlan

	id        int
	attempt   int
	trigger   string // push, pull_request, schedule, workflow_run
	branch    string
	commit    string
	committed time.Time

	queued  time.Time // when the attempt was created
	started time.Time // when its first job started; zero before
	resumed time.Time // GitLab: when it started again because a job was retried, or started
	ended   time.Time // zero before
	ran     time.Duration
	result  string

	stage      int
	jobs       []*job // the latest attempts of all jobs
	unfinished int    // number of jobs of the stage that have not ended
}

// planRun adds the next run of a workflow to the agenda.
func (s *Simulation) planRun(o *organization, r *repositoryPlan, w *workflowPlan) {
	if w.trigger == after {
		return
	}
	wait := s.Exponential(time.Duration(float64(w.every) / s.load()))
	if w.trigger == schedule {
		wait = s.Uniform(w.every*9/10, w.every*11/10)
	}
	s.agenda.After(wait, func() {
		branch := "main"
		if w.trigger == pullRequest {
			branch = fmt.Sprintf("feature-%d", 100+s.IntN(80))
		}
		s.startRun(&run{
			org: o, repository: r, workflow: w, trigger: w.trigger, branch: branch,
			commit: s.hash(), committed: s.now().Add(-s.Lognormal(25*time.Minute, 1.3)).Truncate(time.Second),
		})
		s.planRun(o, r, w)
	})
}

// startRun starts the first attempt of a run.
func (s *Simulation) startRun(r *run) {
	if s.closed {
		return
	}
	r.simulation, r.id, r.attempt, r.queued = s, s.nextID(), 1, s.now()
	s.report(r.about(queued))
	r.startStage(0)
	if r.trigger == pullRequest && s.Chance(.04) {
		s.agenda.After(s.Exponential(time.Minute), func() { r.cancel(1) }) // someone pushed again
	}
}

// startStage queues the jobs of a stage.
func (r *run) startStage(stage int) {
	r.stage = stage
	var jobs []*job
	for i := range r.workflow.stages[stage] {
		plan := &r.workflow.stages[stage][i]
		for _, parameters := range plan.names() {
			jobs = append(jobs, r.newJob(plan, parameters))
		}
	}
	r.queue(jobs)
}

// queue queues jobs, which the run then waits for.
func (r *run) queue(jobs []*job) {
	r.unfinished = len(jobs)
	for _, j := range jobs {
		r.jobs = append(r.jobs, j)
		j.queue()
	}
}

// jobStarted records that a job of the run has started.
func (r *run) jobStarted() {
	if !r.resumed.IsZero() {
		return
	}
	r.resumed = r.simulation.now()
	if r.started.IsZero() {
		r.started = r.resumed
	}
	r.simulation.report(r.about(started))
}

// jobEnded records that a job of the run has ended, and continues with the next stage.
func (r *run) jobEnded() {
	r.unfinished--
	if r.unfinished > 0 {
		return
	}
	result := success
	for _, j := range r.jobs {
		switch {
		case j.result == cancelled:
			result = cancelled
		case j.result != success && j.result != skipped && result == success:
			result = failure
		}
	}
	stages := r.workflow.stages
	if result == success && r.stage+1 < len(stages) {
		r.startStage(r.stage + 1)
		return
	}
	for stage := r.stage + 1; stage < len(stages); stage++ {
		for i := range stages[stage] {
			j := r.newJob(&stages[stage][i], "")
			r.jobs = append(r.jobs, j)
			j.skip()
		}
	}
	r.end(result)
}

// end ends the attempt.
func (r *run) end(result string) {
	s := r.simulation
	r.result, r.ended = result, s.now()
	if !r.resumed.IsZero() {
		r.ran += seconds(r.ended) - seconds(r.resumed)
	}
	s.report(r.about(ended))
	switch {
	case s.closed:
	case result == failure && r.attempt < 3 && s.Chance(.4):
		s.agenda.After(s.Uniform(15*time.Second, 90*time.Second), r.retry)
	case result == success && r.workflow.trigger == push:
		r.follow()
	}
}

// follow starts the workflows that follow a push.
func (r *run) follow() {
	s := r.simulation
	for i := range r.repository.workflows {
		if w := &r.repository.workflows[i]; w.trigger == after && s.Chance(.6) {
			next := &run{
				org: r.org, repository: r.repository, workflow: w, trigger: "workflow_run", branch: r.branch,
				commit: r.commit, committed: r.committed,
			}
			s.agenda.After(s.Uniform(2*time.Second, 8*time.Second), func() { s.startRun(next) })
		}
	}
}

// retry runs the jobs that failed again, and those after them. On GitHub, that is another
// attempt; on GitLab, the same pipeline continues.
func (r *run) retry() {
	if r.simulation.closed {
		return
	}
	var again, kept []*job
	for _, j := range r.jobs {
		switch j.result {
		case success:
			kept = append(kept, j)
		case skipped:
		default:
			next := r.newJob(j.plan, j.parameters)
			next.retries = j.retries + 1
			again = append(again, next)
		}
	}
	r.attempt++
	r.jobs, r.resumed = kept, time.Time{}
	if r.org.system == GitHub {
		r.queued, r.started, r.ran = r.simulation.now(), time.Time{}, 0
		r.simulation.report(r.about(queued))
	}
	r.queue(again)
}

// cancel cancels the run during its attempt with the number.
func (r *run) cancel(attempt int) {
	if r.attempt != attempt || r.unfinished == 0 {
		return
	}
	for _, j := range r.jobs {
		j.end(cancelled)
	}
}

// names returns the parameters of the jobs that the plan describes.
func (p *jobPlan) names() []string {
	if p.matrix == nil {
		return []string{""}
	}
	return p.matrix
}

// seconds returns a time as payloads show it.
func seconds(t time.Time) time.Duration { return time.Duration(t.Unix()) * time.Second }
