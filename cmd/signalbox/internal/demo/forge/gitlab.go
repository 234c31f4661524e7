package forge

import (
	"fmt"
	"time"
)

// gitlabStatuses are GitLab's words for results.
var gitlabStatuses = map[string]string{success: "success", failure: "failed", timedOut: "failed", broken: "failed", cancelled: "canceled", skipped: "skipped"}

// gitlabReasons are GitLab's words for the reasons of failures.
var gitlabReasons = map[string]string{failure: "script_failure", timedOut: "job_execution_timeout", broken: "runner_system_failure"}

// status returns GitLab's word for a state, with that for a result if it is the end.
func status(about *report) string {
	return [...]string{queued: "pending", started: "running", ended: gitlabStatuses[about.result]}[about.state]
}

// describe adds what GitLab reports about the pipeline.
func (r *run) describe(about *report) {
	source := r.trigger
	if source == pullRequest {
		source = "merge_request_event"
	}
	attributes := object{
		"id": r.id, "ref": r.branch, "tag": false, "sha": r.commit, "source": source,
		"status": status(about), "url": fmt.Sprintf("%s/%s/-/pipelines/%d", site, r.repository.name, r.id),
		"created_at": gitlabTime(r.queued), "finished_at": nil, "duration": nil, "queued_duration": nil,
	}
	if !r.started.IsZero() {
		about.started = whole(r.started)
		about.waited = (seconds(r.started) - seconds(r.queued)).Seconds()
		attributes["queued_duration"] = int(about.waited)
	}
	if about.state == ended {
		about.retry = r.attempt > 1
		attributes["finished_at"] = gitlabTime(r.ended)
		if !r.started.IsZero() {
			about.ran = r.ran.Seconds()
			attributes["duration"] = int(about.ran)
		}
	}
	var builds []object
	for _, j := range r.jobs {
		b := object{"id": j.id, "name": j.name(" %s"), "status": "pending", "created_at": gitlabTime(j.created), "started_at": nil, "finished_at": nil}
		at := j.created
		switch {
		case j.result != "":
			b["status"] = gitlabStatuses[j.result]
			at = time.Time{}
		case !j.started.IsZero():
			b["status"] = "running"
			b["started_at"] = gitlabTime(j.started)
			at = j.started
		}
		if at = whole(at); at.After(about.changed) {
			about.changed = at
		}
		builds = append(builds, b)
	}
	body := r.gitlabBody("pipeline")
	body["object_attributes"], body["builds"] = attributes, builds
	body["commit"] = object{"id": r.commit, "timestamp": timestamp(r.committed)}
	if r.trigger == pullRequest {
		body["merge_request"] = object{"iid": r.id % 1000, "source_branch": r.branch, "target_branch": "main"}
	}
	about.event, about.body = "Pipeline Hook", encode(body)
}

// describe adds what GitLab reports about the job.
func (j *job) describe(about *report) {
	r := j.run
	about.retry = j.retries > 0
	body := r.gitlabBody("build")
	for name, value := range (object{
		"ref": r.branch, "tag": false, "sha": r.commit,
		"build_id": j.id, "build_name": j.name(" %s"), "build_status": status(about),
		"build_created_at": gitlabTime(j.created), "build_started_at": nil, "build_finished_at": nil,
		"build_duration": nil, "build_queued_duration": nil, "build_failure_reason": "unknown_failure",
		"retries_count": j.retries, "pipeline_id": r.id, "runner": nil, "environment": nil,
		"commit": object{"id": r.id, "sha": r.commit},
	}) {
		body[name] = value
	}
	if j.plan.deploys != "" {
		body["environment"] = object{"name": j.plan.deploys, "action": "start"}
	}
	if !j.started.IsZero() {
		about.labels = j.pool().labels
		about.waited = fraction(j.started.Sub(j.created))
		body["build_started_at"], body["build_queued_duration"] = gitlabTime(j.started), about.waited
		body["runner"] = object{"description": j.runner, "runner_type": "group_type", "tags": j.pool().labels}
	}
	if about.state == ended {
		body["build_finished_at"] = gitlabTime(j.ended)
		if !j.started.IsZero() {
			about.ran = fraction(j.ended.Sub(j.started))
			body["build_duration"] = about.ran
		}
		if reason := gitlabReasons[j.result]; reason != "" {
			body["build_failure_reason"] = reason
		}
	}
	about.event, about.body = "Job Hook", encode(body)
}

// describe adds what GitLab reports about the deployment.
func (d *deployment) describe(about *report) {
	r, at := d.job.run, d.started
	if about.state == ended {
		at = d.ended
	}
	body := r.gitlabBody("deployment")
	for name, value := range (object{
		"deployment_id": d.id, "status": status(about), "status_changed_at": gitlabTime(at), "ref": r.branch,
		"environment": d.job.plan.deploys, "environment_tier": d.job.plan.deploys,
		"short_sha": r.commit[:8], "commit_url": fmt.Sprintf("%s/%s/-/commit/%s", site, r.repository.name, r.commit),
		"deployable_id": d.job.id, "deployable_url": fmt.Sprintf("%s/%s/-/jobs/%d", site, r.repository.name, d.job.id),
	}) {
		body[name] = value
	}
	about.event, about.body = "Deployment Hook", encode(body)
}

// gitlabBody returns what all payloads of GitLab have in common.
func (r *run) gitlabBody(kind string) object {
	return object{
		"object_kind": kind,
		"project": object{
			"path_with_namespace": r.repository.name, "web_url": site + "/" + r.repository.name, "default_branch": "main",
		},
	}
}

// fraction returns a duration in seconds, with milliseconds.
func fraction(d time.Duration) float64 { return d.Truncate(time.Millisecond).Seconds() }

func gitlabTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
