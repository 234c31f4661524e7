package circleci

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"

// The types in this file are the parts of CircleCI's payloads that are used. Fields can
// be missing or null.

type delivery struct {
	ID         payload.ID `json:"id"` // the same in each repetition
	Type       string     `json:"type"`
	HappenedAt string     `json:"happened_at"`

	Organization struct {
		Name string `json:"name"`
	} `json:"organization"`
	Project struct {
		Name string `json:"name"`
	} `json:"project"`
	Pipeline pipeline `json:"pipeline"`

	// Workflow is also sent with jobs, without its status, but not by all
	// integrations.
	Workflow struct {
		ID        payload.ID `json:"id"`
		Name      string     `json:"name"`
		Status    string     `json:"status"`
		CreatedAt string     `json:"created_at"`
		StoppedAt string     `json:"stopped_at"`
		URL       string     `json:"url"`
	} `json:"workflow"`

	Job struct {
		ID        payload.ID `json:"id"`
		Name      string     `json:"name"`
		Number    payload.ID `json:"number"`
		Status    string     `json:"status"`
		StartedAt string     `json:"started_at"`
		StoppedAt string     `json:"stopped_at"`
	} `json:"job"`
}

type pipeline struct {
	Trigger struct {
		Type string `json:"type"`
	} `json:"trigger"`

	// VCS is sent by the integrations GitHub OAuth and Bitbucket Cloud, and
	// TriggerParameters by the others.
	VCS struct {
		Branch   string `json:"branch"`
		Tag      string `json:"tag"`
		Revision string `json:"revision"`
	} `json:"vcs"`
	TriggerParameters struct {
		Git struct {
			Branch      string `json:"branch"`
			Tag         string `json:"tag"`
			CheckoutSHA string `json:"checkout_sha"`
		} `json:"git"`
		CircleCI struct {
			EventType string `json:"event_type"`
		} `json:"circleci"`
	} `json:"trigger_parameters"`
}
