package github

import (
	"encoding/json"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// The types in this file are the parts of GitHub's payloads that are used. Fields can
// be missing or null.

type delivery struct {
	Action           string            `json:"action"`
	WorkflowRun      *workflowRun      `json:"workflow_run"`
	WorkflowJob      *workflowJob      `json:"workflow_job"`
	DeploymentStatus *deploymentStatus `json:"deployment_status"`
	Deployment       deployment        `json:"deployment"`
	Repository       repository        `json:"repository"`

	// Workflow is sent with workflow_run. Unlike the name of the run, its name cannot
	// be changed by the workflow.
	Workflow struct {
		Name string `json:"name"`
		Path string `json:"path"`
	} `json:"workflow"`
}

type repository struct {
	FullName      string `json:"full_name"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
}

type workflowRun struct {
	ID         payload.ID `json:"id"`
	RunAttempt payload.ID `json:"run_attempt"`
	Name       string     `json:"name"`
	Path       string     `json:"path"`
	Event      string     `json:"event"`
	Status     string     `json:"status"`
	Conclusion string     `json:"conclusion"`
	HeadBranch string     `json:"head_branch"`
	HeadSHA    string     `json:"head_sha"`
	HTMLURL    string     `json:"html_url"`
	CreatedAt  string     `json:"created_at"`
	// RunStartedAt is when the attempt was created. CreatedAt is when the first attempt
	// was.
	RunStartedAt string `json:"run_started_at"`
	// UpdatedAt is the end of a completed run. There is no completed_at.
	UpdatedAt  string `json:"updated_at"`
	HeadCommit struct {
		ID        string `json:"id"`
		Timestamp string `json:"timestamp"`
	} `json:"head_commit"`
}

type workflowJob struct {
	ID              payload.ID    `json:"id"`
	RunID           payload.ID    `json:"run_id"`
	RunAttempt      payload.ID    `json:"run_attempt"`
	WorkflowName    string        `json:"workflow_name"`
	Name            string        `json:"name"`
	Status          string        `json:"status"`
	Conclusion      string        `json:"conclusion"`
	HeadBranch      string        `json:"head_branch"`
	HeadSHA         string        `json:"head_sha"`
	HTMLURL         string        `json:"html_url"`
	Labels          payload.Texts `json:"labels"`
	RunnerName      string        `json:"runner_name"`
	RunnerGroupName string        `json:"runner_group_name"`
	CreatedAt       string        `json:"created_at"`
	StartedAt       string        `json:"started_at"`
	CompletedAt     string        `json:"completed_at"`

	// Steps are decoded only if they are needed: there can be many.
	Steps json.RawMessage `json:"steps"`
}

type step struct {
	StartedAt string `json:"started_at"`
}

type deploymentStatus struct {
	State       string `json:"state"`
	Environment string `json:"environment"`
	TargetURL   string `json:"target_url"`
	CreatedAt   string `json:"created_at"`
}

type deployment struct {
	ID                    payload.ID `json:"id"`
	SHA                   string     `json:"sha"`
	Ref                   string     `json:"ref"`
	Environment           string     `json:"environment"`
	ProductionEnvironment *bool      `json:"production_environment"`
	CreatedAt             string     `json:"created_at"`
}
