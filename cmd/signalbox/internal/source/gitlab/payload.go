package gitlab

import (
	"encoding/json"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// The types in this file are the parts of GitLab's payloads that are used. Fields can
// be missing or null.

type delivery struct {
	server string // URL of the server, from a header; can be empty

	ObjectKind string  `json:"object_kind"` // old payloads of pipelines have none
	Project    project `json:"project"`     // older payloads of jobs have none
	Repository struct {
		Homepage string `json:"homepage"`
	} `json:"repository"`

	pipelinePayload
	jobPayload
	deploymentPayload

	Ref string `json:"ref"` // of jobs and deployments
}

type project struct {
	PathWithNamespace string `json:"path_with_namespace"`
	WebURL            string `json:"web_url"`
	DefaultBranch     string `json:"default_branch"`
}

type pipelinePayload struct {
	Pipeline     *pipeline `json:"object_attributes"`
	MergeRequest *struct{} `json:"merge_request"`

	// Builds are decoded only if they are needed: there can be many.
	Builds json.RawMessage `json:"builds"`
}

type build struct {
	Status    string `json:"status"`
	Manual    bool   `json:"manual"`
	CreatedAt string `json:"created_at"`
	StartedAt string `json:"started_at"`
}

type pipeline struct {
	ID             payload.ID      `json:"id"`
	Name           string          `json:"name"`
	Ref            string          `json:"ref"`
	Tag            bool            `json:"tag"`
	SHA            string          `json:"sha"`
	Source         string          `json:"source"`
	Status         string          `json:"status"`
	URL            string          `json:"url"`
	CreatedAt      string          `json:"created_at"`
	FinishedAt     string          `json:"finished_at"`
	Duration       payload.Seconds `json:"duration"` // without the time in the queue
	QueuedDuration payload.Seconds `json:"queued_duration"`
}

type jobPayload struct {
	Tag                 bool            `json:"tag"`
	SHA                 string          `json:"sha"`
	BuildID             payload.ID      `json:"build_id"`
	BuildName           string          `json:"build_name"`
	BuildStatus         string          `json:"build_status"`
	BuildStartedAt      string          `json:"build_started_at"`
	BuildFinishedAt     string          `json:"build_finished_at"`
	BuildDuration       payload.Seconds `json:"build_duration"`
	BuildQueuedDuration payload.Seconds `json:"build_queued_duration"`
	BuildFailureReason  string          `json:"build_failure_reason"` // also set if the job did not fail
	RetriesCount        int             `json:"retries_count"`
	PipelineID          payload.ID      `json:"pipeline_id"`
	Runner              struct {
		Description string        `json:"description"`
		RunnerType  string        `json:"runner_type"`
		Tags        payload.Texts `json:"tags"`
	} `json:"runner"`

	// Commit is the commit of a pipeline or job. Of a job, its ID is the one of the
	// pipeline.
	Commit struct {
		ID        payload.ID `json:"id"`
		Timestamp string     `json:"timestamp"`
	} `json:"commit"`
}

type deploymentPayload struct {
	DeploymentID    payload.ID `json:"deployment_id"`
	Status          string     `json:"status"`
	StatusChangedAt string     `json:"status_changed_at"`
	Environment     string     `json:"environment"` // an object in payloads of jobs
	EnvironmentTier string     `json:"environment_tier"`
	ShortSHA        string     `json:"short_sha"`
	CommitURL       string     `json:"commit_url"`
	DeployableURL   string     `json:"deployable_url"`
}
