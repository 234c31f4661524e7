package buildkite

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"

// The types in this file are the parts of Buildkite's payloads that are used. Fields can
// be missing or null. Amazon EventBridge has other names for some of them.

type delivery struct {
	Event string `json:"event"`
	objects

	// Of Amazon EventBridge.
	ID         payload.ID `json:"id"`
	DetailType string     `json:"detail-type"`
	Time       string     `json:"time"` // of the event
	Detail     objects    `json:"detail"`
}

// isBridged reports whether Amazon EventBridge sent the delivery.
func (p *delivery) isBridged() bool { return p.DetailType != "" }

type objects struct {
	Build        *build   `json:"build"`
	Job          *job     `json:"job"`
	Agent        *agent   `json:"agent"`
	Pipeline     pipeline `json:"pipeline"`
	Organization struct {
		Slug string `json:"slug"` // EventBridge only
	} `json:"organization"`
}

type build struct {
	ID          payload.ID `json:"id"`
	UUID        payload.ID `json:"uuid"` // EventBridge
	Number      payload.ID `json:"number"`
	State       string     `json:"state"`
	Blocked     bool       `json:"blocked"` // EventBridge: State is "blocked"
	URL         string     `json:"url"`
	WebURL      string     `json:"web_url"`
	Branch      string     `json:"branch"`
	Commit      string     `json:"commit"` // can be "HEAD" and others
	Source      string     `json:"source"`
	CreatedAt   string     `json:"created_at"`
	ScheduledAt string     `json:"scheduled_at"`
	StartedAt   string     `json:"started_at"` // later than the first start, if the build ran again
	FinishedAt  string     `json:"finished_at"`
	RebuiltFrom *struct{}  `json:"rebuilt_from"`
	PullRequest struct {
		ID payload.ID `json:"id"`
	} `json:"pull_request"`
}

type job struct {
	ID              payload.ID    `json:"id"`
	UUID            payload.ID    `json:"uuid"` // EventBridge
	Type            string        `json:"type"`
	Name            string        `json:"name"`
	Label           string        `json:"label"` // EventBridge
	StepKey         string        `json:"step_key"`
	State           string        `json:"state"`
	WebURL          string        `json:"web_url"`
	AgentQueryRules payload.Texts `json:"agent_query_rules"`
	ExitStatus      *int          `json:"exit_status"`
	Passed          bool          `json:"passed"` // EventBridge
	SoftFailed      bool          `json:"soft_failed"`
	SignalReason    string        `json:"signal_reason"`
	RunnableAt      string        `json:"runnable_at"` // when an agent could have started it
	StartedAt       string        `json:"started_at"`
	FinishedAt      string        `json:"finished_at"`
	RetrySource     *struct{}     `json:"retry_source"`
	Agent           struct {
		Name string `json:"name"`
	} `json:"agent"`
}

type agent struct {
	ID             payload.ID    `json:"id"`
	UUID           payload.ID    `json:"uuid"` // EventBridge
	Name           string        `json:"name"`
	URL            string        `json:"url"`
	Queue          string        `json:"queue"`
	MetaData       payload.Texts `json:"meta_data"` // such as "queue=default"
	ConnectedAt    string        `json:"connected_at"`
	DisconnectedAt string        `json:"disconnected_at"`
	LostAt         string        `json:"lost_at"`
	StoppedAt      string        `json:"stopped_at"`
}

type pipeline struct {
	Slug          string `json:"slug"`
	URL           string `json:"url"`
	Repository    string `json:"repository"`
	Repo          string `json:"repo"` // EventBridge
	DefaultBranch string `json:"default_branch"`
}
