package gitea

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"

// The types in this file are the parts of the payloads that are used. Fields can be
// missing or null.

type delivery struct {
	Action     string     `json:"action"`
	Repository repository `json:"repository"`

	// Of Gitea. Workflow is sent with workflow_run.
	WorkflowRun *workflowRun `json:"workflow_run"`
	WorkflowJob *workflowJob `json:"workflow_job"`
	Workflow    struct {
		Name string `json:"name"`
	} `json:"workflow"`

	// Of Forgejo. A job comes with its run.
	Run *run `json:"run"`
	Job *job `json:"job"`
}

type repository struct {
	FullName      string `json:"full_name"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
}

type workflowRun struct {
	ID         payload.ID `json:"id"`
	RunAttempt payload.ID `json:"run_attempt"`
	// Path is the file of the workflow and the full ref, such as
	// "ci.yml@refs/heads/main".
	Path       string `json:"path"`
	Event      string `json:"event"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	HeadSHA    string `json:"head_sha"`
	HTMLURL    string `json:"html_url"`
	// StartedAt is when the first job of the attempt started.
	StartedAt   string `json:"started_at"`
	CompletedAt string `json:"completed_at"`
}

type workflowJob struct {
	ID          payload.ID    `json:"id"`
	RunID       payload.ID    `json:"run_id"`
	RunAttempt  payload.ID    `json:"run_attempt"`
	Name        string        `json:"name"`
	Conclusion  string        `json:"conclusion"`
	HeadBranch  string        `json:"head_branch"`
	HeadSHA     string        `json:"head_sha"`
	HTMLURL     string        `json:"html_url"`
	Labels      payload.Texts `json:"labels"`
	RunnerID    payload.ID    `json:"runner_id"`
	RunnerName  string        `json:"runner_name"` // empty if the runner was removed
	CreatedAt   string        `json:"created_at"`
	StartedAt   string        `json:"started_at"`
	CompletedAt string        `json:"completed_at"`
}

type run struct {
	ID           payload.ID `json:"id"`
	Repository   repository `json:"repository"`
	WorkflowID   string     `json:"workflow_id"` // the file of the workflow
	PrettyRef    string     `json:"prettyref"`   // without refs/heads/ or refs/tags/; "#5" for a pull request
	CommitSHA    string     `json:"commit_sha"`
	Event        string     `json:"event"`
	TriggerEvent string     `json:"trigger_event"`
	Status       string     `json:"status"`
	Created      string     `json:"created"`
	Started      string     `json:"started"`
	Stopped      string     `json:"stopped"`
	HTMLURL      string     `json:"html_url"`
}

type job struct {
	ID      payload.ID    `json:"id"`
	Attempt payload.ID    `json:"attempt"`
	Name    string        `json:"name"`
	RunsOn  payload.Texts `json:"runs_on"`
	Status  string        `json:"status"`
	HTMLURL string        `json:"html_url"`
}
