package forge

import (
	"fmt"
	"strings"
	"time"
)

// about returns a report that the run is in a state.
func (r *run) about(st state) report {
	about := report{
		system: r.org.system, kind: runs, id: r.id, state: st,
		queued: whole(r.queued), repository: r.repository.name, workflow: r.workflow.name, trigger: r.trigger,
		commit: r.commit, committed: r.committed,
	}
	if st == ended {
		about.ended, about.result = whole(r.ended), r.result
	}
	if r.org.system == GitHub {
		about.attempt, about.retry = r.attempt, r.attempt > 1
		about.event, about.body = "workflow_run", r.githubBody(&about)
	} else {
		r.describe(&about)
	}
	return about
}

// about returns a report that the job is in a state.
func (j *job) about(st state) report {
	about := report{
		system: j.run.org.system, kind: jobs, id: j.id, run: j.run.id, state: st,
		queued: whole(j.created), started: whole(j.started),
		repository: j.run.repository.name, workflow: j.run.workflow.name,
	}
	if st == ended {
		about.ended, about.result = whole(j.ended), j.result
	}
	if j.run.org.system == GitHub {
		about.attempt, about.retry = j.run.attempt, j.run.attempt > 1
		about.labels = j.labels()
		about.event, about.body = "workflow_job", j.githubBody(&about)
	} else {
		j.describe(&about)
	}
	return about
}

// about returns a report that the deployment is in a state.
func (d *deployment) about(st state) report {
	r := d.job.run
	about := report{
		system: r.org.system, kind: deployments, id: d.id, state: st, queued: whole(d.created),
		repository: r.repository.name, environment: d.job.plan.deploys, commit: r.commit,
	}
	switch st {
	case started:
		about.started = whole(d.started)
	case ended:
		about.ended, about.result = whole(d.ended), d.result
	}
	if r.org.system == GitHub {
		about.event, about.body = "deployment_status", d.githubBody(&about)
	} else {
		d.describe(&about)
	}
	return about
}

// labels returns the labels that the job asks for. GitHub reports none of jobs that it
// skips.
func (j *job) labels() []string {
	if j.result == skipped {
		return []string{}
	}
	return j.pool().labels
}

// actions are GitHub's words for the states of runs; those of jobs begin with "queued".
var actions = [...]string{queued: "requested", started: "in_progress", ended: "completed"}

func (r *run) githubBody(about *report) []byte {
	var conclusion any
	status, updated := actions[about.state], whole(r.simulation.now())
	switch about.state {
	case queued:
		status = "queued"
	case ended:
		conclusion = r.result
	}
	return encode(object{
		"action": actions[about.state],
		"workflow_run": object{
			"id":             r.id,
			"name":           r.workflow.name,
			"path":           r.workflowPath(),
			"run_attempt":    r.attempt,
			"event":          r.trigger,
			"status":         status,
			"conclusion":     conclusion,
			"head_branch":    r.branch,
			"head_sha":       r.commit,
			"html_url":       r.page(),
			"created_at":     timestamp(r.queued),
			"run_started_at": timestamp(r.queued),
			"updated_at":     timestamp(updated),
			"head_commit":    object{"id": r.commit, "timestamp": timestamp(r.committed)},
		},
		"workflow":     object{"name": r.workflow.name, "path": r.workflowPath()},
		"repository":   r.githubRepository(),
		"organization": object{"login": owner(r.repository.name)},
	})
}

func (j *job) githubBody(about *report) []byte {
	r := j.run
	fields := object{
		"id":            j.id,
		"run_id":        r.id,
		"run_attempt":   r.attempt,
		"run_url":       r.page(),
		"workflow_name": r.workflow.name,
		"name":          j.name(" (%s)"),
		"head_branch":   r.branch,
		"head_sha":      r.commit,
		"html_url":      fmt.Sprintf("%s/job/%d", r.page(), j.id),
		"labels":        j.labels(),
		"status":        actions[about.state],
		"conclusion":    nil,
		"created_at":    timestamp(j.created),
		"started_at":    timestamp(j.created),
		"completed_at":  nil,
		"steps":         []object{},
	}
	action := actions[about.state]
	if about.state == queued {
		action = "queued"
		fields["status"] = action
	}
	if !j.started.IsZero() {
		fields["started_at"] = timestamp(j.started)
		fields["runner_name"] = j.runner
		fields["runner_group_name"] = "Default"
		fields["steps"] = []object{{"name": "Set up job", "number": 1, "status": "completed", "conclusion": success, "started_at": timestamp(j.started), "completed_at": timestamp(j.started)}}
	}
	if about.state == ended {
		fields["conclusion"], fields["completed_at"] = j.result, timestamp(j.ended)
	}
	return encode(object{
		"action":       action,
		"workflow_job": fields,
		"repository":   r.githubRepository(),
		"organization": object{"login": owner(r.repository.name)},
	})
}

func (d *deployment) githubBody(about *report) []byte {
	r := d.job.run
	state, at := "in_progress", d.started
	if about.state == ended {
		state, at = d.result, d.ended
	}
	return encode(object{
		"action": "created",
		"deployment_status": object{
			"id": d.id, "state": state, "environment": d.job.plan.deploys,
			"target_url": r.page(), "created_at": timestamp(at),
		},
		"deployment": object{
			"id": d.id, "sha": r.commit, "ref": r.branch, "environment": d.job.plan.deploys,
			"production_environment": d.job.plan.deploys == "production", "created_at": timestamp(d.created),
		},
		"workflow_run": object{"id": r.id, "name": r.workflow.name, "event": r.trigger},
		"repository":   r.githubRepository(),
		"organization": object{"login": owner(r.repository.name)},
	})
}

func (r *run) githubRepository() object {
	return object{"full_name": r.repository.name, "html_url": site + "/" + r.repository.name, "default_branch": "main"}
}

// page returns the URL of the page of the run on GitHub.
func (r *run) page() string {
	return fmt.Sprintf("%s/%s/actions/runs/%d", site, r.repository.name, r.id)
}

func (r *run) workflowPath() string {
	return ".github/workflows/" + strings.ToLower(r.workflow.name) + ".yml"
}

// name returns the name of the job, with its parameters in the format.
func (j *job) name(format string) string {
	if j.parameters == "" {
		return j.plan.name
	}
	return j.plan.name + fmt.Sprintf(format, j.parameters)
}

// owner returns the first part of the name of a repository.
func owner(repository string) string {
	name, _, _ := strings.Cut(repository, "/")
	return name
}

func timestamp(t time.Time) string { return t.Format(time.RFC3339) }
